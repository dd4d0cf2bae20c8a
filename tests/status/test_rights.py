"""What a replica says when it is not let in, or may not do what it has to."""

from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import partial
from pathlib import Path

import pytest
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from bench.broker.security import set_scram_password
from fanout.errors import FailureKind, Reason
from fanout.status.kinds import FindingKind
from tests.security.rights import DEAD_LETTERS, DESTINATIONS, GROUP, RIGHTS, SOURCE, Right, grant, names_of, take_away
from tests.security.ways import SCRAM_PASSWORD, Secured
from tests.status.scene import GOOD, replica
from tests.status.together import WITHIN_S as ALL_WITHIN_S
from tests.status.together import together
from tests.support.asking import finding
from tests.support.load import Load, write
from tests.support.samples import events
from tests.support.topics import Record

REQUEST_S = 30.0
FAILED = f'worker_restarts_total{{cause="{FailureKind.NOT_AUTHORIZED}"}}'


def right(on: str, operation: AclOperation) -> Right:
    return next(known for known in RIGHTS if (known.on, known.operation) == (on, operation))


def prepared(secured: Secured, user: str, rights: set[Right]) -> dict[str, str]:
    """A source with events in it, and these rights; the names of all."""
    names = names_of(user)
    secured.kafka.create_topic(names[SOURCE])
    write(secured.kafka.bootstrap, names[SOURCE], events(["team-a"], GOOD))
    if rights:
        grant(secured.kafka.bootstrap, user, names, rights)
    return names


def lacks(
    secured: Secured, case: str, missing: Right, kind: FindingKind, *, metric: str, log: str, poison: bool = False
) -> None:
    """A right is missing from the start, and is granted then."""
    user, plain = f"{case}-run", secured.kafka.bootstrap
    names = prepared(secured, user, set(RIGHTS) - {missing})
    if poison:
        write(plain, names[SOURCE], [Record(b"no json", b"pod", partition=0)])
    with replica(secured.kafka, user, **secured.with_certificate(user)) as scene:
        scene.mark_start()
        scene.says(case, kind, metric=metric, log=log)
        grant(plain, user, names, [missing])
        scene.is_over(kind)
        scene.wait(lambda now: now.totals.get("delivered", 0) >= GOOD, "deliveries")
        assert scene.program.terminate() == 0


def no_right_to_the_source(secured: Secured) -> None:
    lacks(
        secured, "no-right-to-the-source", right(SOURCE, AclOperation.READ), FindingKind.SOURCE_MISSING,
        metric="findings", log="group not served",
    )  # fmt: skip


def no_right_to_the_group(secured: Secured) -> None:
    lacks(
        secured, "no-right-to-the-group", right(GROUP, AclOperation.READ), FindingKind.NOT_JOINED,
        metric="findings", log="group not served",
    )  # fmt: skip


def no_right_to_dead_letters(secured: Secured) -> None:
    lacks(
        secured, "no-right-to-dead-letters", right(DEAD_LETTERS, AclOperation.WRITE), FindingKind.WORKER_FAILED,
        metric=FAILED, log="worker failed", poison=True,
    )  # fmt: skip


def no_right_to_any_destination(secured: Secured) -> None:
    lacks(
        secured, "no-right-to-any-destination", right(DESTINATIONS, AclOperation.WRITE), FindingKind.WORKER_FAILED,
        metric=FAILED, log="worker failed",
    )  # fmt: skip


def no_right_to_one_destination(secured: Secured) -> None:
    user, plain = "not-authorized-run", secured.kafka.bootstrap
    prepared(secured, user, set(RIGHTS))
    deny = AclBinding(
        ResourceType.TOPIC, f"{user}.team-b", ResourcePatternType.LITERAL, f"User:{user}", "*",
        AclOperation.WRITE, AclPermissionType.DENY,
    )  # fmt: skip
    admin = AdminClient({"bootstrap.servers": plain})
    admin.create_acls([deny], request_timeout=REQUEST_S)[deny].result()
    with replica(secured.kafka, user, **secured.with_certificate(user)) as scene:
        scene.calm(delivered=GOOD)
        scene.write(*scene.events(1, "team-b"), *scene.events())
        scene.says(
            f"refused-{Reason.NOT_AUTHORIZED}", FindingKind.DEAD_LETTERS,
            metric=f'refused_total{{reason="{Reason.NOT_AUTHORIZED}"}}', log="not authorized", caught_up=True,
        )  # fmt: skip
        assert scene.program.terminate() == 0


