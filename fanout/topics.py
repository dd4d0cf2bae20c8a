"""The command `topics`, and what is below it. Each imports what it needs when it is called."""

import os
import sys
from typing import TextIO

import click

from fanout import config, flags

_TOPICS_HELP = """\b
Examples:
  events-fanout topics --topic-template 'k8s-events.{namespace}'
  kubectl get namespaces -o name | events-fanout topics --prune --live -
  kubectl get namespaces -o name | events-fanout topics --prune --live - --yes
  events-fanout topics --as kafkatopics --cluster events > kafkatopics.yaml
  events-fanout topics sync --cluster events --once
"""
_SYNC_HELP = """\b
Examples:
  events-fanout topics sync --cluster events
  events-fanout topics sync --cluster events --kubernetes-namespace kafka --once
  events-fanout topics sync --cluster events --unmanaged --delete --every 1min
"""
_EXTRA = "topics sync needs a client for Kubernetes: pip install 'events-fanout[kubernetes]'"

_cluster = click.option(
    "--cluster",
    envvar="KAFKATOPICS_CLUSTER",
    show_envvar=True,
    metavar="NAME",
    help="Strimzi's name of the Kafka cluster, for the label strimzi.io/cluster.",
)
_namespace = click.option(
    "--kubernetes-namespace",
    envvar="KAFKATOPICS_NAMESPACE",
    show_envvar=True,
    metavar="NAME",
    default="",
    help="Namespace of the KafkaTopics: the one that the Topic Operator watches.",
)
_unmanaged = click.option(
    "--unmanaged",
    envvar="KAFKATOPICS_UNMANAGED",
    show_envvar=True,
    is_flag=True,
    help='With the annotation strimzi.io/managed: "false": the Topic Operator leaves the topics alone.',
)


@click.group(
    "topics", invoke_without_command=True, params=flags.options(), epilog=_TOPICS_HELP + "\n" + flags.SETTINGS_HELP
)
@click.option("--prune", is_flag=True, help="Tell which destinations are of namespaces that are not there any more.")
@click.option("--live", type=click.File(), help="The list of live namespaces, one on a line; - is standard input.")
@flags.duration("--idle", "1h", "Keep what was written to since.")
@click.option("--yes", is_flag=True, help="Delete them, with all events in them.")
@click.option(
    "--as",
    "kind",
    type=click.Choice(["kafkatopics"]),
    help="Print them as resources of Strimzi, in YAML or in JSON; with --prune those that would be deleted.",
)
@_cluster
@_namespace
@_unmanaged
@flags.output
def topics(
    output: str,
    *,
    prune: bool,
    live: TextIO | None,
    idle: float,
    yes: bool,
    kind: str | None,
    cluster: str | None,
    kubernetes_namespace: str,
    unmanaged: bool,
    **params: object,
) -> None:
    """The destinations: what is in them, whose they are, which clash. Deletes with --prune and --yes only.

    Exit code 0: nothing clashes, or everything was pruned. 1: a topic clashes, or could not be deleted, or has no
    KafkaTopic. 2: wrong settings, or a list that cannot be trusted. 5: the cluster does not tell.
    """
    context = click.get_current_context()
    if context.invoked_subcommand is not None:
        _refuse_options(context)
        return
    if prune != (live is not None) or (yes and not prune):
        raise click.UsageError("--prune and --live FILE go together, and --yes with them")
    if kind is not None and (cluster is None or yes):
        raise click.UsageError("--as kafkatopics goes with --cluster NAME, and not with --yes: it only prints")
    settings = flags.load(params).settings
    if kind is not None:
        from fanout.kafkatopics import printing
        from fanout.kafkatopics.manifest import Terms

        terms = Terms(str(cluster), kubernetes_namespace, unmanaged)
        if live is None:
            flags.ask(settings, lambda: printing.of_all(settings, output, terms))
        text = live.read()
        flags.ask(settings, lambda: printing.of_dead(settings, output, terms, text, idle))
    from fanout.destinations import report

    if live is None:
        flags.ask(settings, lambda: report.list_all(settings, output))
    text = live.read()
    flags.ask(settings, lambda: report.prune_dead(settings, output, text, idle_s=idle, really=yes))


def _refuse_options(context: click.Context) -> None:
    """An option before the name of a command would be taken and forgotten."""
    given = [
        name for name in context.params if context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE
    ]
    if given:
        raise click.UsageError(f"give the options of {context.invoked_subcommand} after it", context)


@topics.command(params=flags.options(), epilog=_SYNC_HELP + "\n" + flags.SETTINGS_HELP)
@_cluster
@_namespace
@_unmanaged
@click.option(
    "--delete",
    envvar="KAFKATOPICS_DELETE",
    show_envvar=True,
    is_flag=True,
    help="With --unmanaged: delete KafkaTopics that were made here and whose topic is gone.",
)
@flags.duration("--every", "30s", "Time between two passes.")
@flags.duration("--patience", "10min", "End with exit code 5 if no pass succeeds for so long.")
@click.option("--once", is_flag=True, help="One pass, and tell what it did.")
@flags.output
def sync(
    output: str,
    *,
    cluster: str | None,
    kubernetes_namespace: str,
    unmanaged: bool,
    delete: bool,
    every: float,
    patience: float,
    once: bool,
    **params: object,
) -> None:
    """Keep a KafkaTopic for each destination, with the partitions, replicas and configuration that it has.

    Runs until SIGTERM or SIGINT, and needs rights on KafkaTopics in one namespace: deploy/components/topics.
    KafkaTopics that it did not make are left alone.

    Exit code 0: stopped; with --once: all are as they should be. 1: with --once: some are not. 2: wrong settings, or
    no way to the API server is configured. 5: with --once: the cluster or the API server does not tell; else: for
    longer than --patience.
    """
    if not cluster:
        raise click.UsageError("--cluster NAME is needed: Strimzi's name of the Kafka cluster")
    if delete and not unmanaged:
        raise click.UsageError(
            "--delete goes with --unmanaged only: whoever deletes a KafkaTopic that the Topic Operator manages deletes "
            "the topic, with all events in it"
        )
    loaded = flags.load(params)
    try:
        from fanout.kafkatopics import keeping
    except ModuleNotFoundError as error:
        if error.name not in {"lightkube", "httpx2"}:
            raise
        flags.stop_at([_EXTRA])
    from fanout import log
    from fanout.kafkatopics.manifest import Terms

    settings = config.Reload(os.environ, flags.given(params), loaded.settings).load
    wish = keeping.Wish(Terms(cluster, kubernetes_namespace, unmanaged), delete, every, patience)
    if once:
        sys.exit(keeping.once(settings, wish, output))
    log.configure(loaded.settings.log_level, loaded.settings.log_format, role="topics-sync")
    sys.exit(keeping.keep(settings, wish))


topics.add_command(flags.own_first(sync))
