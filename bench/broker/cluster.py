"""LocalKafka: a real Kafka cluster of one or several nodes, ready when it answers, gone when it is left."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from confluent_kafka.cimpl import NewTopic

from bench.broker.jars import kafka_jars, tool
from bench.broker.node import BrokerDiedError, Node, Ports, Runtime
from bench.broker.place import data_folder, free_ports
from bench.broker.properties import Listener, server_properties
from bench.broker.ready import await_groups, await_serving, await_topics, quiet_admin
from bench.broker.tether import Tether

READY_TIMEOUT_S = 90.0
TOPIC_TIMEOUT_S = 30.0
START_ATTEMPTS = 5
_PORT_CLASH = "Address already in use"


class LocalKafka:
    """Real Kafka on the loopback, as a context manager. Entering it blocks until every node answers, 4 s or so.

    Each node is broker and controller in one process, and its number is its broker id. Ports are chosen at the start
    and stay the same over restarts. `config` is added to every node's server.properties and wins over what stands
    there. `listeners` are ways in besides the plain one at `bootstrap`, through which tests and measurements look on.
    All of it lies in a folder under the temporary folder, which is removed at the end; the environment variable
    EVENTS_FANOUT_KEEP=1 keeps it. The processes cannot outlive this one (see `tether`); the folder of a test run that
    was killed is removed by the next start.
    """

    def __init__(
        self, nodes: int = 1, config: Mapping[str, str] | None = None, listeners: Sequence[Listener] = ()
    ) -> None:
        self._count = nodes
        self._config = dict(config or {})
        self._listeners = list(listeners)
        self._nodes: list[Node] = []
        self._cleanup = contextlib.ExitStack()
        self.data_dir = Path()

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as stack:
            self.data_dir = stack.enter_context(data_folder())
            runtime = Runtime(tool("java", "openjdk-17-jre-headless"), kafka_jars(), Tether())
            stack.callback(runtime.tether.close)
            stack.callback(self._discard_all)
            for attempt in range(START_ATTEMPTS):
                try:
                    self._start_all(self.data_dir / str(attempt), runtime)
                    break
                except BrokerDiedError:
                    if not self._clashed() or attempt + 1 == START_ATTEMPTS:
                        raise
                    self._discard_all()
            self._cleanup = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._cleanup.close()

    @property
    def bootstrap(self) -> str:
        """Addresses of all nodes, host:port separated by commas."""
        return ",".join(node.address for node in self._nodes)

    def bootstrap_of(self, listener: str) -> str:
        """What a client of this listener is configured with: the addresses that it is told, of all nodes."""
        place = self._place_of(listener)
        fronts = self._listeners[place].fronts or [node.ports.others[place] for node in self._nodes]
        return ",".join(f"127.0.0.1:{port}" for port in fronts)

    def behind(self, listener: str, node: int = 0) -> int:
        """The port on which a node's listener really listens: where whatever stands in front forwards to."""
        return self._nodes[node].ports.others[self._place_of(listener)]

    def create_topic(
        self, name: str, partitions: int = 1, replication: int = 1, config: Mapping[str, str] | None = None
    ) -> None:
        """Create a topic and wait until every running node knows its leaders. Raises KafkaException, TimeoutError."""
        self.create_topics([name], partitions, replication, config)

    def create_topics(
        self,
        names: Sequence[str],
        partitions: int = 1,
        replication: int = 1,
        config: Mapping[str, str] | None = None,
    ) -> None:
        """The same for many topics alike; a thousand take a few seconds."""
        wanted = [NewTopic(name, partitions, replication, config=dict(config or {})) for name in names]
        admin = quiet_admin(self.bootstrap)  # kept in a variable: when the client is destroyed, its requests fail
        for future in admin.create_topics(wanted, request_timeout=TOPIC_TIMEOUT_S).values():
            future.result()
        await_topics([node for node in self._nodes if node.runs], names, partitions, TOPIC_TIMEOUT_S)

    def start(self, node: int = 0, *, wait: bool = True) -> None:
        """Start a stopped node on its old ports and data, and wait until it serves its partitions.

        Several nodes that have to come up together (a quorum needs most of them) take `wait=False` but for the last.
        Raises BrokerDiedError with what its log says.
        """
        self._nodes[node].launch()
        if wait:
            await_serving(self._nodes[node], READY_TIMEOUT_S)

    def stop(self, node: int = 0) -> None:
        """SIGTERM, and wait for its end. Raises TimeoutError after a minute, when it has been killed."""
        self._nodes[node].stop()

    def kill(self, node: int = 0) -> None:
        """SIGKILL, and wait for its end."""
        self._nodes[node].kill()

    def restart(self, node: int = 0) -> None:
        """Stop, then start."""
        self.stop(node)
        self.start(node)

    def pause(self, node: int = 0) -> None:
        """SIGSTOP: connections stay open and nothing answers."""
        self._nodes[node].pause()

    def resume(self, node: int = 0) -> None:
        """SIGCONT."""
        self._nodes[node].resume()

    def pid(self, node: int = 0) -> int:
        """Process id. Raises RuntimeError if the node does not run."""
        return self._nodes[node].pid

    def log(self, node: int = 0) -> Path:
        """The node's log, standard error included; kept over restarts."""
        return self._nodes[node].log

    def cpu_s(self) -> float:
        """User and system seconds of all broker processes so far, ended ones included."""
        return sum(node.cpu_s() for node in self._nodes)

    def _start_all(self, folder: Path, runtime: Runtime) -> None:
        folder.mkdir()
        each = 2 + len(self._listeners)
        numbers = free_ports(each * self._count)
        own = [numbers[first : first + each] for first in range(0, len(numbers), each)]
        ports = [Ports(broker, controller, tuple(others)) for broker, controller, *others in own]
        self._nodes = [
            Node(
                number,
                folder / f"node{number}",
                ports[number],
                server_properties(number, ports, self._listeners) | self._config,
                runtime,
            )
            for number in range(self._count)
        ]
        formats = [node.begin_format() for node in self._nodes]
        for node, process in zip(self._nodes, formats, strict=True):
            node.end_format(process)
        for node in self._nodes:
            node.launch()
        for node in self._nodes:
            await_serving(node, READY_TIMEOUT_S)
        await_groups(self.bootstrap)

    def _place_of(self, listener: str) -> int:
        return [known.name for known in self._listeners].index(listener)

    def _clashed(self) -> bool:
        """Was a port taken between its choice and its use?"""
        return any(_PORT_CLASH in node.log.read_text(errors="replace") for node in self._nodes)

    def _discard_all(self) -> None:
        for node in self._nodes:
            node.discard()
