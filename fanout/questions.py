"""The commands that ask: a cluster, or a replica. Each imports what it needs when it is called."""

import sys
from typing import Any

import click

from fanout import flags
from fanout.mending import MENDING
from fanout.topics import topics

_LAG_HELP = """\b
Examples:
  events-fanout lag --endpoint kafka:9092 --topic cluster-events
  events-fanout lag --max-seconds 600 --max-share 0.5 || echo 'act now'
  events-fanout lag --output json | jq '.partitions[] | select(.lag_seconds > 60)'
"""
_TRACE_HELP = """\b
Examples:
  events-fanout trace team-a
  events-fanout trace team-a --name web-7d4b9c --since 30min --show
  events-fanout trace team-a --since 1d --most 2000000 --within 5min
"""
_STATUS_HELP = """\b
Examples:
  events-fanout status
  kubectl port-forward deploy/events-fanout 8080 & events-fanout status --watch
  events-fanout status http://10.1.2.3:8080 --output json | jq .headline
"""


@click.command(params=flags.options(), epilog=_LAG_HELP + "\n" + flags.SETTINGS_HELP)
@click.option("--max-seconds", type=click.FloatRange(min=0), help="Exit with 1 if a partition is further behind.")
@click.option("--max-share", type=click.FloatRange(min=0), help="The same, as a share of what the source keeps: 0.5.")
@flags.output
def lag(output: str, max_seconds: float | None, max_share: float | None, **params: object) -> None:
    """How far the group is behind, asked of the cluster: no replica needs to run. Writes nothing.

    Exit code 0: told, and within the limits that were given. 1: a partition is behind more than that, has records
    that expired unread, or its age is not known. 2: wrong settings. 5: the cluster does not tell.
    """
    settings = flags.load(params).settings
    from fanout.lag import report

    flags.ask(settings, lambda: report.main(settings, output, max_seconds, max_share))


@click.command(params=flags.options(), epilog=_TRACE_HELP + "\n" + flags.SETTINGS_HELP)
@click.argument("namespace")
@click.option("--name", help="Only events about the object of this name, or the event of this name.")
@flags.duration("--since", "2h", "How far to look back.")
@click.option("--show", is_flag=True, help="A line for each event: time, reason, object, topic/partition/offset.")
@click.option(
    "--most", type=click.IntRange(min=1), default=500_000, show_default=True, help="Records that are read of a topic."
)
@flags.duration("--within", "1min", "Stop reading after this.")
@flags.output
def trace(namespace: str, output: str, **params: Any) -> None:  # noqa: ANN401  # as `look` takes them
    """Where the events of a namespace are, and why: the answer to "events of team-a are missing". Writes nothing.

    Looks into the source, the destination and the dead letters, by time.

    Exit code 0: they are delivered. 1: some are not, or none was found. 2: wrong settings.
    5: the cluster does not tell.
    """
    settings = flags.load(params).settings
    from fanout.trace import report
    from fanout.trace.question import Question

    question = Question(namespace, params["name"], params["since"], most=params["most"], within_s=params["within"])
    flags.ask(settings, lambda: report.main(settings, question, output, show=params["show"]))


@click.command(epilog=_STATUS_HELP)
@click.argument("url", default="http://127.0.0.1:8080")
@click.option("--watch", is_flag=True, help="Refresh until Ctrl-C; needs a terminal.")
@flags.output
def status(url: str, output: str, *, watch: bool) -> None:
    """What a replica says of itself at HTTP_PORT: its state, what is wrong and what to do, in a terminal.

    Exit code 0: all is well. 1: it tells of a warning or an error. 2: bad use. 5: nothing answers there.
    """
    from fanout.watching import report

    sys.exit(report.main(url, output, watch=watch))


QUESTIONS = (*(flags.own_first(command) for command in (lag, topics, trace, *MENDING)), status)
