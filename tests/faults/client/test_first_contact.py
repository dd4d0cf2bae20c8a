"""A broker takes any sequence number of a producer that it does not know: what it refused before must not be lost."""

import pytest
from confluent_kafka import KafkaError

from bench.mock import Api
from bench.program import Program
from tests.faults.client.rig import DEAD_LETTERS, GROUP, OTHERS, SOURCE, VICTIM, mock
from tests.support.comparing import wait_caught_up
from tests.support.load import write
from tests.support.samples import event
from tests.support.topics import Record, read_topics

NOT_TAKEN = [
    KafkaError.NOT_LEADER_FOR_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError.NOT_ENOUGH_REPLICAS,
    KafkaError.LEADER_NOT_AVAILABLE,
]  # fmt: skip
LARGE = "x" * 700_000  # so that each is a request of its own


@pytest.mark.parametrize("code", NOT_TAKEN)
def test_a_first_request_that_is_refused_is_not_believed_to_be_written_when_the_next_is_taken(code: int) -> None:
    """As where a topic was just created, or its leader moves. The mock takes the second, as a broker would then."""
    sent = [Record(event(VICTIM, "pod", number, padding=LARGE), b"pod", partition=0) for number in range(3)]
    with mock() as kafka:
        kafka.push_partition(VICTIM, 0, Api.PRODUCE, [code])
        write(kafka.bootstrap, SOURCE, sent)
        with Program(kafka.bootstrap, SOURCE, GROUP, TOPIC_CREATE="broker", GROUP_PROTOCOL="classic") as program:
            wait_caught_up(kafka.bootstrap, GROUP, SOURCE)
            assert program.terminate() == 0
        found = read_topics(kafka.bootstrap, [VICTIM, *OTHERS, DEAD_LETTERS])
    assert [record.value for record in found[VICTIM]] == [record.value for record in sent]
    assert not found[DEAD_LETTERS]


@pytest.mark.parametrize("code", NOT_TAKEN)
def test_nor_is_a_dead_letter(code: int) -> None:
    sent = [Record(b"no json %d" % number + LARGE.encode(), b"pod", partition=0) for number in range(3)]
    with mock() as kafka:
        kafka.push_partition(DEAD_LETTERS, 0, Api.PRODUCE, [code])
        write(kafka.bootstrap, SOURCE, sent)
        with Program(kafka.bootstrap, SOURCE, GROUP, TOPIC_CREATE="broker", GROUP_PROTOCOL="classic") as program:
            wait_caught_up(kafka.bootstrap, GROUP, SOURCE)
            assert program.terminate() == 0
        found = read_topics(kafka.bootstrap, [DEAD_LETTERS])
    assert [record.value for record in found[DEAD_LETTERS]] == [record.value for record in sent]
