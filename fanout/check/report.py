"""All checks of a cluster, one after the other, and the table or JSON that tells of them."""

import json
import sys
from collections.abc import Callable

from fanout.check import backlog, connection, deadletters, destinations, group, source
from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError, UnreachableError
from fanout.cluster.cluster import Cluster
from fanout.errors import ExitCode
from fanout.settings import Settings

_STYLES = {
    Result.OK.value: "green",
    Result.WARNING.value: "yellow",
    Result.FAILED.value: "bold red",
    Result.UNKNOWN.value: "cyan",
}


def main(settings: Settings, output: str) -> int:
    """Check and print; the exit code: 0 if nothing would stop a run, 1 if something would. Blocks, a minute at most."""
    found = rows(settings)
    if output == "json":
        sys.stdout.write(json.dumps([row._asdict() for row in found], indent=2) + "\n")
    else:
        from fanout import table

        table.show(("CHECK", "RESULT", "FOUND", "TO DO"), found, _STYLES)
    return ExitCode.CHECK_FAILED if any(row.result is Result.FAILED for row in found) else ExitCode.OK


def rows(settings: Settings) -> list[Row]:
    """Every finding. If no broker can be spoken to, that is the only one."""
    cluster = Cluster(settings)
    try:
        overview = cluster.overview()
    except UnreachableError as error:
        return [connection.unreachable(settings, error)]
    partitions = overview.topics.get(settings.topic, 0)
    checks: list[tuple[str, Callable[[], list[Row]]]] = [
        (connection.PROTOCOL, lambda: connection.protocol(settings, cluster)),
        (source.SOURCE, lambda: source.rows(settings, cluster, overview)),
        (group.RIGHT, lambda: group.rows(settings, cluster)),
        (destinations.CREATE, lambda: destinations.rows(settings, cluster, overview)),
        (deadletters.CHECK, lambda: deadletters.rows(settings, cluster)),
    ]
    if partitions:
        checks.append((backlog.CHECK, lambda: backlog.rows(settings, cluster, partitions)))
    found = [connection.reached(overview)]
    for name, check in checks:
        found += _guarded(name, check)
    return found


def _guarded(name: str, check: Callable[[], list[Row]]) -> list[Row]:
    try:
        return check()
    except AskError as error:
        return [Row(name, Result.UNKNOWN, f"the cluster does not say: {error}")]
