"""What the evidence comes to, for every place where an event can be; planted on a real broker in tests/commands."""

import json
from collections import Counter

import pytest

from fanout.cluster.answers import Overview
from fanout.cluster.position import Position
from fanout.deadletters.letters import Gap, Letter, gap_of
from fanout.settings import Settings
from fanout.trace.event import describe, is_about
from fanout.trace.evidence import Evidence, Look, Match
from fanout.trace.findings import Where
from fanout.trace.question import Question
from fanout.trace.routing import Outcome, Routing, Way
from fanout.trace.verdict import Verdict, verdict

NOW = 1_000_000_000
THERE = Outcome(Way.DESTINATION, "team-a")
ALL = Look(exists=True, records=9, read=9)
SETTINGS = Settings(endpoint="k:1", topic="events", namespaces_deny=("secret-*",))
QUESTION = Question("team-a", None, 7200)


def match(offset: int = 0, outcome: Outcome = THERE, age_ms: int = 60_000) -> Match:
    return Match(0, offset, NOW - age_ms, b"%d" % offset, outcome)


def evidence(**changes: object) -> Evidence:
    plain = Evidence(
        now=NOW, since=NOW - 7_200_000, route=THERE, positions=[Position(0, 5, 0, 9)], members=1, source=ALL,
        matches=[], nameless=0, destination="team-a", delivered_look=ALL, delivered=Counter(), delivered_at=None,
        destination_kept=None, letters_topic="events-dlq", letters_look=ALL, letters=[], gaps=[], unknown_letters=0,
    )  # fmt: skip
    return plain._replace(**changes)  # type: ignore[arg-type]


def judged(**changes: object) -> Verdict:
    return verdict(SETTINGS, QUESTION, evidence(**changes))


def places(answer: Verdict) -> dict[Where, int | None]:
    return {finding.where: finding.events for finding in answer.findings}


def test_delivered_events_are_well() -> None:
    answer = judged(matches=[match()], delivered=Counter([b"0", b"older"]), delivered_at=NOW - 4_000)
    assert answer.all_is_well
    assert answer.sentence == "Events of team-a of the last 2 h: 2 events delivered to team-a, the last 4 s old."


def test_what_is_delivered_and_not_yet_committed_is_not_waiting() -> None:
    assert places(judged(matches=[match(7)], delivered=Counter([b"7"]))) == {Where.DELIVERED: 1}


@pytest.mark.parametrize(("members", "why"), [(0, "has no members"), (2, "has not come to them in partition 0")])
def test_unread_events_are_waiting_for_the_group(members: int, why: str) -> None:
    answer = judged(matches=[match(5), match(6)], members=members)
    assert places(answer) == {Where.WAITING: 2}
    assert why in answer.sentence
    assert "the oldest 1 min old" in answer.sentence
    assert not answer.all_is_well


def test_a_dead_letter_is_told_by_its_reason() -> None:
    letter = Letter("too-large", "it has 2 MB", "events", 0, 1, NOW, None)
    answer = judged(matches=[match(1)], letters=[letter])
    assert places(answer) == {Where.DEAD_LETTER: 1}
    assert "1 dead letter in events-dlq: too-large (it has 2 MB)" in answer.sentence


def test_a_dead_letter_that_was_replayed_is_no_loss() -> None:
    letter = Letter("unknown-topic", "", "events", 0, 1, NOW, None)
    answer = judged(matches=[match(1)], replayed=[letter], delivered=Counter([b"1"]))
    assert places(answer) == {Where.DELIVERED: 1, Where.REPLAYED: 1}
    assert "1 dead letter in events-dlq was replayed" in answer.sentence
    assert answer.all_is_well
    assert places(judged(matches=[match(1)], replayed=[letter])) == {Where.GONE: 1, Where.REPLAYED: 1}


def test_the_rule_that_skips_is_named_whether_events_are_there_or_not() -> None:
    skipped = Outcome(Way.SKIPPED, "")
    assert places(judged(route=skipped, matches=[match(outcome=skipped)])) == {Where.SKIPPED: 1}
    answer = judged(route=skipped, destination="", delivered_look=Look(exists=False))
    assert "they are skipped by NAMESPACES_DENY=secret-*" in answer.sentence
    assert Where.NOWHERE not in places(answer)


