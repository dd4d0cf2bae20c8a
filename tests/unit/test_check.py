"""What `check` makes of answers; the questions themselves are asked of a real broker in tests/broker."""

import pytest

from fanout.check import backlog, connection, destinations
from fanout.check.row import Result
from fanout.cluster.answers import Overview, UnreachableError
from fanout.cluster.position import Position
from fanout.settings import Settings
from fanout.table import plain

HOUR_MS = 3_600_000


def settings(**changes: object) -> Settings:
    return Settings(endpoint="kafka:9092", topic="cluster-events", **changes)  # type: ignore[arg-type]


# What the client said to brokers that were set up so, without the address before and the time after.
@pytest.mark.parametrize(
    ("name", "said", "found", "todo"),
    [
        (
            "_AUTHENTICATION",
            "SASL authentication error: Authentication failed: Invalid username or password",
            "refuses the credentials",
            "KAFKA_SASL_PASSWORD_FILE",
        ),
        (
            "_AUTHENTICATION",
            "SASL SCRAM-SHA-512 mechanism handshake failed: Broker: Unsupported SASL mechanism: broker's supported",
            "does not take this SASL mechanism",
            "KAFKA_SASL_MECHANISM",
        ),
        (
            "_AUTHENTICATION",
            "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: broker's",
            "asks for no credentials",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            "_SSL",
            "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: broker certificate",
            "certificate cannot be verified",
            "KAFKA_SSL_CA_LOCATION",
        ),
        (
            "_TRANSPORT",
            "SSL handshake failed: SSL connection closed by peer: connecting to a PLAINTEXT broker listener?",
            "does not speak TLS",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            "log",
            "FAIL [x#producer-1] [thrd:k:1]: k:1/bootstrap: Disconnected: connection closed by peer: receive 0",
            "closes the connection at once",
            "KAFKA_SECURITY_PROTOCOL",
        ),
        (
            "_RESOLVE",
            "Failed to resolve 'kafka:9092': Name or service not known",
            "host name is not known",
            "ENDPOINT",
        ),
        (
            "_TRANSPORT",
            "Connect to ipv4#127.0.0.1:1 failed: Connection refused",
            "nothing listens",
            "start the broker",
        ),
    ],
)
def test_what_keeps_from_a_broker_is_told_apart(name: str, said: str, found: str, todo: str) -> None:
    row = connection.unreachable(settings(), UnreachableError([(name, said), ("_ALL_BROKERS_DOWN", "1/1 are down")]))
    assert row.result is Result.FAILED
    assert found in row.found
    assert todo in row.todo


def test_a_broker_that_says_nothing_is_told_too() -> None:
    row = connection.unreachable(settings(), UnreachableError([]))
    assert row.found == "kafka:9092: no answer"


@pytest.mark.parametrize(
    ("template", "topic", "namespace"),
    [
        ("{namespace}", "kube-system", "kube-system"),
        ("{namespace}", "Orders", None),
        ("{namespace}", "a.b", None),
        ("{namespace}", "-a", None),
        ("{namespace}", "a" * 64, None),
        ("k8s.{namespace}.events", "k8s.default.events", "default"),
        ("k8s.{namespace}.events", "k8s..events", None),
        ("k8s.{namespace}.events", "k8s.events", None),
    ],
)
def test_a_topic_can_belong_to_one_namespace_or_to_none(template: str, topic: str, namespace: str | None) -> None:
    assert destinations.namespace_of(template, topic) == namespace


def test_only_topics_that_routing_could_reach_count_as_destinations() -> None:
    topics = ["cluster-events", "cluster-events-dlq", "connect-offsets", "__consumer_offsets", "b", "a", "A", "a.b"]
    overview = Overview("id", ["k:1"], dict.fromkeys(topics, 1))
    assert destinations.existing(settings(), overview) == ["a", "b"]
    assert destinations.existing(settings(topic_template="k8s.{namespace}"), overview) == []


def test_with_bare_names_the_topics_of_applications_are_pointed_out() -> None:
    own, others = destinations.names(settings(), ["a", "b", "c", "d", "e", "f"])
    assert own.result is others.result is Result.WARNING
    assert "cluster-events or cluster-events-dlq" in own.found
    assert others.found.startswith("6 existing topics would get")
    assert others.found.endswith("a, b, c, d, e and 1 more")


def test_with_a_prefix_nothing_clashes() -> None:
    (row,) = destinations.names(settings(topic_template="k8s.{namespace}"), ["k8s.a"])
    assert row.result is Result.OK


@pytest.mark.parametrize(
    ("topics", "result"), [(79, Result.OK), (80, Result.WARNING), (99, Result.WARNING), (100, Result.FAILED)]
)
def test_the_limit_on_topics_is_told_before_it_is_reached(topics: int, result: Result) -> None:
    assert destinations.count(settings(topics_max=100), topics).result is result


def test_a_position_is_within_what_the_partition_holds() -> None:
    assert (Position(0, None, 5, 9).next, Position(0, None, 5, 9).lag) == (5, 4)
    assert (Position(0, 7, 5, 9).next, Position(0, 7, 5, 9).lag) == (7, 2)
    assert (Position(0, 3, 5, 9).next, Position(0, 3, 5, 9).lag) == (5, 4)
    assert (Position(0, 12, 5, 9).next, Position(0, 12, 5, 9).lag) == (5, 4)


@pytest.mark.parametrize(
    ("committed", "age_ms", "result"),
    [
        (5, HOUR_MS, Result.OK),
        (5, HOUR_MS + 1, Result.WARNING),
        (5, int(1.8 * HOUR_MS), Result.WARNING),
        (5, int(1.81 * HOUR_MS), Result.FAILED),
        (None, int(1.99 * HOUR_MS), Result.WARNING),
        (None, 60_000, Result.OK),
    ],
)
def test_unread_records_are_judged_by_their_share_of_the_retention(
    committed: int | None, age_ms: int, result: Result
) -> None:
    positions = [Position(0, 9, 0, 9), Position(1, committed, 0, 9)]
    row = backlog.judge(positions, {1: age_ms}, kept=2 * HOUR_MS)
    assert row.result is result
    assert "in partition 1" in row.found
    assert bool(row.todo) == (result is not Result.OK)


def test_a_source_that_keeps_for_ever_loses_nothing() -> None:
    row = backlog.judge([Position(0, 1, 0, 9)], {}, kept=None)
    assert (row.result, row.found) == (Result.OK, "8 records unread; the source keeps them for ever")


def test_an_unknown_age_is_not_called_good() -> None:
    assert backlog.judge([Position(0, 1, 0, 9)], {}, kept=HOUR_MS).result is Result.UNKNOWN


def test_nothing_unread_is_good() -> None:
    assert backlog.judge([Position(0, 9, 0, 9)], {}, kept=HOUR_MS).result is Result.OK


def test_a_plain_table_has_columns_that_line_up_and_one_line_a_row() -> None:
    assert plain(("A", "LONGER"), [("one", "x"), ("two\nlines", "")]) == "A        LONGER\none      x\ntwo ...\n"
