"""What must hold between settings, and within one beyond its type. Each rule reads the fields named beside it."""

import re
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase

from fanout.settings import Settings

NAMESPACE_MAX = 63  # a DNS-1123 label
TOPIC_MAX = 249
SESSION_TIMEOUT_MS = 45_000  # the default of session.timeout.ms, and of the broker's for the protocol `consumer`
MAX_POLL_INTERVAL_MS = 300_000
QUEUED_MESSAGES_MAX = 10_000_000  # the client's limit of queued.min.messages

_TOPIC = re.compile(r"[a-zA-Z0-9._-]+")
_HOST = re.compile(r"(\[[0-9a-fA-F:.%]+\]|[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?)(:(?P<port>\d{1,5}))?")
_NAMESPACES = re.compile(r"off|all|top:[1-9][0-9]{0,4}")

Rule = Callable[[Settings], Iterator[str]]
_RULES: list[tuple[frozenset[str], Rule]] = []


def problems(settings: Settings, wrong: frozenset[str]) -> Iterator[str]:
    """Yield a sentence for each rule that does not hold; rules that read a field of `wrong` are left out."""
    for fields, rule in _RULES:
        if not fields & wrong:
            yield from rule(settings)


def topic_fault(name: str) -> str | None:
    """Why Kafka would not take this topic name, or None."""
    if not _TOPIC.fullmatch(name):
        return "a topic name has only letters, digits, '.', '_' and '-'"
    if len(name) > TOPIC_MAX:
        return f"a topic name has at most {TOPIC_MAX} characters"
    if name in {".", ".."}:
        return "'.' and '..' are no topic names"
    return None


def client_int(settings: Settings, name: str, default: int) -> int:
    """A property of the group member's client, where it is a number."""
    text = {**settings.kafka, **settings.kafka_consumer}.get(name, "")
    return int(text) if text.strip().isdecimal() else default


def _reads(*fields: str) -> Callable[[Rule], Rule]:
    def add(rule: Rule) -> Rule:
        _RULES.append((frozenset(fields), rule))
        return rule

    return add


@_reads("endpoint")
def _endpoint(settings: Settings) -> Iterator[str]:
    for broker in settings.endpoint.split(","):
        match = _HOST.fullmatch(broker.strip())
        if match is None or not 0 < int(match["port"] or 9092) < 65_536:
            yield f"ENDPOINT has {broker.strip()!r}; give host:port with no scheme, several separated by commas"


@_reads("topic")
def _source(settings: Settings) -> Iterator[str]:
    if fault := topic_fault(settings.topic):
        yield f"TOPIC is {settings.topic!r}; {fault}"


@_reads("topic_template")
def _template(settings: Settings) -> Iterator[str]:
    template = settings.topic_template
    fixed = template.replace("{namespace}", "", 1)
    if "{namespace}" not in template:
        yield (
            f"TOPIC_TEMPLATE is {template!r}: all namespaces would share one topic; "
            "put {namespace} where the namespace goes"
        )
    elif "{" in fixed or "}" in fixed:
        yield f"TOPIC_TEMPLATE is {template!r}; it has {{namespace}} exactly once and no other braces"
    elif fault := topic_fault(template.replace("{namespace}", "n" * NAMESPACE_MAX)):
        yield f"TOPIC_TEMPLATE is {template!r}, filled with a namespace of {NAMESPACE_MAX} characters; {fault}"


@_reads("topic_template", "topics_reserved")
def _reserved(settings: Settings) -> Iterator[str]:
    for pattern in settings.topics_reserved:
        samples = (settings.topic_template.replace("{namespace}", name) for name in ("a", "kube-system", "9-z"))
        if all(fnmatchcase(sample, pattern) for sample in samples):
            yield (
                f"TOPICS_RESERVED has {pattern!r}, which every destination of TOPIC_TEMPLATE "
                f"{settings.topic_template!r} matches: nothing could be delivered; change one of them"
            )


