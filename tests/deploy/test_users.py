"""What each KafkaUser of prod may do: what it needs, and no more."""

from tests.deploy.kustomize import PROD, Manifest, manifests, of_kind, variables_of
from tests.security.rights import CLUSTER, DESTINATIONS, EXAMPLE, GROUP, RIGHTS, Right

Rule = tuple[str, str, str, str]  # kind and name of the resource, the pattern, the operation


def users() -> dict[str, Manifest]:
    """All of them, by name."""
    return of_kind(manifests(PROD), "KafkaUser")


def rules_of(user: str) -> set[Rule]:
    """Each operation on each resource."""
    return {
        (on["type"], on.get("name", ""), on.get("patternType", "literal"), operation)
        for each in users()[user]["spec"]["authorization"]["acls"]
        for on in [each["resource"]]
        for operation in each["operations"]
    }


def rule(right: Right) -> Rule:
    """A right of docs/security.md, as Strimzi writes it."""
    kind = {GROUP: "group", CLUSTER: "cluster"}.get(right.on, "topic")
    name = "" if right.on == CLUSTER else EXAMPLE[right.on]
    pattern = "prefix" if right.on == DESTINATIONS else "literal"
    return kind, name, pattern, right.operation.name.title().replace("_", "")


def test_the_program_has_the_rights_of_docs_security_and_no_others() -> None:
    assert rules_of("events-fanout") == {rule(right) for right in RIGHTS}
    assert variables_of(PROD)["TOPIC_TEMPLATE"] == EXAMPLE[DESTINATIONS] + "{namespace}"


def test_the_others_have_the_least() -> None:
    assert rules_of("eventrouter") == {("topic", "cluster-events", "literal", "Write")}
    assert rules_of("keda") == {
        ("topic", "cluster-events", "literal", "Describe"),
        ("group", "events-fanout", "literal", "Describe"),
    }
    assert rules_of("events-fanout-topics") == {
        ("topic", "k8s-events.", "prefix", operation) for operation in ("Describe", "DescribeConfigs")
    }


def test_all_have_certificates_but_eventrouter_a_password() -> None:
    assert {name: user["spec"]["authentication"]["type"] for name, user in users().items()} == {
        "events-fanout": "tls",
        "events-fanout-topics": "tls",
        "keda": "tls",
        "eventrouter": "scram-sha-512",
    }
