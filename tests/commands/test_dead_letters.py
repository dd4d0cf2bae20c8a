"""`events-fanout dead-letters` on a real Kafka: the list, the counts, one in full."""

import json

from bench.broker import LocalKafka
from fanout.errors import Reason
from tests.commands.asking import call
from tests.commands.planting import Origin, letter, plant
from tests.support.topics import Record, produce


def test_the_newest_are_listed_and_all_are_counted_by_reason(kafka: LocalKafka, prefix: str) -> None:
    source = f"{prefix}-source"
    letters = [letter(Origin(b"{}", offset=number), source, Reason.NO_NAMESPACE) for number in range(3)]
    letters += [letter(Origin(b"x" * 10, offset=7), source, Reason.TOO_LARGE, "10 bytes", shrunk=True)]
    topic = plant(kafka, source, letters)
    produce(kafka.bootstrap, topic, [Record(b"of another program", partition=0)])
    told = json.loads(call(kafka, prefix, "dead-letters", "--most", "2", "--output", "json").stdout)
    assert told["counts"] == [
        {"reason": "no-namespace", "letters": 3, "replayed": 0},
        {"reason": "too-large", "letters": 1, "replayed": 0},
    ]
    assert [(line["letter"], line["offset"], line["bytes"]) for line in told["letters"]] == [
        ("0:3", 7, 10),
        ("0:2", 2, 2),
    ]
    assert told["foreign"] == 1
    plain = call(kafka, prefix, "dead-letters", "--most", "2")
    assert plain.exit_code == 0
    assert "The newest 2 of 4 are listed" in plain.stdout
    assert f"{source}/0/7" in plain.stdout
    only = json.loads(call(kafka, prefix, "dead-letters", "--reason", "too-large", "--output", "json").stdout)
    assert [line["letter"] for line in only["letters"]] == ["0:3"]
    none = call(kafka, prefix, "dead-letters", "--reason", "expired", "--since", "1h")
    assert (none.exit_code, none.stdout.splitlines()[0]) == (0, f"no such dead letters in {topic}")


def test_one_is_shown_in_full_and_its_value_only_when_asked_for(kafka: LocalKafka, prefix: str) -> None:
    origin = Origin(b"secret\x1b[2J", b"key\x07", offset=9, headers=[("h\x1b", b"1\x9b"), ("fanout.topic", b"mine")])
    plant(kafka, f"{prefix}-source", [letter(origin, f"{prefix}-source", Reason.NOT_JSON, "bad \x1b[2J")])
    shown = call(kafka, prefix, "dead-letters", "--show", "0:0")
    assert shown.exit_code == 0
    assert "secret" not in shown.stdout
    assert f"{prefix}-source, partition 0, offset 9" in shown.stdout
    valued = call(kafka, prefix, "dead-letters", "--show", "0:0", "--value")
    assert "secret\ufffd[2J" in valued.stdout
    told = json.loads(call(kafka, prefix, "dead-letters", "--show", "0:0", "--value", "--output", "json").stdout)
    assert (told["reason"], told["replayed_to"], told["bytes"]) == ("not-json", None, 10)
    assert told["headers"] == [["h\ufffd", "1\ufffd"], ["fanout.topic", "mine"]], "those of the record, in order"
    assert told["value"] == "secret\ufffd[2J"
    for output in (shown.stdout, valued.stdout):
        assert not set(output) & {"\x1b", "\x07", "\x9b"}


def test_what_is_not_there_is_told(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    nothing = call(kafka, prefix, "dead-letters")
    assert (nothing.exit_code, nothing.stdout) == (
        0,
        f"no dead letters: {prefix}-source-dlq does not exist, or may not be seen\n",
    )
    absent = call(kafka, prefix, "dead-letters", "--show", "0:0")
    assert absent.exit_code == 1
    assert "no dead letter at 0:0" in absent.stderr
    for args in (["--show", "0"], ["--show", "a:b"], ["--value"], ["--reason", "none"], ["--since", "soon"]):
        assert call(kafka, prefix, "dead-letters", *args).exit_code == 2
