"""Whose a topic is, and which may go; the cluster itself is asked in tests/commands."""

import msgspec
import pytest

from fanout.destinations import live, prune
from fanout.destinations.listing import Origin, Topic, matching
from fanout.destinations.live import LiveListError
from fanout.settings import Settings

HOUR_S = 3600.0


def settings(template: str = "k8s.{namespace}", **changes: object) -> Settings:
    return Settings(endpoint="k:1", topic="events", topic_template=template, **changes)  # type: ignore[arg-type]


def topic(namespace: str, /, **changes: object) -> Topic:
    plain = Topic(
        name=f"k8s.{namespace}", namespace=namespace, origin=Origin.EVENTS, partitions=1, retention_s=None,
        retention_known=True, records=1, last_event_age_s=2 * HOUR_S, clash="",
    )  # fmt: skip
    return msgspec.structs.replace(plain, **changes)


def test_a_list_is_what_kubectl_prints_or_bare_names() -> None:
    assert live.parse("namespace/a\nnamespaces/b-1\n\n  c  \n") == {"a", "b-1", "c"}


@pytest.mark.parametrize("text", ["", "\n\n", "NAME   STATUS", "pod/a", "A", "namespace/", "a\nb c", "-a", "a" * 64])
def test_another_list_is_refused(text: str) -> None:
    with pytest.raises(LiveListError):
        live.parse(text)


def test_only_what_the_template_names_is_a_destination() -> None:
    names = ["k8s.a", "k8s._cluster", "k8s.A", "b", "k8s."]
    assert matching(settings(), names) == {"k8s.a": "a"}
    assert set(matching(settings(split_cluster_scoped=True), names)) == {"k8s.a", "k8s._cluster"}


def test_a_topic_of_a_namespace_that_is_gone_may_go() -> None:
    found = prune.plan(settings(), [topic("live"), topic("dead")], frozenset({"live"}), HOUR_S)
    assert [each.namespace for each in found.delete] == ["dead"]
    assert found.keep == []


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"origin": Origin.OWN}, "the program's own"),
        ({"origin": Origin.RESERVED}, "reserved"),
        ({"origin": Origin.FOREIGN}, "no event of this namespace"),
        ({"origin": Origin.MATCHES}, "could not be read"),
        ({"last_event_age_s": 60.0}, "written to 1 min ago"),
        ({"last_event_age_s": None}, "not known"),
        ({"namespace": "_cluster"}, "cluster-scoped"),
    ],
)
def test_some_stay_all_the_same(changes: dict[str, object], why: str) -> None:
    found = prune.plan(settings(), [topic("live"), topic("dead", **changes)], frozenset({"live"}), HOUR_S)
    assert found.delete == []
    assert why in found.keep[0][1]


def test_an_empty_topic_may_go() -> None:
    empty = topic("dead", records=0, last_event_age_s=None, origin=Origin.MATCHES)
    assert prune.plan(settings(), [topic("live"), empty], frozenset({"live"}), HOUR_S).delete == [empty]


def test_nothing_goes_without_a_prefix_or_with_the_list_of_another_cluster() -> None:
    with pytest.raises(LiveListError, match="has no prefix"):
        prune.plan(settings("{namespace}"), [topic("dead")], frozenset({"live"}), 0)
    with pytest.raises(LiveListError, match="has no prefix"):
        prune.plan(settings("{namespace}.events"), [topic("dead")], frozenset({"live"}), 0)
    with pytest.raises(LiveListError, match="another cluster"):
        prune.plan(settings(), [topic("dead")], frozenset({"live"}), 0)
