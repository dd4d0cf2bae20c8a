"""What became of the dead letters, printed, with a bar on a terminal while it goes on."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec

from fanout import log, table
from fanout.cluster.answers import AskError
from fanout.cluster.cluster import Cluster
from fanout.deadletters.question import Question
from fanout.errors import ExitCode
from fanout.replay.fates import Fate, Fates, Outcome
from fanout.replay.outbox import FencedError, Outbox
from fanout.replay.replay import Advance, Replay, source_max_bytes
from fanout.settings import Settings
from fanout.words import counted, printable

_STYLES = {Fate.REPLAYED.value: "green", Fate.WOULD.value: "green", Fate.REFUSED.value: "bold red"}


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What is told to programs."""

    topic: str
    dry_run: bool
    stopped: str  # why it did not come to its end; empty if it did
    fates: list[Outcome]


def main(settings: Settings, question: Question, output: str, *, dry: bool) -> int:
    """Replay and print; the exit code: 1 if a letter was refused again, or another replay was begun meanwhile.

    Blocks for as long as it takes; raises UnreachableError and AskError.
    """
    log.configure("warning", settings.log_format, role="replay")
    cluster = Cluster(settings)
    overview = cluster.overview()
    topic = settings.dead_letter_topic
    if topic not in overview.topics:
        _tell(settings, Fates(), output, dry=dry, stopped="")
        return ExitCode.OK
    outbox = None if dry else Outbox(settings, source_max_bytes(settings, cluster))
    replay = Replay(settings, cluster, overview, question, outbox)
    try:
        replay.run(_bar)
    except FencedError as error:
        _tell(settings, replay.fates, output, dry=dry, stopped=str(error))
        return ExitCode.CHECK_FAILED
    except AskError as error:
        _tell(settings, replay.fates, output, dry=dry, stopped=str(error))
        raise
    _tell(settings, replay.fates, output, dry=dry, stopped="")
    return ExitCode.CHECK_FAILED if replay.fates.of(Fate.REFUSED) else ExitCode.OK


def _tell(settings: Settings, fates: Fates, output: str, *, dry: bool, stopped: str) -> None:
    outcomes = fates.outcomes()
    if output == "json":
        plain = [msgspec.structs.replace(each, where_or_why=printable(each.where_or_why),
                                         example=printable(each.example)) for each in outcomes]  # fmt: skip
        answer = Answer(topic=settings.dead_letter_topic, dry_run=dry, stopped=stopped, fates=plain)
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(answer), indent=2).decode() + "\n")
        return
    if outcomes:
        rows = [(each.fate.value, str(each.letters), printable(each.where_or_why), printable(each.example))
                for each in outcomes]  # fmt: skip
        table.show(("OUTCOME", "LETTERS", "WHERE OR WHY", "THE FIRST OF THEM"), rows, _STYLES)
    total = sum(each.letters for each in outcomes)
    went = f"{fates.of(Fate.WOULD)} would be replayed" if dry else f"{fates.of(Fate.REPLAYED)} replayed"
    sys.stdout.write(f"{counted(total, 'dead letter')} of {settings.dead_letter_topic}: {went}\n")
    if dry:
        sys.stdout.write("nothing was sent; without --dry-run they are\n")
    if stopped:
        sys.stdout.write(f"it did not come to its end: {printable(stopped)}\n")


@contextmanager
def _bar(what: str, offsets: int) -> Iterator[Advance]:
    """A bar on stderr, if that is a terminal."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(what, total=offsets)
        yield lambda further: progress.advance(task, further)
