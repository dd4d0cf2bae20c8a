"""What a record of the dead-letter topic is taken for: a letter, a mark, or nothing of ours."""

import pytest

from fanout.cluster.reading import Read
from fanout.deadletters.letters import Letter, Mark, mark_of, read, spot_of
from fanout.deadletters.question import Question
from fanout.deadletters.survey import Gathered
from fanout.errors import Reason
from fanout.replay.record import Replayed
from fanout.worker.deadletter import Letter as Written
from fanout.worker.records import HeaderList, Headers
from tests.unit.fakes import FakeRecord


class Stored(FakeRecord):
    """A record of the dead-letter topic, as it is read."""

    def topic(self) -> str:
        return "events-dlq"


class Unreadable(Stored):
    def headers(self) -> Headers:
        raise UnicodeError("the name of a header is not UTF-8")


def stored(written: Written, offset: int = 3) -> Stored:
    return Stored(offset, written.value(), written.key(), headers=written.headers(), timestamp=written.timestamp())


def made(headers: HeaderList | None = None, reason: Reason = Reason.TOO_LARGE, **changes: int) -> Written:
    record = FakeRecord(41, b"value", b"key", headers=headers, partition=2, timestamp=(1, changes.get("at", 5_000)))
    return Written(record, "events", reason, "why")


def as_letter(record: Read) -> Letter:
    found = read(record)
    assert isinstance(found, Letter)
    return found


def test_a_letter_gives_back_the_record_as_it_was() -> None:
    headers: HeaderList = [("a", b"1"), ("fanout.reason", b"forged"), ("fanout.replayed", b"0:0"), ("a", None)]
    letter = as_letter(stored(made(headers)))
    assert (letter.reason, letter.spot, letter.partition, letter.offset) == ("too-large", (0, 3), 2, 41)
    record = Replayed(letter)
    assert (record.value(), record.key(), record.headers()) == (b"value", b"key", headers)
    assert (record.timestamp(), record.partition(), record.offset()) == ((1, 5_000), 2, 41)


def test_what_did_not_fit_into_the_letter_is_told() -> None:
    written = made([("fanout.sha256", b"forged"), ("fanout.timestamp", b"1")])
    assert as_letter(stored(written)).cannot_be_replayed == ""
    assert as_letter(stored(written)).at == 5_000
    written.undate()
    assert as_letter(stored(written)).at == 5_000, "the topic refused it, and a header has it"
    written.shrink()
    letter = as_letter(stored(written))
    assert (letter.size, letter.value) == (5, None)
    assert "too large" in letter.cannot_be_replayed
    assert "expired" in as_letter(stored(made(reason=Reason.EXPIRED))).cannot_be_replayed


def test_a_mark_names_its_letter_and_is_none_itself() -> None:
    letter = as_letter(stored(made()))
    mark = read(Stored(9, None, None, headers=mark_of(letter, "team-a")))
    assert isinstance(mark, Mark)
    assert (mark.spot, mark.destination) == ((0, 3), "team-a")
    assert mark.written >= letter.written


@pytest.mark.parametrize(
    "record",
    [
        Stored(headers=None),
        Stored(headers=[("fanout.replayed", b"3")]),
        Stored(headers=[("fanout.reason", b"expired"), ("fanout.topic", b"events")]),
        Unreadable(),
    ],
)
def test_what_another_program_wrote_is_none(record: Read) -> None:
    assert read(record) is None


@pytest.mark.parametrize("text", ["", "1", "1:", ":1", "-1:2", "1:x", "1:2:3"])
def test_a_place_is_a_partition_and_an_offset(text: str) -> None:
    with pytest.raises(ValueError, match="PARTITION:OFFSET"):
        spot_of(text)
    assert spot_of("3:1200") == (3, 1200)


def test_the_newest_are_kept_and_all_are_counted() -> None:
    gathered = Gathered(Question(("too-large",), "2026-01-02"), most=2)
    plain = as_letter(stored(made()))
    for number, written in enumerate(["2026-01-01", "2026-01-03", "2026-01-05", "2026-01-04"]):
        gathered.take(plain._replace(written=written, spot=(0, number)))
    gathered.take(plain._replace(reason="expired", written="2026-01-09"))
    gathered.take(Mark((0, 3), "team-a", "2026-01-06"))
    gathered.take(Mark((0, 99), "team-a", "2026-01-06"))
    gathered.take(None)
    lines = gathered.lines()
    assert [line.letter.spot for line in lines] == [(0, 2), (0, 3)]
    assert [line.mark is not None for line in lines] == [False, True]
    (count,) = gathered.counts()
    assert (count.letters, count.replayed, gathered.foreign) == (3, 1, 1)
