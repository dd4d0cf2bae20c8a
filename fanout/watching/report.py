"""The state of a replica, printed once, or refreshed until Ctrl-C."""

import json
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from fanout import table
from fanout.errors import ExitCode
from fanout.flags import PROGRAM
from fanout.status.kinds import Severity
from fanout.watching import page
from fanout.watching.ask import BadUrlError, NoAnswerError, ask

if TYPE_CHECKING:
    from rich.console import RenderableType

REFRESH_S = 2.0


def main(url: str, output: str, *, watch: bool) -> int:
    """Ask and print; the exit code: 0 if all is well, 1 if not, 2 for bad use, 5 if there is no answer. Blocks."""
    if watch and (output == "json" or not sys.stdout.isatty()):
        sys.stderr.write(f"{PROGRAM}: --watch draws a table on a terminal: leave it out here\n")
        return ExitCode.BAD_SETTINGS
    try:
        return _watch(url) if watch else _once(url, output)
    except BadUrlError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return ExitCode.BAD_SETTINGS
    except NoAnswerError as error:
        sys.stderr.write(f"{PROGRAM}: {error}\n")
        return ExitCode.NO_ANSWER


def _once(url: str, output: str) -> int:
    answer = ask(url)
    if output == "json":
        # Anew, so that every character beyond ASCII is escaped: some terminals obey one of those, too.
        sys.stdout.write(json.dumps(json.loads(answer.raw), indent=2) + "\n")
    else:
        sys.stdout.write("\n".join(page.lines(answer.status)) + "\n")
        for part in page.tables(answer.status):
            sys.stdout.write(f"\n{part.title}\n")
            table.show(part.columns, part.rows, page.STYLES)
    return ExitCode.OK if answer.status.state == Severity.OK else ExitCode.CHECK_FAILED


def _watch(url: str, goes_on: Callable[[], bool] = lambda: True) -> int:
    """Refresh until Ctrl-C; the exit code tells of the last answer. A replica that does not answer is asked again."""
    from rich.live import Live

    code: int = ExitCode.NO_ANSWER
    try:
        with Live(screen=True, auto_refresh=False) as live:
            while goes_on():
                drawn, code = _drawn(url)
                live.update(drawn, refresh=True)
                time.sleep(REFRESH_S)
    except KeyboardInterrupt:
        pass
    return code


def _drawn(url: str) -> "tuple[RenderableType, int]":
    from rich.console import Group
    from rich.text import Text

    try:
        status = ask(url).status
    except NoAnswerError as error:
        return Text(str(error), style=page.STYLES[Severity.ERROR]), ExitCode.NO_ANSWER
    first, *others = page.lines(status)
    parts: list[RenderableType] = [Text(first, style=page.STYLES.get(status.state, "")), *map(Text, others)]
    for part in page.tables(status):
        parts += [Text(f"\n{part.title}"), table.drawn(part.columns, part.rows, page.STYLES)]
    return Group(*parts), ExitCode.OK if status.state == Severity.OK else ExitCode.CHECK_FAILED
