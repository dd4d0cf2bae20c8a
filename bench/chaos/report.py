"""What fault runs found, as tables."""

import statistics
from collections.abc import Sequence

from rich.table import Table

from bench.chaos.plan import CLEAN, MOCK
from bench.chaos.run import Fault, Result
from bench.chaos.series import Broken, Outcome

COUNTS = ("lost", "astray", "altered", "disorder", "ahead", "back", "letters")


def line(outcome: Outcome) -> str:
    """One run on one line."""
    plan = outcome.plan
    nodes = "mock" if plan.nodes == MOCK else f"{plan.nodes} node{'s' * (plan.nodes > 1)}"
    what = f"seed {plan.seed} {plan.theme}: {nodes}, {plan.protocol}"
    if isinstance(outcome, Broken):
        return f"BROKEN {what}: {outcome.problem.strip().splitlines()[-1]}"
    found = outcome.findings
    told = f"{what}, {len(outcome.faults)} faults, {found.events} events, {found.duplicates} twice"
    return f"FAILED {told}: {'; '.join(outcome.failed)[:600]}" if outcome.failed else f"ok {told}"


def totals(outcomes: Sequence[Outcome]) -> Table:
    """By theme: runs, faults, events, and what was found."""
    table = Table(title="fault runs")
    for name in ("theme", "runs", "failed", "faults", "events", "poison", *COUNTS, "gone", "twice", "at most"):
        table.add_column(name, justify="left" if name == "theme" else "right")
    results = [outcome for outcome in outcomes if isinstance(outcome, Result)]
    themes = sorted({outcome.plan.theme for outcome in outcomes})
    for theme in [*themes, ""]:
        chosen = [result for result in results if theme in ("", result.plan.theme)]
        broken = [o for o in outcomes if isinstance(o, Broken) and theme in ("", o.plan.theme)]
        found = [result.findings for result in chosen]
        numbers = [
            len(chosen) + len(broken),
            sum(1 for result in chosen if result.failed) + len(broken),
            sum(len(result.faults) for result in chosen),
            sum(each.events for each in found),
            sum(each.poison for each in found),
            *(sum(getattr(each, name) for each in found) for name in COUNTS),
            sum(each.gone for each in found),
            sum(each.duplicates for each in found),
            sum(each.duplicates_max for each in found),
        ]
        table.add_row(theme or "all", *(f"{number:,}" for number in numbers), end_section=theme == themes[-1])
    return table


def recoveries(outcomes: Sequence[Outcome]) -> Table:
    """By kind of fault: how often, and how long it took until what it struck moved again."""
    table = Table(title="seconds until it moves again, of faults that struck alone")
    for name in ("fault", "done", "alone", "p50", "p99", "max", "not seen to recover"):
        table.add_column(name, justify="left" if name == "fault" else "right")
    faults: dict[str, list[Fault]] = {}
    for outcome in outcomes:
        if isinstance(outcome, Result):
            for fault in outcome.faults:
                faults.setdefault(fault.kind, []).append(fault)
    for kind, done in sorted(faults.items()):
        alone = [fault for fault in done if fault.alone]
        took = sorted(fault.recovery_s for fault in alone if fault.recovery_s is not None)
        figures = [f"{value:.2f}" for value in (_at(took, 0.5), _at(took, 0.99), took[-1])] if took else ["-"] * 3
        unseen = sum(1 for fault in alone if fault.recovery_s is None)
        name = f"{kind} (clean)" if kind in CLEAN else kind
        table.add_row(name, str(len(done)), str(len(took)), *figures, str(unseen))
    return table


def _at(values: Sequence[float], share: float) -> float:
    """The percentile: the least value that so large a share does not exceed."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[round(share * 100) - 1]
