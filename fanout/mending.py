"""The commands that mend: what was not delivered, and where to read on. Each imports what it needs when called."""

import click

from fanout import flags
from fanout.errors import Reason

_DEAD_LETTERS_HELP = """\b
Examples:
  events-fanout dead-letters
  events-fanout dead-letters --reason too-large --reason bad-namespace --since 1d
  events-fanout dead-letters --show 0:1234 --value
"""
_REPLAY_HELP = """\b
Examples:
  events-fanout replay --dry-run
  events-fanout replay --reason unknown-topic --since 2h
  events-fanout replay --output json | jq '.fates[] | select(.fate == "refused again")'
"""
_RESET_HELP = """\b
Examples:
  events-fanout reset --to earliest
  events-fanout reset --to 2h
  events-fanout reset --to 2026-01-31T12:00:00Z --yes
"""


_reasons = click.option(
    "--reason",
    "reasons",
    multiple=True,
    type=click.Choice([reason.value for reason in Reason]),
    help="Only those of this reason; may be given more than once.",
)


@click.command("dead-letters", params=flags.options(), epilog=_DEAD_LETTERS_HELP + "\n" + flags.SETTINGS_HELP)
@_reasons
@flags.duration("--since", None, "Only those that were written in the last so long.")
@click.option("--most", type=click.IntRange(min=1), default=50, show_default=True, help="Dead letters that are listed.")
@click.option("--show", metavar="PARTITION:OFFSET", help="One of them in full, but for its value.")
@click.option("--value", is_flag=True, help="With --show: its value, too. It may hold secrets.")
@flags.output
def dead_letters(
    output: str,
    reasons: tuple[str, ...],
    since: float | None,
    most: int,
    show: str | None,
    *,
    value: bool,
    **params: object,
) -> None:
    """What could not be delivered, and why: the newest, and how many of each reason. Writes nothing.

    Exit code 0: told. 1: the one to show is not there. 2: wrong settings. 5: the cluster does not tell.
    """
    if value and show is None:
        raise click.UsageError("--value goes with --show PARTITION:OFFSET")
    from fanout.deadletters import report
    from fanout.deadletters.letters import spot_of
    from fanout.deadletters.question import question

    try:
        spot = None if show is None else spot_of(show)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--show") from error
    settings = flags.load(params).settings
    if spot is not None:
        flags.ask(settings, lambda: report.show_one(settings, spot, output, value=value))
    flags.ask(settings, lambda: report.list_all(settings, question(reasons, since), most, output))


@click.command(params=flags.options(), epilog=_REPLAY_HELP + "\n" + flags.SETTINGS_HELP)
@_reasons
@flags.duration("--since", None, "Only those that were written in the last so long.")
@click.option("--dry-run", is_flag=True, help="Tell what would become of each, and send nothing.")
@flags.output
def replay(output: str, reasons: tuple[str, ...], since: float | None, *, dry_run: bool, **params: object) -> None:
    """Send dead letters through routing again, once what kept them from their destination is mended.

    Each is marked as replayed in the transaction that delivers it: a second replay sends nothing twice.

    Exit code 0: all that can be was replayed. 1: some were refused again, or another replay was begun. 2: wrong
    settings. 5: the cluster does not tell, or does not take them; what was told before that is done.
    """
    settings = flags.load(params).settings
    from fanout.deadletters.question import question
    from fanout.replay import report

    flags.ask(settings, lambda: report.main(settings, question(reasons, since), output, dry=dry_run))


@click.command(params=flags.options(), epilog=_RESET_HELP + "\n" + flags.SETTINGS_HELP)
@click.option(
    "--to",
    required=True,
    metavar="earliest|latest|TIME",
    help="Where to read on; TIME is 2026-01-31T12:00:00Z, or 2h for two hours ago.",
)
@click.option("--yes", is_flag=True, help="Commit it.")
@flags.output
def reset(output: str, to: str, *, yes: bool, **params: object) -> None:
    """Where the group reads on in the source: the earliest record, the end, or a time. Commits with --yes only.

    Only while no replica runs. What is read again is delivered a second time, what is skipped never is.

    Exit code 0: told, or moved. 1: the group has members. 2: wrong settings. 5: the cluster does not tell.
    """
    from fanout.reset import report
    from fanout.reset.target import target_of

    try:
        target = target_of(to)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--to") from error
    settings = flags.load(params).settings
    flags.ask(settings, lambda: report.main(settings, target, output, really=yes))


MENDING = (dead_letters, replay, reset)
