"""The dead-letter topic: is it there or could it be created, may we write to it, and does it take every record?"""

from fanout import client
from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings

CHECK = "dead-letter topic"
_UNBOUNDED = 2**63 - 1


def rows(settings: Settings, cluster: Cluster) -> list[Row]:
    """One row for each thing that is wrong, or one that says that nothing is. Raises AskError."""
    topic = settings.dead_letter_topic
    needed_bytes = _source_max_bytes(settings, cluster) + client.HEADER_ROOM_BYTES
    answer = cluster.operations([topic])[topic]
    if isinstance(answer, AskError):
        if answer.absent:
            return [_creatable(settings, cluster, needed_bytes)]
        if answer.denied:
            return [_not_writable(topic)]
        raise answer
    if "WRITE" not in answer:
        return [_not_writable(topic)]
    faults = _limits(topic, cluster.topic_config(topic), needed_bytes)
    return faults or [Row(CHECK, Result.OK, f"{topic} is there, may be written to and takes every record")]


def _source_max_bytes(settings: Settings, cluster: Cluster) -> int:
    try:
        config = cluster.topic_config(settings.topic)
    except AskError:  # said by the row of the source topic
        return client.DEFAULT_MESSAGE_MAX_BYTES
    return int(config.get("max.message.bytes", client.DEFAULT_MESSAGE_MAX_BYTES))


def _not_writable(topic: str) -> Row:
    todo = f"grant WRITE and DESCRIBE on topic {topic}: without it the first refused record stops its worker"
    return Row(CHECK, Result.FAILED, f"{topic} may not be written to, or not even be seen", todo)


def _creatable(settings: Settings, cluster: Cluster, needed_bytes: int) -> Row:
    topic = settings.dead_letter_topic
    if settings.topic_create == "none":
        return Row(CHECK, Result.FAILED, f"{topic} does not exist and TOPIC_CREATE=none", f"create {topic}")
    if settings.topic_create == "broker":
        found = f"{topic} does not exist; the broker would create it with its default limits"
        return Row(CHECK, Result.WARNING, found, f"create it with max.message.bytes={needed_bytes}")
    config = {"max.message.bytes": str(needed_bytes), "message.timestamp.after.max.ms": str(_UNBOUNDED)}
    error = cluster.try_create(topic, config)
    if error is not None and error.invalid_config:  # before Kafka 3.6 there was no such limit on timestamps
        error = cluster.try_create(topic, {"max.message.bytes": str(needed_bytes)})
    if error is None or error.exists:
        return Row(CHECK, Result.OK, f"{topic} does not exist yet and could be created")
    todo = f"grant CREATE on topic {topic}, or create it" if error.denied else f"create {topic}"
    return Row(CHECK, Result.FAILED, f"{topic} does not exist and could not be created: {error}", todo)


def _limits(topic: str, config: dict[str, str], needed_bytes: int) -> list[Row]:
    """What of a record the topic would not take."""
    found = []
    max_bytes = int(config.get("max.message.bytes", needed_bytes))
    if max_bytes < needed_bytes:
        text = f"{topic} takes {max_bytes} bytes; a dead letter of the source may need {needed_bytes}"
        todo = f"set max.message.bytes={needed_bytes} on it: or the largest dead letters lose their value"
        found.append(Row(CHECK, Result.WARNING, text, todo))
    dated_by_broker = config.get("message.timestamp.type") == "LogAppendTime"
    for limit in ("message.timestamp.after.max.ms", "message.timestamp.before.max.ms"):
        value = int(config.get(limit, _UNBOUNDED))
        if value < _UNBOUNDED and not dated_by_broker:
            text = f"{topic} refuses timestamps beyond {value} ms ({limit})"
            todo = f"set {limit}={_UNBOUNDED} on it: or such dead letters lose their timestamp"
            found.append(Row(CHECK, Result.WARNING, text, todo))
    if "compact" in config.get("cleanup.policy", "").split(","):
        text = f"{topic} is compacted: it refuses records without a key and forgets others"
        found.append(Row(CHECK, Result.FAILED, text, "set cleanup.policy=delete on it"))
    return found
