"""librdkafka's mock cluster in a process of its own: `python -m fanout.demo.cluster cluster-events=4`.

It prints its address as one line and lives until its standard input closes, so it cannot outlive who started it.
Lines on its input: `guard PID` has it kill that process too when the input closes before `release PID` came.

The mock is driven through its C functions, which the client library carries with it. The `test.mock.*` settings,
the other way to have one, can neither choose the number of partitions nor shorten the three seconds that a group
waits for its first member. It stores nothing on disk, keeps PARTITION_BYTES of each partition, creates a topic of four
partitions when a producer asks for one that is not there, and has no request that creates topics.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from selectors import EVENT_READ, DefaultSelector
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, Self

import confluent_kafka.cimpl

from fanout.errors import FanoutError

Signatures = Mapping[str, tuple[Any, list[Any]]]  # of C functions: the type of the result, those of the arguments

PARTITION_BYTES = 5 * 1024 * 1024
AUTO_PARTITIONS = 4
CONTROLLER = 0
START_S = 10.0
STOP_S = 5.0


POINTER, TEXT, NUMBER = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int
SIGNATURES: dict[str, tuple[Any, list[Any]]] = {
    "rd_kafka_conf_new": (POINTER, []),
    "rd_kafka_conf_set": (NUMBER, [POINTER, TEXT, TEXT, TEXT, ctypes.c_size_t]),
    "rd_kafka_new": (POINTER, [NUMBER, POINTER, TEXT, ctypes.c_size_t]),
    "rd_kafka_destroy": (None, [POINTER]),
    "rd_kafka_err2str": (TEXT, [NUMBER]),
    "rd_kafka_mock_cluster_new": (POINTER, [POINTER, NUMBER]),
    "rd_kafka_mock_cluster_destroy": (None, [POINTER]),
    "rd_kafka_mock_cluster_bootstraps": (TEXT, [POINTER]),
    "rd_kafka_mock_broker_add": (NUMBER, [POINTER, ctypes.c_int32]),
    "rd_kafka_mock_topic_create": (NUMBER, [POINTER, TEXT, NUMBER, NUMBER]),
    "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [POINTER, ctypes.c_int32]),
    "rd_kafka_mock_set_group_consumer_heartbeat_interval_ms": (None, [POINTER, NUMBER]),
}


class ClusterError(FanoutError):
    """The mock cluster did not start."""


class Cluster:
    """The mock cluster's process, from `with` to its end.

    `topics` (name -> partitions) are there from the start. Entering blocks until the broker listens, 10 s at most.
    """

    _module: ClassVar[str] = "fanout.demo.cluster"

    def __init__(self, topics: dict[str, int]) -> None:
        self._topics = topics
        self.bootstrap = ""  # host:port

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module, *self._arguments()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            process_group=0,  # Ctrl-C is for the demo, which then stops its processes in order
        )
        try:
            self.bootstrap = self._read_address()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        process = self._process
        assert process.stdin is not None and process.stdout is not None  # noqa: S101 PT018  # pipes, as asked for
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()

    def _arguments(self) -> list[str]:
        return [f"{name}={partitions}" for name, partitions in self._topics.items()]

    def guard(self, pid: int) -> None:
        """Have this process killed if ours dies before `release`."""
        self._tell(f"guard {pid}\n")

    def release(self, pid: int) -> None:
        """To be called when the process has ended."""
        with contextlib.suppress(BrokenPipeError):  # it is gone, and guards nothing any more
            self._tell(f"release {pid}\n")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None  # noqa: S101  # a pipe, as asked for
        self._process.stdin.write(line.encode())
        self._process.stdin.flush()

    def _read_address(self) -> str:
        return self._read_line("gave no address")

    def _read_line(self, otherwise: str) -> str:
        """The next line that it prints; ClusterError if it ended, or says nothing for 10 s: it `otherwise`."""
        assert self._process.stdout is not None  # noqa: S101  # a pipe, as asked for
        with DefaultSelector() as selector:
            selector.register(self._process.stdout, EVENT_READ)
            if not selector.select(START_S):
                raise ClusterError(f"the mock cluster {otherwise} within {START_S:.0f} s")
        line = self._process.stdout.readline().decode().strip()
        if not line:
            raise ClusterError(f"the mock cluster ended with exit code {self._process.wait(STOP_S)}")
        return line


class Mock(NamedTuple):
    """A mock cluster within this process: the library, and what its functions want as their first argument."""

    library: ctypes.CDLL
    cluster: int
    bootstrap: str  # host:port


def load_library(signatures: Signatures) -> ctypes.CDLL:
    """The librdkafka that the client library is linked with. Raises AttributeError for a function it has not."""
    library = ctypes.CDLL(confluent_kafka.cimpl.__file__)
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments
    return library


@contextlib.contextmanager
def running(library: ctypes.CDLL, topics: Mapping[str, int], brokers: int = 1) -> Iterator[Mock]:
    """A mock cluster with these topics (name -> partitions) in this process. Raises ClusterError."""
    problem = ctypes.create_string_buffer(512)
    configuration = library.rd_kafka_conf_new()
    # Errors only: the client that carries the mock would warn that it has no broker to connect to.
    library.rd_kafka_conf_set(configuration, b"log_level", b"3", problem, len(problem))
    client = library.rd_kafka_new(0, configuration, problem, len(problem))
    if not client:
        raise ClusterError(problem.value.decode())
    cluster = library.rd_kafka_mock_cluster_new(client, brokers)
    # The mock says that its controller is broker 0 and numbers its brokers from 1: without a broker 0, what is asked of
    # the controller waits for it until it times out, instead of being refused.
    library.rd_kafka_mock_broker_add(cluster, CONTROLLER)
    library.rd_kafka_mock_group_initial_rebalance_delay_ms(cluster, 0)
    library.rd_kafka_mock_set_group_consumer_heartbeat_interval_ms(cluster, 500)
    for name, partitions in topics.items():
        error = library.rd_kafka_mock_topic_create(cluster, name.encode(), partitions, 1)
        if error:
            raise ClusterError(f"topic {name}: {library.rd_kafka_err2str(error).decode()}")
    yield Mock(library, cluster, library.rd_kafka_mock_cluster_bootstraps(cluster).decode())
    library.rd_kafka_mock_cluster_destroy(cluster)
    library.rd_kafka_destroy(client)


def topics_of(words: list[str]) -> dict[str, int]:
    """The topics named on the command line: `name=partitions` each."""
    return {name: int(partitions) for name, partitions in (word.split("=") for word in words)}


def serve(topics: Mapping[str, int]) -> int:
    """Run the mock cluster until standard input closes; the exit code."""
    try:
        with running(load_library(SIGNATURES), topics) as mock:
            print(mock.bootstrap, flush=True)
            for pid in _guarded_at_the_end():
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _guarded_at_the_end() -> set[int]:
    """Read standard input to its end; the processes guarded and not released."""
    guarded: set[int] = set()
    for line in sys.stdin:
        word, pid = line.split()
        (guarded.add if word == "guard" else guarded.discard)(int(pid))
    return guarded


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(serve(topics_of(sys.argv[1:])))
