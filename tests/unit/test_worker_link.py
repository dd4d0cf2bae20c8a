import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from fanout import link
from fanout.counters import Counter
from fanout.errors import FailureKind
from fanout.worker.link import BEAT_S, REPORT_S, LeaseExpiredError, Load, OrphanedError, WorkerLink
from tests.unit.fakes import settings

START = link.Start(settings(), {0: 5}, 1_000_000, lease_until=100.0)


class Supervisor:
    """The other end, and what it has heard."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self._rest = b""

    def say(self, *messages: link.Down) -> None:
        self.socket.sendall(b"".join(map(link.encode, messages)))

    def heard(self) -> list[link.Up]:
        """Everything that has arrived since the last call."""
        self.socket.setblocking(False)
        data = self._rest
        while True:
            try:
                chunk = self.socket.recv(1 << 16)
            except BlockingIOError:
                break
            if not chunk:
                break
            data += chunk
        *frames, self._rest = data.split(b"\n")
        return [link.decode_up(frame) for frame in frames]


@pytest.fixture
def ends() -> Iterator[tuple[WorkerLink, Supervisor]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield WorkerLink(ours), Supervisor(theirs)


@pytest.fixture
def started(ends: tuple[WorkerLink, Supervisor]) -> tuple[WorkerLink, Supervisor]:
    worker, supervisor = ends
    supervisor.say(START)
    assert worker.start() == START
    return ends


def fill(worker: WorkerLink) -> None:
    """Fill the socket up, as a supervisor does that does not read."""
    worker._socket.setblocking(False)
    with contextlib.suppress(BlockingIOError):
        while True:
            worker._socket.send(link.encode(link.Beat()) * 1_000)


def test_start_is_waited_for_also_when_it_comes_in_pieces(ends: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = ends
    frame = link.encode(START)
    supervisor.socket.sendall(frame[:10])
    threading.Timer(0.05, supervisor.socket.sendall, [frame[10:]]).start()
    assert worker.start() == START


def test_what_is_said_right_after_start_is_heard(ends: tuple[WorkerLink, Supervisor]) -> None:
    """A revoke, or Ctrl-C, while the worker's interpreter was still loading."""
    worker, supervisor = ends
    supervisor.say(START, link.Stop(deadline=42.0), link.Lease(until=200.0))
    worker.start()
    worker.turn(150.0)
    assert worker.stop == link.Stop(deadline=42.0)


def test_the_lease_can_be_renewed_and_runs_out(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    worker.turn(100.0)
    supervisor.say(link.Lease(until=200.0))
    worker.turn(150.0)
    with pytest.raises(LeaseExpiredError):
        worker.turn(200.1)


def test_the_lease_says_whether_new_records_may_be_read(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    assert worker.may_read
    for reading in (False, True):
        supervisor.say(link.Lease(until=200.0, reading=reading))
        worker.turn(150.0)
        assert worker.may_read is reading


def test_a_renewal_that_waits_in_the_socket_counts(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    supervisor.say(link.Lease(until=300.0))
    worker.turn(250.0)


def test_the_end_of_the_link_is_the_supervisors_death(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    supervisor.socket.close()
    with pytest.raises(OrphanedError):
        worker.turn(1.0)


def test_a_supervisor_that_dies_before_start_is_noticed(ends: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = ends
    supervisor.socket.close()
    with pytest.raises(OrphanedError):
        worker.start()


def test_it_beats_now_and_then(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    for step in range(101):
        worker.turn(step * BEAT_S / 10)
    assert 10 <= len(supervisor.heard()) <= 11


def test_a_report_tells_what_has_moved_and_what_was_counted_since_the_last(
    started: tuple[WorkerLink, Supervisor],
) -> None:
    worker, supervisor = started
    worker.tally.count(Counter.DELIVERED, 3)
    worker.tally.count(Counter.EXPIRED, 0)
    worker.report({0: 8}, Load(2, 20, 1), 1.0)
    worker.report({0: 8}, Load(2, 20, 1), 2.0)
    worker.report({0: 8, 1: 4}, Load(0, 0, 1), 3.0)
    assert supervisor.heard() == [
        link.Delivered({0: 8}, {"delivered": 3}, 2, 20, 1),
        link.Delivered({1: 4}, {}, 0, 0, 1),
    ]


def test_reports_are_told_at_most_so_often_but_the_last_one_at_once(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    for number in range(1, 11):
        worker.report({0: number}, Load(0, 0, 1), 1.0 + number * REPORT_S / 100)
    assert [message.offsets for message in supervisor.heard() if isinstance(message, link.Delivered)] == [{0: 1}]
    worker.report({0: 10}, Load(0, 0, 1), 1.0 + REPORT_S / 2, final=True)
    assert [message.offsets for message in supervisor.heard() if isinstance(message, link.Delivered)] == [{0: 10}]


def test_a_supervisor_that_does_not_read_blocks_nobody_and_hears_the_latest_later(
    started: tuple[WorkerLink, Supervisor],
) -> None:
    worker, supervisor = started
    fill(worker)
    for number in range(1, 5_000):
        worker.tally.count(Counter.DELIVERED)
        worker.report({0: number}, Load(0, 0, 1), float(number))
        worker._lease_until = number + 100.0
        worker.turn(float(number))
    assert len(worker._unsent) < 10_000, "nothing is queued"
    supervisor.heard()
    for moment in (6_000.0, 6_001.0):
        worker.report({0: 4_999}, Load(0, 0, 1), moment)
    told = [message for message in supervisor.heard() if isinstance(message, link.Delivered)]
    assert told[-1].offsets == {0: 4_999} or told[0].offsets == {0: 4_999}
    assert sum(message.counters.get("delivered", 0) for message in told) == 4_999, "counts are not lost"


def test_the_final_report_arrives_also_where_the_link_was_full(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    fill(worker)
    worker.report({0: 7}, Load(0, 0, 1), 1.0)
    worker.report({0: 9}, Load(0, 0, 1), 2.0, final=True)
    supervisor.heard()
    worker.flush(5.0)
    assert [message.offsets for message in supervisor.heard() if isinstance(message, link.Delivered)][-1] == {0: 9}


def test_the_last_word_is_told(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    failed = link.Failed(FailureKind.NOT_AUTHORIZED, "no")
    worker.failed(failed)
    assert supervisor.heard() == [failed]


def test_the_last_word_to_a_supervisor_that_hangs_is_given_up_soon(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, _supervisor = started
    fill(worker)
    worker.failed(link.Failed(FailureKind.NOT_AUTHORIZED, "no"), timeout_s=0.05)


def test_nonsense_from_the_supervisor_is_an_error(started: tuple[WorkerLink, Supervisor]) -> None:
    worker, supervisor = started
    supervisor.socket.sendall(b"nonsense\n")
    with pytest.raises(msgspec.DecodeError):
        worker.turn(1.0)