@_reads("namespace_path")
def _namespace_path(settings: Settings) -> Iterator[str]:
    path = settings.namespace_path
    if path and not all(part.strip() == part and part for part in path.split(".")):
        yield f"NAMESPACE_PATH is {path!r}; give names of fields with dots between, as in object.metadata.namespace"


@_reads("metrics_namespaces")
def _metrics_namespaces(settings: Settings) -> Iterator[str]:
    if not _NAMESPACES.fullmatch(settings.metrics_namespaces):
        yield f"METRICS_NAMESPACES is {settings.metrics_namespaces!r}; give off, all, or top:N, as in top:50"


@_reads("topic", "dlq_topic")
def _dead_letters(settings: Settings) -> Iterator[str]:
    name = settings.dead_letter_topic
    if name == settings.topic:
        yield f"DLQ_TOPIC is the source topic {name!r}: dead letters would be read again without end; name another"
    elif settings.dlq_topic and (fault := topic_fault(name)):
        yield f"DLQ_TOPIC is {name!r}; {fault}"
    elif not settings.dlq_topic and len(settings.topic) <= TOPIC_MAX < len(name):
        yield f"DLQ_TOPIC is by default {name!r}, longer than {TOPIC_MAX} characters; give a shorter one"


@_reads("topic_config")
def _topic_config(settings: Settings) -> Iterator[str]:
    if settings.topic_config.get("message.timestamp.type", "").lower() == "logappendtime":
        yield "TOPIC_CONFIG has message.timestamp.type=LogAppendTime: events keep their timestamps; remove it"


@_reads("lease_ms", "kafka", "kafka_consumer")
def _lease(settings: Settings) -> Iterator[str]:
    session = client_int(settings, "session.timeout.ms", SESSION_TIMEOUT_MS)
    if settings.lease_ms >= session:
        yield (
            f"LEASE_MS is {settings.lease_ms}; it must be below session.timeout.ms, which is {session}: "
            "or workers would go on after another replica took over"
        )


@_reads("kafka", "kafka_consumer")
def _heartbeat(settings: Settings) -> Iterator[str]:
    session = client_int(settings, "session.timeout.ms", SESSION_TIMEOUT_MS)
    heartbeat = client_int(settings, "heartbeat.interval.ms", 3_000)
    if heartbeat * 2 > session:
        yield (
            f"heartbeat.interval.ms is {heartbeat}; it must be at most half of session.timeout.ms, which is {session}: "
            "or one lost heartbeat costs the membership"
        )


@_reads("drain_timeout_ms", "kafka", "kafka_consumer")
def _drain(settings: Settings) -> Iterator[str]:
    limit = client_int(settings, "max.poll.interval.ms", MAX_POLL_INTERVAL_MS)
    if settings.drain_timeout_ms >= limit:
        yield (
            f"DRAIN_TIMEOUT_MS is {settings.drain_timeout_ms}; it must be below max.poll.interval.ms, which is "
            f"{limit}: or the group gives the partition away before it is drained"
        )


@_reads("inflight_records")
def _inflight_records(settings: Settings) -> Iterator[str]:
    if settings.inflight_records > QUEUED_MESSAGES_MAX:
        yield f"INFLIGHT_RECORDS is {settings.inflight_records}; the client takes {QUEUED_MESSAGES_MAX} at most"


@_reads("inflight_bytes", "kafka", "kafka_producer")
def _inflight_bytes(settings: Settings) -> Iterator[str]:
    text = {**settings.kafka, **settings.kafka_producer}.get("message.max.bytes", "")
    if text.isdecimal() and int(text) > settings.inflight_bytes:
        yield (
            f"INFLIGHT_BYTES is {settings.inflight_bytes} and message.max.bytes {text}: "
            "one record could be above the bound of all; raise INFLIGHT_BYTES"
        )
