"""`events-fanout trace` on a real Kafka: an event is planted in each place where it can be, and is found there."""

import json
from typing import Any, NamedTuple

import pytest
from click.testing import Result
from confluent_kafka.admin import AdminClient

from bench.broker import LocalKafka
from bench.program import Program
from tests.commands.asking import call, commit, expire
from tests.support.samples import event
from tests.support.topics import Record, committed, produce, topics, wait_until

NAME = "scene"
TOPIC = f"{NAME}-source"
DENIED = {"NAMESPACES_DENY": "team-denied"}


def records(namespace: str, count: int, obj: str = "web") -> list[Record]:
    return [Record(event(namespace, obj, number), obj.encode(), partition=0) for number in range(count)]


class Scene(NamedTuple):
    """A cluster in which a run has been and ended; what came later is unread."""

    kafka: LocalKafka

    def trace(self, *args: str, **environ: str) -> Result:
        return call(self.kafka, NAME, "trace", *args, **{**DENIED, **environ})

    def found(self, namespace: str, *args: str, **environ: str) -> tuple[int, dict[str, Any], dict[str, Any]]:
        """Exit code, the finding of each place, and everything."""
        result = self.trace(namespace, *args, "--output", "json", **environ)
        told = json.loads(result.stdout)
        return result.exit_code, {finding["where"]: finding for finding in told["findings"]}, told


@pytest.fixture(scope="module")
def scene(kafka: LocalKafka) -> Scene:
    kafka.create_topic(TOPIC)
    produce(kafka.bootstrap, TOPIC, records("early", 5))
    commit(kafka, NAME, TOPIC, 2)
    expire(kafka, TOPIC, 4)
    planted = [
        *records("team-a", 3), *records("team-a", 2, "db"), *records("Bad/Name", 1), *records("team-denied", 2),
        *records("team-gone", 2), Record(b"no json", partition=0),
    ]  # fmt: skip
    produce(kafka.bootstrap, TOPIC, planted)
    with Program(kafka.bootstrap, TOPIC, NAME, TOPIC_TEMPLATE=f"{NAME}.{{namespace}}", **DENIED) as program:
        end = 5 + len(planted)
        wait_until(lambda: committed(kafka.bootstrap, NAME, TOPIC).get(0) == end, 60, "everything is delivered")
        assert program.terminate() == 0
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap})
    admin.delete_topics([f"{NAME}.team-gone"])[f"{NAME}.team-gone"].result(30)
    wait_until(lambda: f"{NAME}.team-gone" not in topics(kafka.bootstrap), 30, "the topic is gone")
    produce(kafka.bootstrap, TOPIC, records("team-late", 2))
    return Scene(kafka)


def test_an_event_that_was_delivered(scene: Scene) -> None:
    _, found, told = scene.found("team-a")
    assert found["delivered"]["events"] == 5
    assert f"5 events delivered to {NAME}.team-a, the last" in told["verdict"]
    assert "waiting" not in found
    assert "not in the destination" not in found


def test_an_event_that_is_still_in_the_source(scene: Scene) -> None:
    code, found, told = scene.found("team-late")
    assert code == 1
    assert found["waiting"]["events"] == 2
    assert "has no members, so nothing is delivered" in told["verdict"]
    assert "start events-fanout" in found["waiting"]["advice"]


def test_an_event_that_became_a_dead_letter(scene: Scene) -> None:
    code, found, told = scene.found("Bad/Name")
    assert code == 1
    assert found["dead letter"]["events"] == 1
    assert f"1 dead letter in {TOPIC}-dlq: bad-namespace" in told["verdict"]


def test_an_event_that_a_filter_skips(scene: Scene) -> None:
    code, found, told = scene.found("team-denied")
    assert code == 1
    assert found["skipped"]["events"] == 2
    assert "2 events in the source skipped by NAMESPACES_DENY=team-denied" in told["verdict"]


def test_a_repetition_that_is_dropped(scene: Scene) -> None:
    again = json.loads(event("team-again", "web", 1)) | {"verb": "UPDATED", "old_event": {"metadata": {}}}
    again["old_event"]["metadata"]["resourceVersion"] = again["event"]["metadata"]["resourceVersion"]
    produce(scene.kafka.bootstrap, TOPIC, [Record(json.dumps(again).encode(), partition=0)])
    _, found, _ = scene.found("team-again", DROP_RESYNC="true")
    assert found["resync dropped"]["events"] == 1
    _, found, _ = scene.found("team-again")
    assert found["waiting"]["events"] == 1


def test_an_event_whose_topic_was_deleted_since(scene: Scene) -> None:
    code, found, told = scene.found("team-gone")
    assert code == 1
    assert found["not in the destination"]["events"] == 2
    assert f"{NAME}.team-gone does not exist: it was deleted since" in told["verdict"]


def test_an_event_in_a_range_that_expired_unread_and_one_that_never_was_cannot_be_told_apart(scene: Scene) -> None:
    code, found, told = scene.found("team-nowhere")
    assert code == 1
    assert found["nowhere"]["events"] == 0
    assert found["expired unread"]["events"] is None
    assert "2 records of the source expired before they were read (partition 0, offsets 2 to 3)" in told["verdict"]
    assert "cannot be known" in told["verdict"]
    assert "1 record of the source and 1 dead letter have no namespace" in found["cannot be known"]["text"]


def test_what_nobody_wrote_is_said_to_be_eventrouters_matter(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    produce(kafka.bootstrap, f"{prefix}-source", [Record(event("other", "web", 1))])
    result = call(kafka, prefix, "trace", "team-a")
    assert result.exit_code == 1
    assert "Eventrouter has not written any, and beyond that nothing can be known here" in result.stdout
    assert "kubectl get events -n team-a" in result.stdout


def test_one_object_is_looked_for_by_its_name(scene: Scene) -> None:
    _, found, _ = scene.found("team-a", "--name", "db")
    assert found["delivered"]["events"] == 2
    _, found, _ = scene.found("team-a", "--name", "db.1")
    assert found["delivered"]["events"] == 1
    _, found, _ = scene.found("team-a", "--name", "nothing")
    assert "delivered" not in found


def test_a_bound_is_kept_and_told(scene: Scene) -> None:
    _, found, told = scene.found("team-a", "--most", "2")
    assert told["looked_at"]["source"]["read"] == 2
    assert not told["looked_at"]["source"]["complete"]
    assert found["delivered"]["events"] == 2
    assert "the newest 2 of" in json.dumps(told["findings"])


def test_payloads_are_never_printed_and_events_only_when_asked_for(scene: Scene) -> None:
    plain, shown = scene.trace("team-a").stdout, scene.trace("team-a", "--show").stdout
    assert "BackOff" not in plain
    assert f"{NAME}.team-a/0/0" in shown
    assert "Pod/web" in shown
    assert "Back-off restarting" not in shown


def test_names_of_strangers_do_nothing_to_the_terminal(kafka: LocalKafka, prefix: str) -> None:
    kafka.create_topic(f"{prefix}-source")
    produce(kafka.bootstrap, f"{prefix}-source", [Record(event("team-a", "[red]\x1b[2J", 1))])
    result = call(kafka, prefix, "trace", "team-a", "--show")
    assert "Pod/[red]\ufffd[2J" in result.stdout
    assert "\x1b" not in result.stdout
