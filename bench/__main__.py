"""`python -m bench`: measurements on a real local Kafka."""

import click

from bench.commands.chaos import chaos_command
from bench.commands.compare import ab_command, compare_command
from bench.commands.latency import latency_command
from bench.commands.plan import plan_command
from bench.commands.recover import recover_command
from bench.commands.report import report_command
from bench.commands.scale import scale_command
from bench.commands.setup import fetch, peers
from bench.commands.soak import soak_command
from bench.commands.sustain import sustain_command
from bench.commands.sweep import sweep_command
from bench.commands.throughput import throughput_command


@click.group(help=__doc__)
def main() -> None: ...


for command in (
    fetch, peers, compare_command, ab_command, latency_command, sustain_command, plan_command, chaos_command,
    soak_command, throughput_command, sweep_command, scale_command, recover_command,
    report_command,
):  # fmt: skip
    main.add_command(command)

if __name__ == "__main__":
    main()
