"""The source topic: is it there, and may we read it?"""

from fanout.check.row import Result, Row
from fanout.cluster.answers import AskError, Overview
from fanout.cluster.cluster import Cluster
from fanout.settings import Settings

SOURCE = "source topic"
READ = "right to read"


def rows(settings: Settings, cluster: Cluster, overview: Overview) -> list[Row]:
    """Existence, number of partitions, right to read."""
    topic = settings.topic
    answer = cluster.operations([topic])[topic]
    if isinstance(answer, AskError):
        return [_not_seen(topic, answer)]
    return [_partitions(settings, overview.topics.get(topic, 0)), _right(topic, answer)]


def _not_seen(topic: str, error: AskError) -> Row:
    if error.absent:
        return Row(SOURCE, Result.FAILED, f"{topic} does not exist", "create it, or correct TOPIC")
    if error.denied:
        return Row(SOURCE, Result.FAILED, f"{topic}: no rights ({error})", f"grant READ and DESCRIBE on topic {topic}")
    return Row(SOURCE, Result.UNKNOWN, f"{topic}: {error}")


def _partitions(settings: Settings, count: int) -> Row:
    if count == 1:
        found = f"{settings.topic} has one partition, so there is one worker, and a second replica has nothing to do"
        return Row(SOURCE, Result.WARNING, found, "give it as many partitions as workers are wanted")
    limit = f", at most {settings.workers_max} in one replica" if 0 < settings.workers_max < count else ""
    return Row(SOURCE, Result.OK, f"{settings.topic} has {count} partitions, a worker for each{limit}")


def _right(topic: str, operations: frozenset[str]) -> Row:
    if "READ" in operations:
        return Row(READ, Result.OK, f"{topic} may be read")
    return Row(READ, Result.FAILED, f"{topic} may not be read", f"grant READ on topic {topic}")
