"""The commands. Each imports what it needs when it is called: `run` must not pay for the tables of the others."""

import json
import os
import signal
import sys
from typing import Any

import click

from fanout import __version__, config, flags, questions

PROGRAM = flags.PROGRAM

_EXAMPLES = """\b
Examples:
  ENDPOINT=kafka:9092 TOPIC=cluster-events events-fanout run
  events-fanout check --endpoint kafka:9092 --topic cluster-events
  KAFKA_SECURITY_PROTOCOL=SASL_SSL KAFKA_SASL_PASSWORD_FILE=/etc/kafka/password events-fanout config
  events-fanout status http://127.0.0.1:8080 --watch
  events-fanout lag --max-share 0.5
  events-fanout topics
  events-fanout topics sync --cluster events --once
  events-fanout trace team-a --since 2h
  events-fanout dead-letters --reason too-large
  events-fanout replay --reason too-large --dry-run
  events-fanout reset --to 2h
  events-fanout demo
"""


class _Commands(click.Group):
    """`events-fanout -logLevel=info` means `run`, as it did when there were no commands."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0].startswith("-") and args[0] not in {"--help", "-h", "--version"}:
            args = ["run", *args]
        return super().parse_args(ctx, args)


@click.group(
    cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120}, epilog=_EXAMPLES
)
@click.version_option(__version__, prog_name=PROGRAM)
def commands() -> None:
    """Route the events of a Kubernetes cluster from one Kafka topic to a topic for each namespace."""


@commands.command(params=flags.options(), epilog=flags.SETTINGS_HELP)
def run(**params: object) -> None:
    """Route events until SIGTERM or SIGINT."""
    loaded = flags.load(params)
    from fanout import log
    from fanout.supervisor import app

    log.configure(loaded.settings.log_level, loaded.settings.log_format, role="supervisor")
    if loaded.ignored:
        log.get("fanout.config").info("service links of Kubernetes ignored", variables=list(loaded.ignored))
    sys.exit(app.main(loaded.settings, config.Reload(os.environ, flags.given(params), loaded.settings)))


@commands.command("config", params=flags.options(), epilog=flags.SETTINGS_HELP)
@flags.output
def config_(output: str, **params: object) -> None:
    """Show every setting, its value and where it came from; secrets are hidden."""
    reading = config.read(os.environ, flags.given(params))
    if output == "json":
        click.echo(
            json.dumps(
                {
                    "settings": [
                        {"name": row.name, "value": row.value, "origin": row.origin} for row in reading.rows()
                    ],
                    "ignored": reading.ignored,
                    "problems": reading.problems,
                },
                indent=2,
            )
        )
    else:
        from fanout import table

        table.show(("SETTING", "VALUE", "FROM"), [(row.name, row.value, row.origin) for row in reading.rows()])
        for name in reading.ignored:
            click.echo(f"{name} is ignored: a service link of Kubernetes")
    flags.stop_at(reading.problems)


@commands.command(params=flags.options(), epilog=flags.SETTINGS_HELP)
@flags.output
def check(output: str, **params: object) -> None:
    """Connect, and tell what would stop a run. Writes nothing.

    Exit code 0: nothing would stop it. 1: something would. 2: wrong settings.
    """
    settings = flags.load(params).settings
    from fanout.check import report

    sys.exit(report.main(settings, output))


for _question in questions.QUESTIONS:
    commands.add_command(_question)


@commands.command()
@click.option("--namespaces", type=click.IntRange(min=1), help="Namespaces whose events are written.")
@click.option("--events", type=click.IntRange(min=1), help="Events that are written.")
@click.option("--partitions", type=click.IntRange(min=1), help="Partitions of the source topic, so workers.")
@click.option("--seed", type=int, help="Another seed makes other events.")
@click.option("--plain", is_flag=True, help="Plain lines, even on a terminal.")
def demo(**given: Any) -> None:  # noqa: ANN401  # as `main` takes them
    """Show the whole program at work on a mock Kafka: nothing else is needed."""
    from fanout.demo import run as demo_run

    sys.exit(demo_run.main(**{name: value for name, value in given.items() if value is not None}))


def main() -> None:
    """The command `events-fanout`."""
    if os.getpid() == 1:
        # To process 1 of a container a signal comes only if it has a handler, which `run` has a moment later.
        signal.signal(signal.SIGTERM, lambda number, _: os._exit(128 + number))
    commands(prog_name=PROGRAM)