def right_to_the_source_is_taken_away(secured: Secured) -> None:
    user, plain, reading = "right-taken-away-run", secured.kafka.bootstrap, right(SOURCE, AclOperation.READ)
    names = prepared(secured, user, set(RIGHTS))
    with replica(secured.kafka, user, **secured.with_certificate(user)) as scene:
        scene.calm(delivered=GOOD)
        take_away(plain, user, names, [reading])
        scene.says("right-taken-away", FindingKind.WORKER_FAILED, metric=FAILED, log="worker failed")
        grant(plain, user, names, [reading])
        scene.write(*scene.events())
        scene.wait(lambda now: now.totals.get("delivered", 0) >= 2 * GOOD, "deliveries")
        scene.is_over(FindingKind.WORKER_FAILED)
        assert scene.program.terminate() == 0


def right_to_the_source_is_taken_away_while_nothing_is_fetched(secured: Secured) -> None:
    """Fetches are under way for long, so that the client learns it from metadata, and not in the place of a record."""
    user, plain, reading = "right-taken-quietly-run", secured.kafka.bootstrap, right(SOURCE, AclOperation.READ)
    names = prepared(secured, user, set(RIGHTS))
    slow = {"KAFKA_CONSUMER_FETCH_WAIT_MAX_MS": 10_000, "KAFKA_CONSUMER_TOPIC_METADATA_REFRESH_INTERVAL_MS": 200}
    with replica(secured.kafka, user, **secured.with_certificate(user), **slow) as scene:
        scene.calm(delivered=GOOD)
        take_away(plain, user, names, [reading])
        scene.wait(partial(finding, kind=FindingKind.WORKER_FAILED), "the failure")
        grant(plain, user, names, [reading])
        scene.is_over(FindingKind.WORKER_FAILED)
        assert scene.program.terminate() == 0


def bad_credentials(secured: Secured) -> None:
    user = "bad-credentials-run"
    prepared(secured, user, set(RIGHTS))
    with replica(secured.kafka, user, **secured.with_scram(user, "wrong")) as scene:
        scene.mark_start()
        scene.says("bad-credentials", FindingKind.BAD_CREDENTIALS, metric="findings",
                   log="broker not reachable, waiting for it")  # fmt: skip
        set_scram_password(secured.kafka.bootstrap, user, "wrong")  # so that it is the right one
        scene.is_over(FindingKind.BAD_CREDENTIALS)
        scene.wait(lambda now: now.totals.get("delivered", 0) >= GOOD, "deliveries")
        assert scene.program.terminate() == 0


def password_changes(secured: Secured, folder: Path) -> None:
    user, file = "password-changes-run", folder / "password"
    prepared(secured, user, set(RIGHTS))
    file.write_text(SCRAM_PASSWORD)
    given = {**secured.with_scram(user), "KAFKA_SASL_PASSWORD_FILE": str(file)}
    del given["KAFKA_SASL_PASSWORD"]
    # With something to deliver, a worker shows at once that its credentials are good.
    load = partial(Load, secured.kafka.bootstrap, f"{user}-source", ["team-a"], rate=20)
    with replica(secured.kafka, user, **given, CREDENTIALS_LOOK_MS=200) as scene:
        scene.calm(delivered=GOOD)
        file.write_text("another")
        scene.says(
            "password-file-wrong", FindingKind.BAD_CREDENTIALS, metric="findings", log="new credentials not used",
            caught_up=True,
        )  # fmt: skip
        scene.mark()
        set_scram_password(secured.kafka.bootstrap, user, "another")
        with load():
            scene.wait(lambda _: scene.told("credentials exchanged"), "the exchange")
        scene.says(
            "password-changed", None, metric="findings", log="credentials exchanged", caught_up=True,
            besides=("credentials changed", "worker stopped", "worker started"),
        )  # fmt: skip
        assert scene.program.terminate() == 0


CASES: dict[str, Callable[[Secured], None]] = {
    case.__name__: case
    for case in (
        no_right_to_any_destination, no_right_to_the_group, no_right_to_the_source, bad_credentials,
        right_to_the_source_is_taken_away, right_to_the_source_is_taken_away_while_nothing_is_fetched,
        no_right_to_dead_letters, no_right_to_one_destination,
    )
}  # fmt: skip


@pytest.fixture(scope="module")
def running(secured: Secured, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[None]]]:
    folder = tmp_path_factory.mktemp("password")
    cases = {**CASES, password_changes.__name__: lambda ground: password_changes(ground, folder)}
    with together(cases, secured) as futures:
        yield futures


@pytest.mark.timeout(ALL_WITHIN_S)
@pytest.mark.parametrize("case", [*CASES, password_changes.__name__])
def test_it_is_told(running: dict[str, Future[None]], case: str) -> None:
    running[case].result(ALL_WITHIN_S)
