"""Every setting, once: name, default, bounds, meaning. `config` loads them; the README's table is made from here.

A field `topic_create` is the environment variable `TOPIC_CREATE` and the flag `--topic-create`.
Lists are comma-separated; `topic_config` is `key=value,key=value`.
"""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

Millis = Annotated[int, Meta(ge=1)]


def about(text: str) -> Meta:
    """The description of a setting, shown by `--help`, `config` and the README."""
    return Meta(description=text)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the program was told. Immutable; sent whole to each worker in `link.Start`."""

    endpoint: Annotated[str, about("Bootstrap brokers, host:port[,host:port]. Required.")]
    topic: Annotated[str, about("Source topic that carries the events of the cluster. Required.")]
    groupid: Annotated[str, about("Consumer group of all replicas.")] = "events-fanout"
    group_protocol: Annotated[
        Literal["auto", "classic", "consumer"],
        about("Group protocol: classic (cooperative-sticky), consumer (KIP-848), or auto: ask the broker."),
    ] = "auto"

    topic_template: Annotated[
        str, about("Name of a destination topic; {namespace} is replaced by the event's namespace.")
    ] = "{namespace}"
    namespace_path: Annotated[
        str, about("Dotted path to the namespace in the record, for envelopes that are not recognised by shape.")
    ] = ""
    namespaces_allow: Annotated[tuple[str, ...], about("Globs: only these namespaces are delivered.")] = ()
    namespaces_deny: Annotated[tuple[str, ...], about("Globs: these namespaces are skipped, and counted.")] = ()
    topics_reserved: Annotated[tuple[str, ...], about("Globs: topics that are never a destination.")] = (
        "__*",
        "_*",
        "connect-*",
        "mm2-*",
        "strimzi*",
    )
    topics_max: Annotated[
        int, Meta(ge=1), about("No new destination is created when the cluster has this many topics.")
    ] = 10_000
    topic_create: Annotated[
        Literal["admin", "broker", "none"],
        about("Who creates a destination: admin (this program), broker (auto-creation), or none."),
    ] = "admin"
    topic_partitions: Annotated[int, Meta(ge=1), about("Partitions of a destination that is created.")] = 1
    topic_replication: Annotated[
        int, Meta(ge=-1, le=32767), about("Replication factor of a destination; -1 is the broker's default.")
    ] = -1
    topic_config: Annotated[
        dict[str, str], about("Configuration of a destination that is created: key=value,key=value.")
    ] = {}
    topic_create_timeout_ms: Annotated[
        Millis, about("A destination that cannot be created for this long stops the worker (nothing is skipped).")
    ] = 60_000

    drop_resync: Annotated[bool, about("Skip UPDATED records whose resourceVersion did not change.")] = False
    slim: Annotated[bool, about("Remove managedFields and old_event: the value is then no longer verbatim.")] = False
    split_cluster_scoped: Annotated[
        bool, about("Events of cluster-scoped objects go to the destination of _cluster instead of default.")
    ] = False
    provenance_headers: Annotated[
        bool, about("Add headers fanout.topic, fanout.partition and fanout.offset to each record.")
    ] = False

    dlq_topic: Annotated[str, about("Dead-letter topic; empty is the name of the source with -dlq after it.")] = ""
    dlq_max_ratio: Annotated[
        float,
        Meta(gt=0, le=1),
        about("Share of undecodable records among the last dlq_window that stops the worker; 1 is never."),
    ] = 0.5
    dlq_window: Annotated[int, Meta(ge=10), about("Records over which dlq_max_ratio is taken.")] = 1_000
    dlq_max_run: Annotated[int, Meta(ge=1), about("Undecodable records in a row that stop the worker.")] = 1_000

    commit_interval_ms: Annotated[Millis, about("Time between two commits of delivered offsets.")] = 1_000
    drain_timeout_ms: Annotated[
        Millis, about("On a revoke: time for the records in flight before the partition is given back.")
    ] = 10_000
    stop_timeout_ms: Annotated[
        Millis, about("On SIGTERM: time for all records in flight, the last commit and leaving the group.")
    ] = 20_000
    lease_ms: Annotated[
        int,
        Meta(ge=2_000),
        about("A worker stops when its supervisor has not renewed it for this long; below the session time-out."),
    ] = 10_000
    stall_ms: Annotated[
        int, Meta(ge=1_000), about("A worker whose loop has not turned for this long is killed and replaced.")
    ] = 15_000
    crashes_max: Annotated[
        int, Meta(ge=1), about("Crashes of one worker in a row without progress that end the program.")
    ] = 10
    credentials_look_ms: Annotated[
        int,
        Meta(ge=100),
        about("Time between two looks at the files of certificates and passwords; what two looks agree on is used."),
    ] = 5_000
    workers_max: Annotated[
        int, Meta(ge=0), about("Most worker processes; 0 is one for each partition that is assigned.")
    ] = 0

    inflight_records: Annotated[
        int, Meta(ge=1), about("Most records of a worker that are read and not yet acknowledged.")
    ] = 20_000
    inflight_bytes: Annotated[int, Meta(ge=65_536), about("Most bytes of the same.")] = 33_554_432
    producers_max: Annotated[int, Meta(ge=1), about("Most producers of a worker.")] = 40
    producer_topics: Annotated[int, Meta(ge=1), about("Destinations of a producer before the next is opened.")] = 128
    producer_idle_ms: Annotated[
        Millis, about("A destination without a record for this long is silent: a producer of silent ones is closed.")
    ] = 3_600_000
    silence_ms: Annotated[
        Millis, about("A destination with records in flight and no acknowledgement for this long is looked up.")
    ] = 5_000

    log_level: Annotated[Literal["debug", "info", "warning", "error"], about("Least level that is logged.")] = "info"
    log_format: Annotated[
        Literal["auto", "json", "console"], about("json, console, or auto: console on a terminal.")
    ] = "auto"

    http_host: Annotated[
        str, about("Address that HTTP is served at: the page, the status, the metrics, the probes of Kubernetes.")
    ] = "0.0.0.0"  # probes come from outside of the pod, and nothing can be changed over HTTP
    http_port: Annotated[int, Meta(ge=0, le=65_535), about("Port of the same; 0 serves nothing.")] = 8080
    metrics_namespaces: Annotated[
        str, about("Metrics by destination: off, all, or top:N for the N busiest. Each is a series of its own.")
    ] = "off"

    kafka: Annotated[dict[str, str], about("KAFKA_*: librdkafka properties for every client.")] = {}
    kafka_consumer: Annotated[dict[str, str], about("KAFKA_CONSUMER_*: for consumers only.")] = {}
    kafka_producer: Annotated[dict[str, str], about("KAFKA_PRODUCER_*: for producers only.")] = {}

    @property
    def dead_letter_topic(self) -> str:
        """Name of the dead-letter topic."""
        return self.dlq_topic or f"{self.topic}-dlq"
