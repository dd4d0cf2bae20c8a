"""What is to be done about KafkaTopics, from what is there and what should be."""

from collections.abc import Mapping
from typing import Any

from fanout.kafkatopics.existing import Existing, existing
from fanout.kafkatopics.manifest import Manifest, Shape, Terms, manifest
from fanout.kafkatopics.plan import Plan, plan

TERMS = Terms("events", "kafka", unmanaged=False)
SHAPE = Shape(1, 1)
CONFIG = {"retention.ms": "1000"}


def wanted(*, shape: Shape = SHAPE, config: Mapping[str, str] = CONFIG) -> Manifest:
    return manifest("a", shape, config, TERMS)


def there(manifest: Manifest, **metadata: object) -> dict[str, Any]:
    """The manifest as the API server gives it, once it was applied by somebody."""
    applied = {key: manifest["metadata"][key] for key in ("labels", "annotations") if key in manifest["metadata"]}
    fields = {"f:metadata": marked(applied), "f:spec": marked(manifest["spec"])}
    entry = {"manager": "events-fanout", "operation": "Apply", "fieldsV1": fields}
    given = {"uid": "u", "generation": 1, "managedFields": [entry], **manifest["metadata"], **metadata}
    return {**manifest, "metadata": given}


def marked(value: object) -> dict[str, Any]:
    return {f"f:{key}": marked(inner) for key, inner in value.items()} if isinstance(value, dict) else {}


def planned(resource: dict[str, Any] | None, want: Manifest, topic: str = "a", terms: Terms = TERMS) -> Plan:
    return plan({topic: want}, [] if resource is None else [existing(resource)], terms)


def changed(resource: dict[str, Any], key: str, value: object) -> dict[str, Any]:
    """With another value in its configuration, by who takes it over."""
    spec = {**resource["spec"], "config": {**resource["spec"]["config"], key: value}}
    return {**resource, "spec": spec}


def test_what_is_not_there_is_created() -> None:
    assert planned(None, wanted()).create == [("a", wanted())]


def test_what_is_as_it_should_be_is_left_alone() -> None:
    assert planned(there(wanted()), wanted()) == Plan([], [], 1, [], [], [])


def test_a_number_and_the_same_number_as_a_text_are_the_same() -> None:
    assert planned(changed(there(wanted()), "retention.ms", "1000"), wanted()).unchanged == 1


def test_what_the_topic_has_else_is_changed_and_only_where_it_is_still_the_same_resource() -> None:
    for want in (wanted(config={"retention.ms": "2"}), wanted(shape=Shape(2, 1)), wanted(config={})):
        [(topic, apply)] = planned(there(wanted()), want).change
        assert (topic, apply["spec"], apply["metadata"]["uid"]) == ("a", want["spec"], "u")


def test_what_we_have_set_and_is_no_more_is_taken_back() -> None:
    unmanaged = manifest("a", SHAPE, CONFIG, TERMS._replace(unmanaged=True))
    [(_, apply)] = planned(there(unmanaged), wanted()).change
    assert "annotations" not in apply["metadata"]


def test_what_somebody_else_made_is_left_alone() -> None:
    for labels in ({"strimzi.io/cluster": "events"}, {}, {"strimzi.io/cluster": "other"}):
        found = planned(there(wanted(), labels=labels), wanted(config={"retention.ms": "2"}))
        assert [left.name for left in found.foreign] == ["a"], labels
        assert (found.create, found.change) == ([], [])


def test_a_topic_that_has_a_kafkatopic_of_another_name_gets_no_second_one() -> None:
    resource = there(wanted(), name="mine", labels={"strimzi.io/cluster": "events"})
    resource["spec"]["topicName"] = "a"
    assert [left.name for left in planned(resource, wanted()).foreign] == ["mine"]


def test_one_of_another_name_that_was_handed_over_keeps_its_name() -> None:
    resource = there(wanted(), name="mine")
    resource["spec"]["topicName"] = "a"
    [(_, apply)] = planned(resource, wanted(config={"retention.ms": "2"})).change
    assert (apply["metadata"]["name"], apply["spec"]["topicName"]) == ("mine", "a")


def test_a_name_that_stands_for_another_topic_is_told() -> None:
    resource = there(wanted(), labels={"strimzi.io/cluster": "events"})
    resource["spec"]["topicName"] = "b"
    [left] = planned(resource, wanted()).foreign
    assert left.why == "a KafkaTopic of this name was made by somebody else, for the topic b"


def test_one_that_is_being_deleted_is_left_to_go() -> None:
    resource = there(wanted(), deletionTimestamp="2026-11-26T00:00:00Z")
    found = planned(resource, wanted(config={"retention.ms": "2"}))
    assert [left.why for left in found.waiting] == ["it is being deleted"]
    assert (found.create, found.change) == ([], [])


def test_what_a_person_asks_the_topic_operator_for_is_left_until_it_is_done() -> None:
    asked = changed({**there(wanted(), generation=2), "status": {"observedGeneration": 1}}, "retention.ms", 2)
    assert [left.name for left in planned(asked, wanted()).waiting] == ["a"]
    done = {**asked, "status": {"observedGeneration": 2}}
    assert planned(done, wanted(config={"retention.ms": "2"})).unchanged == 1


def test_nobody_is_waited_for_where_the_topic_operator_does_not_manage_it() -> None:
    terms = TERMS._replace(unmanaged=True)
    want = manifest("a", SHAPE, CONFIG, terms)
    asked = changed({**there(want, generation=2), "status": {"observedGeneration": 1}}, "retention.ms", 2)
    assert [topic for topic, _ in planned(asked, want, terms=terms).change] == ["a"]


def test_what_somebody_else_wrote_into_it_and_is_not_so_is_told_and_not_written_again() -> None:
    found = planned(changed(there(wanted()), "retention.bytes", 5), wanted())
    assert [left.why for left in found.differing] == [
        "somebody else wrote retention.bytes into it, which is not set on the topic"
    ]
    assert (found.change, found.unchanged) == ([], 0)


def test_a_replication_factor_that_is_not_known_now_stays_as_it_is_told() -> None:
    assert planned(there(wanted(shape=Shape(1, 3))), wanted(shape=Shape(1, None))).unchanged == 1
    [(_, apply)] = planned(there(wanted(shape=Shape(1, 3))), wanted(shape=Shape(2, None))).change
    assert apply["spec"]["replicas"] == 3


def test_the_topic_operators_own_marks_are_neither_ours_nor_strange() -> None:
    resource = there(wanted(), finalizers=["strimzi.io/topic-operator"])
    resource["metadata"]["managedFields"].append({"manager": "strimzi", "operation": "Update", "fieldsV1": {
        "f:metadata": {"f:finalizers": {".": {}, 'v:"strimzi.io/topic-operator"': {}}}}})  # fmt: skip
    assert planned(resource, wanted()).unchanged == 1


def test_one_without_anything_in_it_can_be_read() -> None:
    bare = existing({"metadata": {"name": "x", "uid": "u"}, "spec": {}})
    assert bare == Existing("x", "u", "x", "", False, True, False, False, {}, frozenset())
