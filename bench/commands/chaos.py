"""`python -m bench chaos`."""

import sys

import click
from rich.progress import Progress

from bench.chaos import report
from bench.chaos.plan import THEMES, plan_of
from bench.chaos.series import Broken, Outcome, Step, run_all
from bench.commands import options
from bench.result import Measuring


@click.command(name="chaos")
@click.option("--seed", type=int, help="One run, with this seed: what it did is replayed.")
@click.option("--runs", default=20, type=click.IntRange(min=1), help="Runs, with seeds from --first-seed on.")
@click.option("--first-seed", default=1, help="Seed of the first run.")
@click.option("--minutes", default=0.5, type=click.FloatRange(min=0.2), help="How long the load of a run goes on.")
@click.option("--theme", default="", type=click.Choice(["", *THEMES]), help="Faults of this theme only.")
@click.option("--jobs", default=1, type=click.IntRange(min=1), help="Runs side by side, each with its own cluster.")
def chaos_command(*, seed: int | None, runs: int, first_seed: int, minutes: float, theme: str, jobs: int) -> None:
    """Fault runs: real brokers and processes, seeded faults, and a count of what was lost, astray or altered."""
    seeds = [seed] if seed is not None else range(first_seed, first_seed + runs)
    plans = [plan_of(number, minutes * 60, theme) for number in seeds]
    measuring = Measuring("chaos")
    console = options.console()
    outcomes: list[Outcome] = []
    interrupted = False
    with Progress(console=console, transient=True) as progress:
        task = progress.add_task("fault runs", total=len(plans))

        def tell(outcome: Outcome) -> None:
            outcomes.append(outcome)
            progress.console.print(report.line(outcome), highlight=False, markup=False, soft_wrap=True)
            progress.advance(task)

        def tell_step(step: Step) -> None:
            progress.update(task, description=f"fault runs: seed {step.seed} {step.doing}")

        try:
            run_all(plans, jobs, tell, tell_step)
        except KeyboardInterrupt:
            interrupted = True  # hours of runs are not thrown away
    console.print(report.totals(outcomes))
    console.print(report.recoveries(outcomes))
    options.keep(measuring.result(outcomes), console)
    if interrupted or any(isinstance(outcome, Broken) or outcome.failed for outcome in outcomes):
        sys.exit(1)