def test_resyncs_are_no_loss() -> None:
    resync = match(1, Outcome(Way.RESYNC, ""))
    answer = judged(matches=[match(0), resync], delivered=Counter([b"0"]))
    assert places(answer) == {Where.DELIVERED: 1, Where.RESYNC: 1}
    assert answer.all_is_well


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"delivered_look": Look(exists=False)}, "does not exist: it was deleted"),
        ({"destination_kept": 30_000}, "which keeps 30 s only"),
        ({"destination_kept": 3_600_000}, "deleted, cut or made anew"),
    ],
)
def test_read_and_not_there_is_told_with_what_can_be_known_of_why(changes: dict[str, object], why: str) -> None:
    answer = judged(matches=[match()], **changes)
    assert places(answer) == {Where.GONE: 1}
    assert why in answer.sentence


def test_what_is_refused_today_and_left_no_letter_is_told() -> None:
    answer = judged(matches=[match(outcome=Outcome(Way.REFUSED, "bad-namespace: no"))])
    assert places(answer) == {Where.GONE: 1}
    assert "neither delivered nor a dead letter" in answer.sentence


def test_a_destination_that_may_not_be_read_leaves_it_open() -> None:
    answer = judged(matches=[match()], delivered_look=Look(exists=True, refused="not authorized", records=3))
    assert places(answer) == {Where.UNVERIFIED: 1, Where.UNKNOWN: None}
    assert "whether team-a has them is not known" in answer.sentence
    assert answer.findings[0].advice == "grant READ on topic team-a to who asks"


def test_dead_letters_that_may_not_be_read_leave_it_open() -> None:
    refused = match(outcome=Outcome(Way.REFUSED, "bad-namespace: no"))
    answer = judged(matches=[refused], letters_look=Look(exists=True, refused="not authorized", records=3))
    assert places(answer) == {Where.UNVERIFIED: 1, Where.UNKNOWN: None}
    assert "whether events-dlq has them is not known" in answer.sentence


def test_ranges_that_expired_unread_are_told_marked_or_not_yet() -> None:
    answer = judged(gaps=[Gap(1, 10, 19)], positions=[Position(0, 2, 5, 9)])
    assert places(answer) == {Where.NOWHERE: 0, Where.EXPIRED_UNREAD: None}
    assert "13 records" in answer.sentence
    assert "partition 1, offsets 10 to 19; partition 0, offsets 2 to 4" in answer.sentence
    well = judged(matches=[match(7)], delivered=Counter([b"7"]), gaps=[Gap(1, 10, 19)])
    assert not well.all_is_well


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, "Eventrouter has not written any, and beyond that nothing can be known here"),
        ({"source": ALL._replace(reaches_back=False, oldest=NOW - 120_000)}, "has not written any for 2 min; what it"),
        ({"source": ALL._replace(reaches_back=False)}, "the source is empty"),
        ({"source": ALL._replace(read=3)}, "as far as was looked"),
        ({"route": Outcome(Way.REFUSED, "reserved-topic: x")}, "they would become dead letters: reserved-topic: x"),
    ],
)
def test_nothing_found_says_how_far_that_can_be_known(changes: dict[str, object], why: str) -> None:
    answer = judged(**changes)
    assert answer.findings[0].where is Where.NOWHERE
    assert why in answer.sentence


def test_what_has_no_namespace_may_be_theirs() -> None:
    (_, unknown) = judged(nameless=2, unknown_letters=1).findings
    assert unknown.where is Where.UNKNOWN
    assert "2 records of the source and 1 dead letter have no namespace" in unknown.text


def test_what_strangers_wrote_is_harmless_in_the_verdict() -> None:
    letter = Letter("\x1b[2J", "[red]\x9b", "events", 0, 1, NOW, None)
    answer = verdict(SETTINGS, Question("\x1b[2J", "\x07", 60), evidence(letters=[letter]))
    told = answer.sentence + "".join(str(finding) for finding in answer.findings)
    assert not set(told) & {"\x1b", "\x9b", "\x07"}
    assert "[red]" in answer.sentence


