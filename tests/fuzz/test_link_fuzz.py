"""The link: whatever bytes come over it, in whatever pieces, are messages or one clear error, on both sides."""

import asyncio
import socket
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanout import link
from fanout.errors import FailureKind
from fanout.supervisor.commits import Commits
from fanout.supervisor.process import WorkerProcess
from fanout.worker.link import WorkerLink
from tests.fuzz.values import trees
from tests.models.profile import examples
from tests.unit.fakes import settings

times = st.floats(allow_nan=False, allow_infinity=False)
offsets = st.dictionaries(st.integers(0, 3), st.integers(-(2**63), 2**63 - 1), max_size=3)
counts = st.dictionaries(st.text(max_size=5), st.integers(0, 10**6), max_size=3)
downs = st.one_of(
    st.builds(
        link.Start, settings=st.just(settings()), offsets=offsets, source_max_bytes=st.just(1), lease_until=times
    ),
    st.builds(link.Lease, until=times),
    st.builds(link.Stop, deadline=times),
)
ups = st.one_of(
    st.builds(link.Delivered, offsets=offsets, counters=counts, inflight_records=st.just(0), inflight_bytes=st.just(0)),
    st.just(link.Beat()),
    st.builds(link.Failed, kind=st.sampled_from(FailureKind), reason=st.text(max_size=20)),
)
noise = st.one_of(
    st.binary(max_size=30),
    trees.map(lambda tree: msgspec.json.encode(_printable(tree))),
    st.sampled_from([b'{"type":"Beat","x":"\xff"}', b'{"type":"Nothing"}', b'{"type":"Stop"}', b"{}", b"\xff"]),
).map(lambda frame: frame.replace(b"\n", b" ") + b"\n")


def _printable(tree: Any) -> Any:  # noqa: ANN401 - any JSON
    return repr(tree) if "\\ud" in repr(tree) else tree


def pieces(data: bytes, cuts: Sequence[int]) -> list[bytes]:
    at = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[first:last] for first, last in pairwise(at)]


@given(st.lists(downs | ups, min_size=1, max_size=5))
@examples(200)
def test_what_is_written_is_read_and_is_one_line_each(messages: list[link.Down | link.Up]) -> None:
    for message in messages:
        frame = link.encode(message)
        assert frame.count(b"\n") == 1
        down = isinstance(message, link.Start | link.Lease | link.Stop)
        assert (link.decode_down(frame) if down else link.decode_up(frame)) == message


@given(noise)
@examples(300)
def test_a_frame_is_a_message_or_one_kind_of_error(frame: bytes) -> None:
    for decode in (link.decode_down, link.decode_up):
        try:
            message = decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        assert isinstance(message, link.Down | link.Up)


@given(st.lists(downs, max_size=5), st.lists(st.integers(0, 5_000), max_size=6))
@examples(150)
def test_a_worker_hears_the_same_in_whatever_pieces_it_comes(messages: list[link.Down], cuts: list[int]) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        heard = WorkerLink(theirs)
        for piece in pieces(b"".join(map(link.encode, messages)), cuts):
            ours.sendall(piece)
            heard._take_messages()
        stops = [message for message in messages if isinstance(message, link.Stop)]
        starts = [message for message in messages if isinstance(message, link.Start)]
        assert heard.stop == (stops[-1] if stops else None)
        assert heard._start == (starts[-1] if starts else None)
        leases = [
            m.until if isinstance(m, link.Lease) else m.lease_until for m in messages if not isinstance(m, link.Stop)
        ]
        assert heard._lease_until == (leases[-1] if leases else 0.0)


@given(noise)
@examples(150)
def test_a_worker_that_hears_nonsense_ends_by_an_error_and_takes_nothing_of_it(frame: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.setblocking(False)
        heard = WorkerLink(theirs)
        ours.sendall(frame)
        try:
            link.decode_down(frame)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            with pytest.raises(type(error)):
                heard._take_messages()
            assert heard.stop is None
            assert heard._lease_until == 0.0


class _Process:
    """A process that ends when it is killed, or when its link has come to its end."""

    pid = 1

    def __init__(self) -> None:
        self.signals: list[int] = []

    def send_signal(self, number: int) -> None:
        self.signals.append(number)

    async def wait(self) -> int:
        return -self.signals[-1] if self.signals else 0


class _Writer:
    closed = False

    def close(self) -> None:
        self.closed = True


async def _supervised(data: Sequence[bytes]) -> tuple[_Process, list[link.Delivered], link.Failed | None]:
    process, writer, heard = _Process(), _Writer(), list[link.Delivered]()
    reader = asyncio.StreamReader(limit=10_000)
    worker = WorkerProcess(
        cast("asyncio.subprocess.Process", process), reader, cast("asyncio.StreamWriter", writer), heard.append,
        now=0.0, connection=cast("socket.socket", None),
    )  # fmt: skip
    running = asyncio.ensure_future(worker.run())
    for piece in data:
        reader.feed_data(piece)
        await asyncio.sleep(0)
    reader.feed_eof()
    ended = await asyncio.wait_for(running, 10)
    assert writer.closed
    return process, heard, ended.failure


@given(st.lists(ups.map(link.encode) | noise, max_size=5), st.lists(st.integers(0, 500), max_size=6))
@examples(200)
def test_a_supervisor_hears_a_worker_until_it_speaks_nonsense_and_then_kills_it(
    frames: list[bytes], cuts: list[int]
) -> None:
    said: list[link.Delivered] = []
    nonsense = False
    for frame in frames:
        try:
            message = link.decode_up(frame)
        except (msgspec.DecodeError, UnicodeDecodeError):
            nonsense = True
            break
        said += [message] if isinstance(message, link.Delivered) else []
    process, heard, _ = asyncio.run(_supervised(pieces(b"".join(frames), cuts)))
    assert heard == said
    assert bool(process.signals) == nonsense


@pytest.mark.parametrize("last", [b'{"type":"Beat"}', b'{"type":"Be', b"x" * 20_000, b"x" * 20_000 + b"\n"])
def test_a_frame_that_is_cut_off_or_without_end_ends_the_worker_and_nothing_else(last: bytes) -> None:
    _, heard, failure = asyncio.run(_supervised([link.encode(link.Delivered({0: 7}, {}, 0, 0)), last]))
    assert heard == [link.Delivered({0: 7}, {}, 0, 0)]
    assert failure is None


@given(st.lists(offsets, max_size=5))
@examples(200)
def test_whatever_offsets_a_worker_reports_only_its_own_partitions_move_and_never_back(
    said: list[dict[int, int]],
) -> None:
    commits = Commits()
    commits.own({0: 100, 1: 100})
    ownership = commits.ownership([1])
    highest = 100
    for reported in said:
        moved = commits.delivered(ownership, reported)
        assert moved == ([1] if reported.get(1, 0) > highest else [])
        highest = max(highest, reported.get(1, 0))
        assert commits.position(0) == 100
        assert commits.position(1) == highest
        assert commits.owned() == {0, 1}
