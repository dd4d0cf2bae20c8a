"""Try all mutants: `python -m tests.mutants [PART OF A NAME]...`, and show which test has killed which.

The exit code is 1 if one survives, 2 if one does not fit the program or the tests fail without any.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from fanout.table import show
from tests.mutants.catalogue import MUTANTS, Mutant
from tests.mutants.trial import MutantError, Verdict, try_mutant, try_unchanged

AT_ONCE = 2
SURVIVED = "SURVIVED"
COLUMNS = ("mutant", "file", "killed by", "which says", "s")
SAID_MAX = 70


def main(mutants: Sequence[Mutant]) -> int:
    """Try these; the exit code."""
    try:
        try_unchanged(sorted({test for mutant in mutants for test in mutant.killers}))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            verdicts = list(pool.map(try_mutant, mutants))
    except MutantError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    show(COLUMNS, [row for verdict in verdicts for row in rows(verdict)], {SURVIVED: "bold red"})
    survivors = [verdict for verdict in verdicts if verdict.survived]
    sys.stdout.write(f"{len(verdicts) - len(survivors)} of {len(verdicts)} mutants were killed\n")
    return 1 if survivors else 0


def rows(verdict: Verdict) -> list[list[str]]:
    """One row for each test that had to notice it."""
    mutant = verdict.mutant
    begin = [mutant.name, mutant.path]
    killed = [[*begin, _short(test), how[:SAID_MAX]] for test, how in verdict.killed_by.items()]
    survived = [[*begin, SURVIVED, _short(test)] for test in verdict.survived]
    return [[*row, f"{verdict.seconds:.1f}"] for row in killed + survived]


def _short(test: str) -> str:
    return test.rpartition("/")[2]


if __name__ == "__main__":
    wanted = sys.argv[1:]
    chosen = [mutant for mutant in MUTANTS if not wanted or any(part in mutant.name for part in wanted)]
    if not chosen:
        sys.exit(f"no mutant is called like this: {' '.join(wanted)}")
    sys.exit(main(chosen))
