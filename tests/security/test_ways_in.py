"""The program over TLS, with a certificate and with passwords: it delivers, and says what is wrong when it may not."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.broker.security import MUTUAL_TLS, Certificates, set_scram_password
from bench.program import Program
from tests.security.rights import RIGHTS, grant, names_of
from tests.security.watching import all_words, strange_lines, wait_for_words
from tests.security.ways import CANARY, PLAIN_USER, SCRAM_PASSWORD, Secured, Settings, certificate, program
from tests.support import samples
from tests.support.comparing import assert_exactly, wait_caught_up
from tests.support.topics import Record, committed, produce, topics

PARTITIONS = 2
WRONG_PASSWORD = f"wrong-{CANARY}-77ab01"

WAYS: dict[str, Callable[[Secured, str], Settings]] = {
    "tls": lambda secured, _: secured.over_tls(),
    "mutual-tls": lambda secured, prefix: secured.with_certificate(prefix),
    "plain-over-tls": lambda secured, _: secured.with_plain(),
    "scram-over-tls": lambda secured, prefix: secured.with_scram(prefix),
}


def written(secured: Secured, prefix: str, records: list[Record]) -> list[Record]:
    """A source with these records in it."""
    secured.kafka.create_topic(f"{prefix}-source", partitions=PARTITIONS)
    produce(secured.kafka.bootstrap, f"{prefix}-source", records)
    return records


@pytest.mark.parametrize("way", WAYS)
def test_everything_arrives_exactly_once(secured: Secured, prefix: str, way: str) -> None:
    plain = secured.kafka.bootstrap
    sent = written(secured, prefix, samples.load(PARTITIONS))
    user = PLAIN_USER if way == "plain-over-tls" else prefix
    grant(plain, user, names_of(prefix), RIGHTS)
    with program(WAYS[way](secured, prefix), prefix) as running:
        wait_caught_up(plain, prefix, f"{prefix}-source")
        assert running.terminate() == 0
    assert_exactly(plain, sent, lambda namespace: f"{prefix}.{namespace}")
    assert f"{prefix}-source-dlq" not in topics(plain)
    assert CANARY not in all_words(running)


def wrong_password(secured: Secured, _: str, __: Path) -> Settings:
    return secured.with_plain(WRONG_PASSWORD)


def wrong_scram_password(secured: Secured, prefix: str, _: Path) -> Settings:
    return secured.with_scram(prefix, WRONG_PASSWORD)


def unknown_authority(secured: Secured, _: str, folder: Path) -> Settings:
    return {**secured.over_tls(), "KAFKA_SSL_CA_LOCATION": str(Certificates(folder / "unknown").authority)}


def no_certificate(secured: Secured, _: str, __: Path) -> Settings:
    return {**secured.over_tls(), "ENDPOINT": secured.kafka.bootstrap_of(MUTUAL_TLS)}


def foreign_certificate(secured: Secured, prefix: str, folder: Path) -> Settings:
    return {**no_certificate(secured, prefix, folder), **certificate(Certificates(folder / "foreign"), prefix)}


def expired_certificate(secured: Secured, prefix: str, folder: Path) -> Settings:
    files = secured.own.client(prefix, not_after=dt.datetime.now(dt.UTC) - dt.timedelta(days=1))
    return {
        **no_certificate(secured, prefix, folder),
        "KAFKA_SSL_CERTIFICATE_LOCATION": str(files.certificate),
        "KAFKA_SSL_KEY_LOCATION": str(files.key),
    }


# Who is refused -> what a line of the log has to say.
REFUSED: dict[str, tuple[Callable[[Secured, str, Path], Settings], str]] = {
    "wrong-password": (wrong_password, "Authentication failed"),
    "wrong-scram-password": (wrong_scram_password, "Authentication failed|invalid credentials"),
    "unknown-authority": (unknown_authority, "certificate verify failed"),
    "no-certificate": (no_certificate, "certificate"),
    "foreign-certificate": (foreign_certificate, "certificate"),
    "expired-certificate": (expired_certificate, "certificate"),
}


@pytest.fixture(scope="module")
def refused(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Program]]:
    """A program for each, all at once: most of the time of these tests is waiting for time-outs."""
    given = {}
    for name, (settings, _) in REFUSED.items():
        written(secured, name, [Record(samples.event("a", "pod", 0), b"pod")])
        given[name] = settings(secured, name, tmp_path_factory.mktemp(name))
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(program(given[name], name)) for name in REFUSED}


@pytest.mark.parametrize("name", REFUSED)
def test_who_is_refused_says_why_and_waits(secured: Secured, refused: dict[str, Program], name: str) -> None:
    plain = secured.kafka.bootstrap
    running = refused[name]
    wait_for_words(running, REFUSED[name][1])
    assert running.exit_code is None
    if name == "wrong-scram-password":
        # The password becomes the right one: nothing was skipped, and no restart is needed.
        grant(plain, name, names_of(name), RIGHTS)
        set_scram_password(plain, name, WRONG_PASSWORD)
        wait_caught_up(plain, name, f"{name}-source")
    else:
        assert committed(plain, name, f"{name}-source") == {}
        assert f"{name}.a" not in topics(plain)
    assert running.terminate() == 0
    words = all_words(running)
    assert WRONG_PASSWORD not in words
    assert CANARY not in words
    assert strange_lines(running) == [], "these lines are not of its log"


def test_a_worker_whose_password_is_refused_waits_until_it_is_taken_again(secured: Secured, prefix: str) -> None:
    plain, names = secured.kafka.bootstrap, names_of(prefix)
    first, second = samples.events(["a"], 20), samples.events(["a"], 20, start=20)
    written(secured, prefix, first)
    grant(plain, prefix, names, RIGHTS)
    with program(secured.with_scram(prefix), prefix, WORKERS_MAX=1) as running:
        wait_caught_up(plain, prefix, f"{prefix}-source")
        worker = running.worker(0)
        # Connections that stand are not asked again, so that only the new worker is refused.
        set_scram_password(plain, prefix, "another")
        running._workers[worker].kill()
        running.worker(0, other_than=worker)
        produce(plain, f"{prefix}-source", second)
        wait_for_words(running, '"role":"worker".*(Authentication failed|invalid credentials)')
        set_scram_password(plain, prefix, SCRAM_PASSWORD)
        wait_caught_up(plain, prefix, f"{prefix}-source")
        assert running.terminate() == 0
    assert_exactly(plain, first + second, lambda namespace: f"{prefix}.{namespace}")
    assert CANARY not in all_words(running)
