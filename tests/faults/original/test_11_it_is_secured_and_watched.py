"""Fault 11: no metrics, no health, no TLS or SASL, and it ran as root.

Here: TLS and SASL on a real listener; a worker that hangs is noticed and replaced; what was done is counted and told.
Not here: that the counts and the health can be asked for over HTTP, which needs the supervisor's HTTP side, and that
the image runs as an ordinary user, which is a matter of what is deployed.
"""

import os
import signal
from pathlib import Path

import pytest

from bench.broker import LocalKafka
from bench.broker.security import LOGINS, Certificates
from bench.program import Program
from tests.faults.original.conftest import PASSWORD, USER
from tests.faults.original.runs import Start, broken, caught_up, run_over
from tests.support.comparing import assert_exactly
from tests.support.load import write
from tests.support.samples import events

NOT_REACHED = "broker not reachable, waiting for it"


def secured(ca: Path) -> dict[str, str]:
    """Settings for the way in that wants TLS and a password."""
    return {
        "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "KAFKA_SSL_CA_LOCATION": str(ca),
        "KAFKA_SASL_MECHANISM": "PLAIN",
        "KAFKA_SASL_USERNAME": USER,
        "KAFKA_SASL_PASSWORD": PASSWORD,
    }


def check_that_it_speaks_tls_and_logs_in(kafka: LocalKafka, name: str, ca: Path, start: Start) -> None:
    """Where the broker wants TLS and a password, all its clients get in, and events are delivered."""
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    with start(kafka.bootstrap_of(LOGINS), name, name, **secured(ca)) as program:
        assert caught_up(program, kafka, name, NOT_REACHED), "it does not get in"
        assert program.terminate() == 0
    assert_exactly(kafka.bootstrap, sent)


def test_11_the_check_of_security_fails_where_it_speaks_plain_text_and_a_stranger_is_told_nothing(
    kafka: LocalKafka, prefix: str, certificates: Certificates, stranger: Path
) -> None:
    kafka.create_topic(f"{prefix}-told")
    write(kafka.bootstrap, f"{prefix}-told", events([f"{prefix}-b"], 1))
    # Both at once, for both take as long as the program waits for the answer of a broker.
    with Program(kafka.bootstrap_of(LOGINS), f"{prefix}-told", prefix, **secured(stranger)) as program:
        with pytest.raises(AssertionError, match="it does not get in"):
            check_that_it_speaks_tls_and_logs_in(kafka, prefix, certificates.authority, broken("ignores_security"))
        program.wait_for(NOT_REACHED, 30)
        assert not program.lines("joining")
        assert program.terminate() == 0


def test_11_it_speaks_tls_and_logs_in(kafka: LocalKafka, prefix: str, certificates: Certificates) -> None:
    check_that_it_speaks_tls_and_logs_in(kafka, prefix, certificates.authority, Program)


def check_that_a_worker_that_hangs_is_replaced(kafka: LocalKafka, name: str, start: Start) -> None:
    """A worker that does nothing any more, and does not die either, is told of in the log and replaced."""
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    with start(kafka.bootstrap, name, name, STALL_MS=1_000) as program:
        hanging = program.worker(0)
        write(kafka.bootstrap, name, sent[:10])
        caught_up(program, kafka, name)
        os.kill(hanging, signal.SIGSTOP)
        write(kafka.bootstrap, name, sent[10:])
        program.wait_for("worker is silent: its stacks follow, then it is replaced", 6.0, pid=hanging)
        program.worker(0, 30.0, other_than=hanging)
        caught_up(program, kafka, name)
        program.terminate()
    assert_exactly(kafka.bootstrap, sent)


def test_11_the_check_of_health_fails_where_nobody_looks(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(TimeoutError, match="worker is silent"):
        check_that_a_worker_that_hangs_is_replaced(kafka, prefix, broken("leaves_silent_workers"))


def test_11_a_worker_that_hangs_is_noticed_and_replaced(kafka: LocalKafka, prefix: str) -> None:
    check_that_a_worker_that_hangs_is_replaced(kafka, prefix, Program)


def check_that_deliveries_are_counted(kafka: LocalKafka, name: str, start: Start) -> None:
    """What was read and delivered in all is told at the end."""
    sent = events([f"{name}-a"], 20)
    kafka.create_topic(name)
    write(kafka.bootstrap, name, sent)
    totals = run_over(start, kafka, name).totals()
    assert (totals.get("records_in"), totals.get("delivered"), totals.get("topics_created")) == (20, 20, 1)


def test_11_the_check_of_counts_fails_where_nothing_is_counted(kafka: LocalKafka, prefix: str) -> None:
    with pytest.raises(AssertionError, match="None, None, None"):
        check_that_deliveries_are_counted(kafka, prefix, broken("counts_nothing"))


def test_11_what_was_done_is_counted_and_told(kafka: LocalKafka, prefix: str) -> None:
    check_that_deliveries_are_counted(kafka, prefix, Program)
