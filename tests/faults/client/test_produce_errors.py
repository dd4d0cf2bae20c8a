"""Errors that a broker answers to what is produced."""

from collections.abc import Iterator

import pytest

from bench.mock import Api
from bench.mock_errors import ERRORS, Error, Expected, apart
from fanout.errors import Reason
from tests.faults.client.rig import DENIED, VICTIM, VICTIM_BROKER, Rig, running
from tests.support.samples import namespace_of

# Those of the delivered kind that stand for all: the fault runs of the theme client draw from the whole list.
CHOSEN = {
    "request_timed_out", "not_enough_replicas", "not_enough_replicas_after_append", "not_leader_for_partition",
    "unknown_topic_or_part", "connection_closed",
}  # fmt: skip
PRODUCE = [
    error
    for error in ERRORS
    if error.key is Api.PRODUCE and (error.expected is not Expected.DELIVERED or error.name in CHOSEN)
]
RECOVERED_S = 15.0


@pytest.fixture(scope="module")
def one_worker() -> Iterator[Rig]:
    """The program under load, with one worker: all errors in a row are its own."""
    with running(WORKERS_MAX=1, GROUP_PROTOCOL="classic", KAFKA_PRODUCER_SOCKET_TIMEOUT_MS=1_000) as rig:
        yield rig


def of(expected: Expected) -> pytest.MarkDecorator:
    """Parametrise with the errors of which this is expected."""
    errors = [error for error in PRODUCE if error.expected is expected]
    return pytest.mark.parametrize("error", errors, ids=[error.name for error in errors])


@of(Expected.DELIVERED)
def test_what_is_no_record_s_fault_is_sent_until_it_is_taken(one_worker: Rig, error: Error) -> None:
    ends, letters = one_worker.ends(), len(one_worker.read().letters)
    one_worker.push(VICTIM_BROKER, Api.PRODUCE, apart(error), RECOVERED_S)
    one_worker.recover(RECOVERED_S)
    assert len(one_worker.check().letters) == letters
    assert one_worker.ends() == ends


@of(Expected.LETTERS)
def test_what_is_refused_alone_is_a_dead_letter_and_nothing_else_is(one_worker: Rig, error: Error) -> None:
    ends, before = one_worker.ends(), one_worker.read().reasons()
    one_worker.push(VICTIM_BROKER, Api.PRODUCE, error.codes, RECOVERED_S)
    one_worker.recover(RECOVERED_S)
    found = one_worker.check()
    new = {value: reason for value, reason in found.reasons().items() if value not in before}
    assert set(new.values()) == {error.reason}
    # The first refusal is a batch's, and so no record's.
    assert len(new) < len(error.codes)
    assert {namespace_of(letter) for letter in found.letters if letter.value in new} == {VICTIM}
    assert not new.keys() & {record.value for record in found.arrived[VICTIM]}
    assert one_worker.ends() == ends


@of(Expected.REPLACED)
def test_a_producer_that_is_broken_by_it_is_replaced_with_its_worker(one_worker: Rig, error: Error) -> None:
    letters = len(one_worker.read().letters)
    failed = len(one_worker.program.lines("worker failed", kind="client-fatal"))
    one_worker.push(VICTIM_BROKER, Api.PRODUCE, apart(error), RECOVERED_S)
    one_worker.program.wait_for("worker failed", RECOVERED_S, count=failed + 1, kind="client-fatal")
    one_worker.recover(RECOVERED_S)
    assert len(one_worker.check().letters) == letters


def test_an_answer_that_comes_after_the_client_has_given_it_up_loses_nothing(one_worker: Rig) -> None:
    ends, letters = one_worker.ends(), len(one_worker.read().letters)
    one_worker.kafka.push_to(VICTIM_BROKER, Api.PRODUCE, [(0, 3_000)])
    one_worker.recover(RECOVERED_S)
    assert not one_worker.kafka.left(VICTIM_BROKER, Api.PRODUCE)
    found = one_worker.check()
    assert len(found.letters) == letters
    assert one_worker.ends() == ends


@pytest.mark.parametrize(
    ("error", "topic"),
    [
        pytest.param(error, topic, id=error.name)
        for error, topic in zip((e for e in PRODUCE if e.expected is Expected.DENIED), DENIED, strict=True)
    ],
)
def test_one_tenant_s_missing_rights_are_that_tenant_s_dead_letters(one_worker: Rig, error: Error, topic: str) -> None:
    ends = one_worker.ends()
    one_worker.kafka.push_partition(topic, 0, Api.PRODUCE, error.codes)
    one_worker.program.wait_for("not authorized", RECOVERED_S, topic=topic, operation="write")
    one_worker.recover(RECOVERED_S)
    found = one_worker.check()
    denied = [letter for letter in found.letters if found.reasons()[letter.value] == Reason.NOT_AUTHORIZED]
    assert topic in {namespace_of(letter) for letter in denied}
    assert {namespace_of(letter) for letter in denied} <= set(DENIED)
    assert one_worker.ends() == ends
