"""The topics that are written to: may we create them and write to them, and whose could they be?"""

import re
from fnmatch import fnmatchcase

from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError, Overview
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings
from fanout.words import counted, some

CREATE = "right to create topics"
WRITE = "right to write"
NAMES = "clashes of names"
COUNT = "topics in the cluster"

# A namespace that nobody has: what we may create for it, we may create for the others.
EXAMPLE_NAMESPACE = "events-fanout-check"
_DESCRIBED_MAX = 500
_NEARLY_FULL = 0.8
_NAMESPACE = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def prefix_of(template: str) -> str:
    """What all destinations begin with; empty where their names begin with the namespace."""
    return template.partition("{namespace}")[0]


def namespace_of(template: str, topic: str) -> str | None:
    """The namespace whose events would go to the topic, or None if there can be none."""
    before, _, after = template.partition("{namespace}")
    if not (topic.startswith(before) and topic.endswith(after)):
        return None
    name = topic[len(before) : len(topic) - len(after)]
    return name if _NAMESPACE.fullmatch(name) else None


def existing(settings: Settings, overview: Overview) -> list[str]:
    """Topics that are there and that the routing could send events to."""
    own = {settings.topic, settings.dead_letter_topic}
    return sorted(
        topic
        for topic in overview.topics
        if topic not in own
        and namespace_of(settings.topic_template, topic) is not None
        and not any(fnmatchcase(topic, pattern) for pattern in settings.topics_reserved)
    )


def rows(settings: Settings, cluster: Cluster, overview: Overview) -> list[Row]:
    """Creation, rights, names and number of destinations."""
    return [
        create(settings, cluster),
        write(settings, cluster, existing(settings, overview)),
        *names(settings, existing(settings, overview)),
        count(settings, len(overview.topics)),
    ]


def create(settings: Settings, cluster: Cluster) -> Row:
    """May a destination be created, by whom TOPIC_CREATE says?"""
    if settings.topic_create == "none":
        return Row(CREATE, Result.OK, "not needed: TOPIC_CREATE=none, an unknown destination is an error")
    if settings.topic_create == "broker":
        return _broker_creates(cluster)
    example = settings.topic_template.replace("{namespace}", EXAMPLE_NAMESPACE)
    error = cluster.try_create(example, settings.topic_config)
    if error is None or error.exists:
        return Row(CREATE, Result.OK, f"a topic such as {example} could be created")
    if error.denied:
        prefix = prefix_of(settings.topic_template)
        on = f"topics with the prefix {prefix}" if prefix else "all topics (a prefix in TOPIC_TEMPLATE makes it fewer)"
        return Row(CREATE, Result.FAILED, f"{example} may not be created ({error})", f"grant CREATE on {on}")
    todo = "look at TOPIC_PARTITIONS, TOPIC_REPLICATION and TOPIC_CONFIG, and at the broker's policies"
    return Row(CREATE, Result.FAILED, f"{example} could not be created: {error}", todo)


def _broker_creates(cluster: Cluster) -> Row:
    try:
        allowed = cluster.broker_config().get("auto.create.topics.enable")
    except AskError as error:
        return Row(CREATE, Result.UNKNOWN, f"TOPIC_CREATE=broker; whether the broker does is not known: {error}")
    if allowed == "true":
        return Row(CREATE, Result.OK, "TOPIC_CREATE=broker, and the broker creates topics on first use")
    found = f"TOPIC_CREATE=broker, but auto.create.topics.enable is {allowed}"
    return Row(CREATE, Result.FAILED, found, "set TOPIC_CREATE=admin, or let the broker create topics")


def write(settings: Settings, cluster: Cluster, topics: list[str]) -> Row:
    """May we write to the destinations that are there?"""
    if not topics:
        return Row(WRITE, Result.UNKNOWN, "no destination exists yet, so the rights on one cannot be asked for")
    asked = topics[:_DESCRIBED_MAX]
    answers = cluster.operations(asked)
    refused, unanswered = [], []
    for topic in asked:
        answer = answers[topic]
        if isinstance(answer, AskError) and not answer.denied:
            unanswered.append(f"{topic} ({answer})")
        elif isinstance(answer, AskError) or "WRITE" not in answer:
            refused.append(topic)
    if unanswered:
        return Row(WRITE, Result.UNKNOWN, f"no answer about {some(unanswered)}")
    if not refused:
        return Row(WRITE, Result.OK, f"{counted(len(asked), 'topic')} named as a destination may be written to")
    all_of_them = len(refused) == len(asked) and settings.topic_template != "{namespace}"
    found = (
        f"{len(refused)} of {counted(len(asked), 'topic')} named as destinations may not be written to: {some(refused)}"
    )
    todo = "grant WRITE on them, or their events become dead letters"
    return Row(WRITE, Result.FAILED if all_of_them else Result.WARNING, found, todo)


def names(settings: Settings, topics: list[str]) -> list[Row]:
    """Destinations that are something else already."""
    found = []
    own = [namespace_of(settings.topic_template, name) for name in (settings.topic, settings.dead_letter_topic)]
    refused = [namespace for namespace in own if namespace is not None]
    if refused:
        text = f"events of a namespace named {' or '.join(refused)} become dead letters: the topic is the program's own"
        found.append(Row(NAMES, Result.WARNING, text, "a prefix in TOPIC_TEMPLATE keeps them apart"))
    if settings.topic_template == "{namespace}" and topics:
        there = counted(len(topics), "existing topic")
        text = f"{there} would get the events of a namespace of the same name: {some(topics)}"
        todo = "if applications own them, put a prefix in TOPIC_TEMPLATE or their names in TOPICS_RESERVED"
        found.append(Row(NAMES, Result.WARNING, text, todo))
    if not found:
        found.append(Row(NAMES, Result.OK, f"{settings.topic_template} meets no other topic"))
    return found


def count(settings: Settings, topics: int) -> Row:
    """Is there room for more topics?"""
    text = f"{topics} of TOPICS_MAX={settings.topics_max}"
    todo = "raise TOPICS_MAX, or delete topics that nobody needs"
    if topics >= settings.topics_max:
        return Row(COUNT, Result.FAILED, f"{text}: events of new namespaces become dead letters", todo)
    if topics >= settings.topics_max * _NEARLY_FULL:
        return Row(COUNT, Result.WARNING, text, todo)
    return Row(COUNT, Result.OK, text)
