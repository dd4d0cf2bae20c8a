"""One pass: the KafkaTopics are made to say of the destinations what is so."""

from collections.abc import Iterator
from enum import StrEnum
from typing import NamedTuple

import msgspec

from fanout.cluster.cluster import Cluster
from fanout.kafkatopics.existing import Existing, existing
from fanout.kafkatopics.kube import ChangedError, HeldError, KafkaTopics, RefusedError
from fanout.kafkatopics.look import Looker, Seen
from fanout.kafkatopics.manifest import Manifest, Terms, manifest
from fanout.kafkatopics.plan import Left, Plan, plan
from fanout.settings import Settings


class Fate(StrEnum):
    """What became of one KafkaTopic."""

    CREATED = "created"
    CHANGED = "changed"
    DELETED = "deleted"  # its topic is gone, and the Topic Operator does not manage it
    WAITING = "waiting"  # for the Topic Operator, or for the next pass
    FOREIGN = "left alone"  # somebody else's
    DIFFERING = "differs"  # somebody else wrote something into it that is not so
    REFUSED = "refused"  # by the API server
    UNKNOWN = "not known"  # the cluster does not tell what the topic is
    GONE = "without a topic"  # the Topic Operator will create it anew


GOOD = frozenset({Fate.CREATED, Fate.CHANGED, Fate.DELETED, Fate.WAITING})


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One KafkaTopic that is not simply as it should be; `name` is empty where there is none."""

    topic: str
    name: str
    outcome: Fate
    detail: str = ""


class Done(NamedTuple):
    """What one pass did: `unchanged` are those that were as they should be."""

    rows: list[Row]
    unchanged: int


class Sync:
    """The passes of one process."""

    def __init__(self, terms: Terms, *, delete: bool) -> None:
        """`delete`: KafkaTopics of ours whose topic is gone, and which the Topic Operator does not manage."""
        self._terms = terms
        self._delete = delete
        self._looker = Looker()

    def once(self, settings: Settings, resources: KafkaTopics) -> Done:
        """One pass. Blocks for it; raises UnreachableError, AskError and KubeError, and what was done stays done.

        First the KafkaTopics are listed and then the topics looked at, not the other way round: a topic that is deleted
        with its KafkaTopic in between is then seen with neither or with both, and does not come back.
        """
        there = [existing(resource) for resource in resources.list()]
        ours = {each.topic: each for each in there if each.ours and each.cluster == self._terms.cluster}
        seen = self._looker.look(settings, Cluster(settings), ours)
        wanted = {topic: manifest(topic, *each, self._terms) for topic, each in seen.destinations.items()}
        decided = plan(wanted, there, self._terms)
        # What is deleted is deleted by its name: as soon as can be after it was looked at.
        rows = [*self._let_go(seen, ours, resources), *self._apply(decided, resources), *_left(decided, seen)]
        return Done(rows, decided.unchanged)

    def _apply(self, decided: Plan, resources: KafkaTopics) -> Iterator[Row]:
        for topic, wanted in decided.change:
            # What is not managed is a picture of the topic. What is managed is an order to the Topic Operator: one that
            # a person has given is not taken back.
            yield _applied(resources, topic, wanted, Fate.CHANGED, force=self._terms.unmanaged)
        for topic, wanted in decided.create:
            yield _applied(resources, topic, wanted, Fate.CREATED, force=False)

    def _let_go(self, seen: Seen, ours: dict[str, Existing], resources: KafkaTopics) -> Iterator[Row]:
        for topic in sorted(seen.gone & ours.keys()):
            each = ours[topic]
            if each.going:
                continue
            if each.managed:
                yield Row(topic=topic, name=each.name, outcome=Fate.GONE)
            elif self._delete:
                resources.delete(each.name)
                yield Row(topic=topic, name=each.name, outcome=Fate.DELETED)


def _applied(resources: KafkaTopics, topic: str, wanted: Manifest, done: Fate, *, force: bool) -> Row:
    name = wanted["metadata"]["name"]
    try:
        resources.apply(wanted, force=force)
    except HeldError as error:
        return Row(topic=topic, name=name, outcome=Fate.DIFFERING, detail=str(error))
    except ChangedError as error:
        return Row(topic=topic, name=name, outcome=Fate.WAITING, detail=str(error))
    except RefusedError as error:
        return Row(topic=topic, name=name, outcome=Fate.REFUSED, detail=str(error))
    return Row(topic=topic, name=name, outcome=done)


def _left(decided: Plan, seen: Seen) -> Iterator[Row]:
    kinds = ((Fate.WAITING, decided.waiting), (Fate.FOREIGN, decided.foreign), (Fate.DIFFERING, decided.differing))
    for fate, each in ((fate, each) for fate, several in kinds for each in several):
        yield _row(each, fate)
    for topic, why in seen.unknown.items():
        yield Row(topic=topic, name="", outcome=Fate.UNKNOWN, detail=why)


def _row(left: Left, fate: Fate) -> Row:
    return Row(topic=left.topic, name=left.name, outcome=fate, detail=left.why)
