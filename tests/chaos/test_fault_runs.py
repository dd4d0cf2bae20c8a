"""A short selection of fault runs, one of each theme; `make chaos` does hundreds of longer ones."""

import pytest

from bench.chaos.plan import THEMES, plan_of
from bench.chaos.series import Broken, run_all

SECONDS = 15.0
SEED = 5  # these do 23 of the kinds of fault


@pytest.mark.timeout(300)  # what does not catch up is waited for, so that the run can tell what it is
@pytest.mark.parametrize("theme", THEMES)
def test_nothing_is_lost_and_nothing_strays(theme: str) -> None:
    plan = plan_of(SEED, SECONDS, theme)
    [outcome] = run_all([plan], 1, lambda _: None, lambda _: None)
    assert not isinstance(outcome, Broken), outcome.problem
    assert outcome.failed == [], outcome.findings.examples
    assert outcome.findings.events > 0
    assert outcome.faults, f"seed {SEED} does nothing in {SECONDS:g} s"