class Raw:
    """A record of the source of which only the value matters."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes | None:
        return self._value

    def key(self) -> bytes | None:
        return None

    def headers(self) -> None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return (0, 0)

    def offset(self) -> int:
        return 0

    def partition(self) -> int:
        return 0


def eventrouter(namespace: str, verb: str = "ADDED", **old: object) -> bytes:
    metadata = {"namespace": namespace, "name": "web.1", "resourceVersion": "7", "managedFields": [1]}
    event = {"metadata": metadata, "involvedObject": {"kind": "Node", "name": "n1"}, "reason": "Started"}
    return json.dumps({"verb": verb, "event": event, **old}).encode()


@pytest.mark.parametrize(
    ("namespace", "changes", "way"),
    [
        ("team-a", {}, Way.DESTINATION),
        ("team-a", {"namespaces_deny": ("team-*",)}, Way.SKIPPED),
        ("team-a", {"namespaces_allow": ("other",)}, Way.SKIPPED),
        ("events", {}, Way.REFUSED),
        ("Bad/Name", {}, Way.REFUSED),
        ("new", {"topics_max": 1}, Way.REFUSED),
        ("new", {"topic_create": "none"}, Way.REFUSED),
        ("team-a", {"topics_max": 1, "topic_create": "none"}, Way.DESTINATION),
    ],
)
def test_records_are_routed_as_a_run_would(namespace: str, changes: dict[str, object], way: Way) -> None:
    settings = Settings(endpoint="k:1", topic="events", **changes)  # type: ignore[arg-type]
    routing = Routing(settings, Overview("id", [], {"team-a": 1}))
    assert routing.of(Raw(eventrouter(namespace))).way is way
    assert routing.of_namespace(namespace).way is way
    assert routing.namespace_of(eventrouter(namespace)) == namespace
    assert routing.namespace_of(b"no json") is None


def test_options_are_those_of_the_run() -> None:
    settings = Settings(endpoint="k:1", topic="events", drop_resync=True, split_cluster_scoped=True, slim=True)
    routing = Routing(settings, Overview("id", [], {}))
    resync = eventrouter("team-a", "UPDATED", old_event={"metadata": {"resourceVersion": "7"}})
    assert routing.of(Raw(resync)) == (Way.RESYNC, "DROP_RESYNC")
    assert routing.namespace_of(resync) == "team-a"
    assert routing.namespace_of(eventrouter("default")) == "_cluster"
    assert routing.of_namespace("_cluster") == (Way.DESTINATION, "_cluster")
    assert routing.digest(Raw(resync)) == routing.digest(Raw(eventrouter("team-a", "UPDATED")))


@pytest.mark.parametrize("shape", ["event", "object", "", "a.b.metadata.namespace"])
def test_an_event_is_described_in_every_envelope(shape: str) -> None:
    event: dict[str, object] = json.loads(eventrouter("x"))["event"]
    wrapped = {"": event, "event": {"event": event}, "object": {"object": event}}.get(shape, {"a": {"b": event}})
    path = shape if "." in shape else ""
    found = describe(Settings(endpoint="k:1", topic="t", namespace_path=path), json.dumps(wrapped).encode())
    assert found == ("web.1", "Node", "n1", "Started")
    assert is_about(found, "n1")
    assert is_about(found, "web.1")
    assert not is_about(found, "Node")


@pytest.mark.parametrize("value", [None, b"", b"[]", b"7", b'{"event": 7}', b'{"metadata": [], "reason": {}}', b"\xff"])
def test_what_is_no_event_is_described_as_nothing(value: bytes | None) -> None:
    assert describe(SETTINGS, value) == ("", "", "", "")


def test_a_gap_is_read_from_its_letter() -> None:
    text = "40 records, offsets 10 to 49, expired before they were read"
    assert gap_of(Letter("expired", text, "t", 3, 10, NOW, None)) == (3, 10, 49)
    assert gap_of(Letter("expired", "", "t", 3, 10, NOW, None)).records == 1
