"""The dead letters, printed. Everything that the record brought with it was written by strangers."""

import base64
import sys
from typing import Any

import msgspec

from fanout import table
from fanout.cluster.cluster import Cluster
from fanout.deadletters.letters import Letter, Mark, Spot, time_text
from fanout.deadletters.question import Question
from fanout.deadletters.survey import Line, Survey, find, survey
from fanout.errors import ExitCode
from fanout.settings import Settings
from fanout.words import counted, printable

COLUMNS = ("LETTER", "WRITTEN", "REASON", "FROM", "BYTES", "REPLAYED", "DETAIL")
_STYLES = {"no": "yellow"}


def list_all(settings: Settings, question: Question, most: int, output: str) -> int:
    """Print the newest and the counts; the exit code. Blocks; raises UnreachableError and AskError."""
    cluster = Cluster(settings)
    found = survey(settings, cluster, cluster.overview(), question, most)
    if output == "json":
        _json(_survey_json(settings, found))
    else:
        _show(settings, found)
    return ExitCode.OK


def show_one(settings: Settings, spot: Spot, output: str, *, value: bool) -> int:
    """Print one letter in full; the exit code: 1 if it is not there. Blocks; raises UnreachableError and AskError."""
    cluster = Cluster(settings)
    found = find(settings, cluster, cluster.overview(), spot)
    if found is None:
        topic, (partition, offset) = settings.dead_letter_topic, spot
        sys.stderr.write(
            f"events-fanout: {topic} has no dead letter at {partition}:{offset}: it may have expired; "
            "`events-fanout dead-letters` lists those that are there\n"
        )
        return ExitCode.CHECK_FAILED
    letter, mark = found
    if output == "json":
        _json(_letter_json(letter, mark, value=value))
    else:
        table.show(("WHAT", "IS"), _rows(letter, mark, value=value))
    return ExitCode.OK


def _show(settings: Settings, found: Survey) -> None:
    topic = settings.dead_letter_topic
    if not found.exists:
        sys.stdout.write(f"no dead letters: {topic} does not exist, or may not be seen\n")
        return
    if not found.counts:
        sys.stdout.write(f"no such dead letters in {topic}\n")
    else:
        table.show(COLUMNS, [_line(line) for line in found.lines], _STYLES)
        sys.stdout.write("\n")
        rows = [(printable(count.reason), str(count.letters), str(count.replayed)) for count in found.counts]
        table.show(("REASON", "LETTERS", "REPLAYED"), rows)
        letters = sum(count.letters for count in found.counts)
        if letters > len(found.lines):
            sys.stdout.write(f"\nThe newest {len(found.lines)} of {letters} are listed; --most lists more.\n")
    if found.foreign:
        sys.stdout.write(f"{counted(found.foreign, 'record')} of {topic} not written by events-fanout.\n")
    if found.read < found.records:
        sys.stdout.write(f"Looked at the newest {found.read} of {counted(found.records, 'record')} of {topic}.\n")


def _line(line: Line) -> tuple[str, ...]:
    letter = line.letter
    return (
        _spot(letter.spot),
        printable(letter.written),
        printable(letter.reason),
        printable(f"{letter.topic}/{letter.partition}/{letter.offset}"),
        "none" if line.bytes is None else str(line.bytes),
        "no" if line.mark is None else printable(line.mark.destination),
        printable(letter.detail),
    )


def _rows(letter: Letter, mark: Mark | None, *, value: bool) -> list[tuple[str, ...]]:
    rows = [
        ("letter", _spot(letter.spot)),
        ("written", letter.written),
        ("reason", letter.reason),
        ("detail", letter.detail),
        ("from", f"{letter.topic}, partition {letter.partition}, offset {letter.offset}"),
        ("timestamp", "none" if letter.at is None else _time(letter.at)),
        ("key", "none" if letter.key is None else letter.key.decode(errors="replace")),
        *((f"header {name}", _text(content)) for name, content in letter.headers),
        ("bytes", _size(letter)),
        ("replayed", _replayed(letter, mark)),
    ]
    if value:
        rows.append(("value", "none" if letter.value is None else letter.value.decode(errors="replace")))
    return [tuple(map(printable, row)) for row in rows]


def _size(letter: Letter) -> str:
    if letter.value is not None:
        return str(len(letter.value))
    return "no value" if letter.size is None else f"{letter.size}, left out; SHA-256 {letter.sha256}"


def _replayed(letter: Letter, mark: Mark | None) -> str:
    if mark is not None:
        return f"to {mark.destination} at {mark.written}"
    why = letter.cannot_be_replayed
    return f"no, and it cannot be: {why}" if why else "no"


def _survey_json(settings: Settings, found: Survey) -> dict[str, Any]:
    return {
        "topic": settings.dead_letter_topic,
        "exists": found.exists,
        "records": found.records,
        "looked_at": found.read,
        "foreign": found.foreign,
        "counts": [{"reason": printable(count.reason), "letters": count.letters, "replayed": count.replayed}
                   for count in found.counts],
        "letters": [{**_plain(line.letter, line.mark), "bytes": line.bytes} for line in found.lines],
    }  # fmt: skip


def _letter_json(letter: Letter, mark: Mark | None, *, value: bool) -> dict[str, Any]:
    told = _plain(letter, mark) | {
        "timestamp": None if letter.at is None else _time(letter.at),
        "key": None if letter.key is None else printable(letter.key.decode(errors="replace")),
        "headers": [[printable(name), printable(_text(content))] for name, content in letter.headers],
        "bytes": letter.size if letter.value is None else len(letter.value),
        "sha256": printable(letter.sha256) or None,
        "cannot_be_replayed": letter.cannot_be_replayed or None,
    }
    if value:
        raw = letter.value
        told["value"] = None if raw is None else printable(raw.decode(errors="replace"))
        told["value_base64"] = None if raw is None else base64.b64encode(raw).decode()
    return told


def _plain(letter: Letter, mark: Mark | None) -> dict[str, Any]:
    return {
        "letter": _spot(letter.spot),
        "written": printable(letter.written),
        "reason": printable(letter.reason),
        "detail": printable(letter.detail),
        "topic": printable(letter.topic),
        "partition": letter.partition,
        "offset": letter.offset,
        "replayed_to": None if mark is None else printable(mark.destination),
        "replayed_at": None if mark is None else printable(mark.written),
    }


def _time(milliseconds: int) -> str:
    """A timestamp may be what its record was refused for."""
    try:
        return time_text(milliseconds)
    except (OverflowError, ValueError, OSError):
        return f"{milliseconds} ms since 1970"


def _spot(spot: Spot) -> str:
    return f"{spot[0]}:{spot[1]}"


def _text(content: str | bytes | None) -> str:
    return content.decode(errors="replace") if isinstance(content, bytes) else content or ""


def _json(told: object) -> None:
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
