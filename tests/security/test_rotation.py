"""Certificates and passwords whose files change under load: taken up without a loss, or refused with a reason."""

import datetime as dt
import itertools
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.broker.security import ClientFiles, set_scram_password
from bench.program import Program
from tests.security.rights import RIGHTS, SOURCE, grant, names_of, take_away
from tests.security.watching import all_words
from tests.security.ways import CANARY, KEY_PASSWORD, SCRAM_PASSWORD, Secured, program
from tests.support import samples
from tests.support.comparing import assert_exactly, wait_caught_up
from tests.support.topics import Record, committed, produce, wait_until

PARTITIONS = 3
NAMESPACES = ("a", "b")
BATCH = 60
LOOK_MS = 200
NEW_PASSWORD = f"new-{CANARY}-51d0e7"
WRONG_PASSWORD = f"wrong-{CANARY}-9b3c44"


@contextmanager
def load(secured: Secured, topic: str) -> Iterator[list[Record]]:
    """Events, batch after batch, until the context ends; what was written."""
    sent: list[Record] = []
    enough = threading.Event()
    errors: list[Exception] = []

    def write() -> None:
        for start in itertools.count(0, BATCH):
            batch = samples.events(NAMESPACES, BATCH, partitions=PARTITIONS, objects=12, start=start)
            try:
                produce(secured.kafka.bootstrap, topic, batch)
            except Exception as error:  # noqa: BLE001 - told by the test
                errors.append(error)
                return
            sent.extend(batch)
            if enough.wait(0.05):  # 1 200 events a second at most
                return

    writer = threading.Thread(target=write, name="load")
    writer.start()
    try:
        yield sent
    finally:
        enough.set()
        writer.join()
    assert not errors


def write_over(files: ClientFiles, new: ClientFiles) -> None:
    """The new certificate and key, in place of those that the program was started with."""
    files.certificate.write_bytes(new.certificate.read_bytes())
    files.key.write_bytes(new.key.read_bytes())


def fewest_workers(running: Program) -> int:
    """How many workers there were at the least, from when there were all of them until now."""
    with running._changed:
        messages = [str(line["message"]) for line in running._lines]
    there, fewest = 0, PARTITIONS
    for message in messages:
        there += (message == "worker started") - (message in {"worker stopped", "worker failed", "worker died"})
        fewest = min(fewest, there) if "stopped" in message else fewest
    return fewest


def more(sent: list[Record]) -> None:
    """Wait until another batch is written."""
    written = len(sent)
    wait_until(lambda: len(sent) > written, 20, "another batch")


def workers_of(running: Program) -> set[int]:
    return {running.worker(partition) for partition in range(PARTITIONS)}


def workers_that_deliver(running: Program, secured: Secured, prefix: str) -> set[int]:
    """The workers, once each of them has delivered something: so they have read their files."""
    plain, source = secured.kafka.bootstrap, f"{prefix}-source"
    wait_until(lambda: len(committed(plain, prefix, source)) == PARTITIONS, 30, "commits of all partitions")
    return workers_of(running)


def test_a_client_certificate_is_replaced_under_load(secured: Secured, prefix: str, tmp_path: Path) -> None:
    plain, names, later = secured.kafka.bootstrap, names_of(prefix), f"{prefix}-later"
    grant(plain, prefix, names, RIGHTS)
    secured.kafka.create_topic(names[SOURCE], partitions=PARTITIONS)
    files = ClientFiles(tmp_path / "tls.crt", tmp_path / "tls.key")
    write_over(files, secured.own.client(prefix, key_password=KEY_PASSWORD))
    given = {
        **secured.with_certificate(prefix),
        "KAFKA_SSL_CERTIFICATE_LOCATION": str(files.certificate),
        "KAFKA_SSL_KEY_LOCATION": str(files.key),
    }
    with program(given, prefix, CREDENTIALS_LOOK_MS=LOOK_MS) as running:
        with load(secured, names[SOURCE]) as sent:
            before = workers_that_deliver(running, secured, prefix)
            yesterday = dt.datetime.now(dt.UTC) - dt.timedelta(days=1)
            write_over(files, secured.own.client(later, key_password=KEY_PASSWORD, not_after=yesterday))
            told = running.wait_for("new credentials not used", 30)
            assert "certificate" in told["reason"]
            assert "correct the files" in told["advice"]
            more(sent)
            assert running.workers() == before, "the old one goes on"
            write_over(files, secured.own.client(later, key_password=KEY_PASSWORD))
            told = running.wait_for("new credentials not used", 30, count=2)
            assert told["reason"] == f"READ on the topic {names[SOURCE]} is not granted"
            assert running.workers() == before
            # From here on it is good, and taken up without another change.
            grant(plain, later, names, RIGHTS)
            running.wait_for("credentials exchanged", 60)
            wait_until(lambda: not workers_of(running) & before, 30, "no worker of before")
            # Whoever still came with the old certificate could do nothing from now on, not even commit.
            take_away(plain, prefix, names, RIGHTS)
            more(sent)
        wait_caught_up(plain, prefix, names[SOURCE])
        assert running.terminate() == 0
        assert running.lines("worker failed") == []
        assert CANARY not in all_words(running)
    assert_exactly(plain, sent, lambda namespace: f"{prefix}.{namespace}")


def test_a_password_is_replaced_under_load_worker_by_worker(secured: Secured, prefix: str, tmp_path: Path) -> None:
    plain, names = secured.kafka.bootstrap, names_of(prefix)
    grant(plain, prefix, names, RIGHTS)
    secured.kafka.create_topic(names[SOURCE], partitions=PARTITIONS)
    file = tmp_path / "password"
    file.write_text(SCRAM_PASSWORD)
    given = secured.with_scram(prefix)
    del given["KAFKA_SASL_PASSWORD"]
    given["KAFKA_SASL_PASSWORD_FILE"] = str(file)
    with program(given, prefix, CREDENTIALS_LOOK_MS=LOOK_MS) as running:
        with load(secured, names[SOURCE]) as sent:
            before = workers_that_deliver(running, secured, prefix)
            file.write_text(WRONG_PASSWORD)
            told = running.wait_for("new credentials not used", 30)
            assert re.search("authentication failed|invalid credentials", told["reason"], re.IGNORECASE)
            assert "correct the files" in told["advice"]
            more(sent)
            assert running.workers() == before, "the old one goes on"
            set_scram_password(plain, prefix, NEW_PASSWORD)
            file.write_text(NEW_PASSWORD)
            running.wait_for("credentials exchanged", 60)
            assert not workers_of(running) & before
            more(sent)
        wait_caught_up(plain, prefix, names[SOURCE])
        assert fewest_workers(running) == PARTITIONS - 1, "one after the other"
        assert len(running.lines("partitions assigned")) == 1, "without a rebalance"
        assert running.terminate() == 0
        assert running.lines("worker failed") == []
        assert CANARY not in all_words(running)
    assert_exactly(plain, sent, lambda namespace: f"{prefix}.{namespace}")
