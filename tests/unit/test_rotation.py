"""Rotation: what is in the files, what is made of it, and who gets it in which order. Time is made up."""

import asyncio
import contextlib
import io
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from unittest import mock

import msgspec
import pytest

from fanout import link, log
from fanout.errors import ExitCode, FailureKind, SettingsError
from fanout.settings import Settings
from fanout.supervisor import rotation
from fanout.supervisor.credentials import FIXED, Watch
from fanout.supervisor.rotation import Hooks, Rotation, Timing
from tests.unit.fakes import settings
from tests.unit.pooling import FAR, Bench, FakeProcess, scenario, until

LOOK_S = 5.0
SCRAM = {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": "fanout"}
REFUSED = link.Failed(FailureKind.BAD_CREDENTIALS, "the broker refuses the credentials")


class Files:
    """A file with a password and one with a certificate, and what `fanout.config.Reload` makes of them."""

    def __init__(self, folder: Path) -> None:
        self.password = folder / "password"
        self.certificate = folder / "client.pem"
        self.password.write_text("first")
        self.certificate.write_text("first")
        self.paths = frozenset({str(self.password), str(self.certificate)})
        self.located = frozenset({str(self.certificate)})

    def load(self) -> Settings:
        password = self.password.read_text().strip()
        if not password:
            raise SettingsError(["the file is empty"])
        return settings(kafka={**SCRAM, "sasl.password": password, "ssl.certificate.location": str(self.certificate)})


class Life:
    """Files, workers and a member of the group, with a rotation between them."""

    def __init__(self, folder: Path, workers: int = 3) -> None:
        self.files = Files(folder)
        self.bench = Bench()
        self.bench.pool._hooks = self.bench.pool._hooks._replace(spawn=self._spawn)
        self.workers = workers
        self.now = 0.0
        self.objections: dict[str, str] = {}  # by password: why the broker refuses it
        self.failures: dict[str, link.Failed] = {}  # by password: what becomes of a worker that has it
        self.idle = False  # whether there is nothing to deliver
        self.exchange_problem = ""
        self.given = self.files.load()
        self.asked: list[float] = []
        self.used: list[str] = []
        self.told: list[str] = []  # what happened, in order
        self.left_running: list[int] = []  # how many workers there were when the next one started
        self._settings_of: dict[FakeProcess, str] = {}
        self.rotation = Rotation(
            self.given,
            self.files,
            self.bench.pool,
            Hooks(self._objection, self._use, self._sign_in, self._exchange),
            Timing(LOOK_S, 30.0, lambda: self.now, self._sleep),
        )

    async def _spawn(self, partitions: frozenset[int]) -> FakeProcess:
        self.left_running.append(len(self.bench.running()))
        process = await self.bench._spawn(partitions)
        self._settings_of[process] = self.given.kafka["sasl.password"]
        self.told.append(f"{min(partitions)} starts with {self._settings_of[process]}")
        return process

    async def _sleep(self, seconds: float) -> None:
        """Time passes: workers deliver, or fail."""
        self.now += seconds
        for process in self.bench.running():
            failed = self.failures.get(self._settings_of[process])
            if failed is not None:
                process.end(ExitCode.WORKER_FAILED, failed)
            elif not self.idle:
                self.bench.delivered.update(process.partitions)
        for _ in range(20):
            await asyncio.sleep(0)

    async def _objection(self, wanted: Settings) -> str:
        self.asked.append(self.now)
        return self.objections.get(wanted.kafka["sasl.password"], "")

    def _use(self, wanted: Settings) -> None:
        self.given = wanted
        self.used.append(wanted.kafka["sasl.password"])

    async def _sign_in(self, username: str, password: str) -> None:
        self.told.append(f"member signs in as {username} with {password}")

    async def _exchange(self) -> str:
        """As in the supervisor: the old member gives back all, the new one is assigned all."""
        self.told.append("member exchanged" if not self.exchange_problem else "member not exchanged")
        if not self.exchange_problem:
            partitions = self.bench.pool.partitions()
            await self.bench.pool.drain(partitions, FAR)
            await self.bench.pool.add(partitions, FAR)
        return self.exchange_problem

    def passwords(self) -> list[str]:
        """What each running worker signs in with, by partition."""
        running = sorted(self.bench.running(), key=lambda process: min(process.partitions))
        return [self._settings_of[process] for process in running]

    def all_have(self, password: str) -> bool:
        return self.passwords() == [password] * self.workers and self.settled()

    def settled(self) -> bool:
        """Whether everything runs with what is in the files."""
        return self.rotation._settled is not None and self.rotation._settled == self.rotation._watch._last

    async def looks(self, count: int = 3) -> None:
        """Let it look some more times."""
        until_then = self.now + count * LOOK_S
        await until(lambda: self.now > until_then)

    def run(self, body: Callable[[], Coroutine[object, object, None]]) -> None:
        """Run the scenario beside the rotation."""

        async def both() -> None:
            await self.bench.add(*range(self.workers))
            self.told.clear()
            self.left_running.clear()
            running = asyncio.create_task(self.rotation.run())
            try:
                await body()
                assert not running.done(), "it looks on for ever"
            finally:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
                await self.bench.pool.stop(FAR)

        scenario(both)


@pytest.fixture
def life(tmp_path: Path) -> Life:
    return Life(tmp_path)


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What is logged, as JSON lines."""
    stream = io.StringIO()
    monkeypatch.setattr("sys.stderr", stream)
    log.configure("debug", "json")
    return stream


def lines(logged: io.StringIO, message: str) -> list[dict[str, object]]:
    found = [msgspec.json.decode(line, type=dict[str, object]) for line in logged.getvalue().splitlines()]
    return [line for line in found if line["message"] == message]


def test_what_is_in_the_files_is_told_when_two_looks_agree_on_it(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("one")
    watch = Watch(frozenset({str(file)}))
    assert watch.look() is None
    first = watch.look()
    assert first is not None
    file.write_text("half of tw")
    assert watch.look() is None
    file.write_text("two")
    assert watch.look() is None, "it is still being written"
    second = watch.look()
    assert second is not None
    assert second != first


def test_a_certificate_without_its_key_is_not_told_of(tmp_path: Path, logged: io.StringIO) -> None:
    certificate, key = tmp_path / "crt", tmp_path / "key"
    certificate.write_text("one")
    key.write_text("one")
    watch = Watch(frozenset({str(certificate), str(key)}))
    watch.look()
    before = watch.look()
    key.unlink()
    assert [watch.look(), watch.look()] == [None, None]
    told = lines(logged, "credentials cannot be read, going on with those at hand")
    assert [line["fanout.path"] for line in told] == [str(key)], "once, and not at each look"
    assert "fanout.advice" in told[0]
    key.write_text("one")
    assert watch.look() is None
    assert watch.look() == before


def test_a_mount_of_kubernetes_that_is_swapped_is_seen_even_with_the_same_times(tmp_path: Path) -> None:
    for name, text in (("..2026_01", "one"), ("..2026_02", "two")):
        (tmp_path / name).mkdir()
        file = tmp_path / name / "tls.crt"
        file.write_text(text)
        os.utime(file, (1_000, 1_000))
    (tmp_path / "..data").symlink_to("..2026_01")
    (tmp_path / "tls.crt").symlink_to("..data/tls.crt")
    watch = Watch(frozenset({str(tmp_path / "tls.crt")}))
    watch.look()
    before = watch.look()
    # As the kubelet does it: a new link is renamed over the old one.
    (tmp_path / "..data_tmp").symlink_to("..2026_02")
    (tmp_path / "..data_tmp").rename(tmp_path / "..data")
    assert watch.look() is None
    after = watch.look()
    assert after is not None
    assert after != before


def test_a_folder_of_authorities_changes_when_a_file_of_it_does(tmp_path: Path) -> None:
    (tmp_path / "one.pem").write_text("one")
    watch = Watch(frozenset({str(tmp_path)}))
    watch.look()
    before = watch.look()
    (tmp_path / "two.pem").write_text("two")
    watch.look()
    assert watch.look() not in (None, before)


def test_without_files_nobody_looks() -> None:
    async def body() -> None:
        hooks = Hooks(mock.AsyncMock(), mock.Mock(), mock.AsyncMock(), mock.AsyncMock())
        sleep = mock.AsyncMock()
        await Rotation(settings(), FIXED, Bench().pool, hooks, Timing(LOOK_S, 30.0, sleep=sleep)).run()
        sleep.assert_not_called()

    scenario(body)


def test_files_that_stay_the_same_change_nothing(life: Life) -> None:
    async def body() -> None:
        await life.looks(5)
        assert (life.asked, life.used, life.told) == ([], [], [])

    life.run(body)


def test_other_bytes_with_the_same_meaning_change_nothing(life: Life) -> None:
    async def body() -> None:
        life.files.password.write_text("first\n")
        await life.looks(5)
        assert (life.asked, life.used, life.told) == ([], [], [])

    life.run(body)


def test_one_worker_after_the_other_is_replaced_and_a_password_alone_keeps_the_member(
    life: Life, logged: io.StringIO
) -> None:
    async def body() -> None:
        life.bench.delivered.update({0: 10, 1: 1_000, 2: 100})
        life.files.password.write_text("second")
        await until(lambda: life.all_have("second"))
        assert life.told == [
            "member signs in as fanout with second",
            "1 starts with second",  # the busiest proves fastest
            "2 starts with second",
            "0 starts with second",
        ]
        assert life.used == ["second"]
        await life.looks()
        assert len(life.told) == 4, "and that is all"
        assert [len(lines(logged, f"credentials {word}")) for word in ("changed", "exchanged")] == [1, 1]
        assert "second" not in logged.getvalue().replace("seconds", "")

    life.run(body)


def test_never_are_two_workers_away_at_once(life: Life) -> None:
    async def body() -> None:
        life.files.password.write_text("second")
        await until(lambda: life.all_have("second"))
        assert life.left_running == [2, 2, 2]

    life.run(body)


def test_a_new_certificate_is_proven_by_one_worker_before_the_member_is_exchanged(life: Life) -> None:
    async def body() -> None:
        life.bench.delivered.update({0: 10, 1: 1_000, 2: 100})
        life.files.certificate.write_text("second")
        await until(lambda: len(life.told) >= 5 and life.settled())
        assert life.told[:2] == ["1 starts with first", "member exchanged"]
        assert sorted(life.told[2:]) == [f"{partition} starts with first" for partition in range(3)]
        await life.looks()
        assert len(life.told) == 5

    life.run(body)


def test_credentials_that_cannot_be_read_as_settings_change_nothing(life: Life, logged: io.StringIO) -> None:
    async def body() -> None:
        life.files.password.write_text("")
        await life.looks(4)
        assert (life.asked, life.used, life.told) == ([], [], [])
        told = lines(logged, "new credentials not used")
        assert told[0]["fanout.reason"] == "the file is empty"
        assert "correct the files" in str(told[0]["fanout.advice"])

    life.run(body)


def test_what_the_broker_refuses_changes_nothing_and_is_told_with_its_reason(life: Life, logged: io.StringIO) -> None:
    life.objections["wrong"] = "Authentication failed"

    async def body() -> None:
        life.files.password.write_text("wrong")
        await until(lambda: len(life.asked) >= 2)
        assert (life.used, life.told) == ([], [])
        assert life.passwords() == ["first"] * 3
        told = lines(logged, "new credentials not used")
        assert told[0]["fanout.reason"] == "Authentication failed"
        assert "wrong" not in logged.getvalue()
        unused = life.rotation.unused()
        assert unused is not None
        assert unused.reason == "Authentication failed"

    life.run(body)


def test_what_is_refused_is_tried_again_more_and_more_rarely(life: Life) -> None:
    life.objections["wrong"] = "Authentication failed"

    async def body() -> None:
        life.files.password.write_text("wrong")
        await until(lambda: len(life.asked) >= 10)
        between = [late - early for early, late in zip(life.asked, life.asked[1:], strict=False)]
        wanted = [min(rotation.RETRY_MAX_S, rotation.RETRY_FIRST_S * 2**n) for n in range(9)]
        assert all(want <= was <= want + LOOK_S for was, want in zip(between, wanted, strict=True)), between

    life.run(body)


def test_what_is_refused_is_tried_at_once_when_the_files_change_again(life: Life) -> None:
    life.objections["wrong"] = "Authentication failed"

    async def body() -> None:
        life.files.password.write_text("wrong")
        await until(lambda: len(life.asked) >= 8)  # by now it waits for five minutes
        life.files.password.write_text("second")
        at = life.now
        await until(lambda: life.all_have("second"))
        assert life.asked[8] - at <= 3 * LOOK_S

    life.run(body)


def test_other_files_that_are_refused_are_tried_again_as_soon_as_the_first_were(life: Life) -> None:
    life.objections |= {"wrong": "Authentication failed", "wrong again": "Authentication failed"}

    async def body() -> None:
        life.files.password.write_text("wrong")
        await until(lambda: len(life.asked) >= 8)
        life.files.password.write_text("wrong again")
        await until(lambda: len(life.asked) >= 10)
        assert life.asked[9] - life.asked[8] <= rotation.RETRY_FIRST_S + LOOK_S

    life.run(body)


def test_what_the_broker_takes_later_is_taken_up_without_another_change(life: Life) -> None:
    life.objections["second"] = "Authentication failed"

    async def body() -> None:
        life.files.password.write_text("second")
        await until(lambda: len(life.asked) >= 3)
        del life.objections["second"]
        await until(lambda: life.all_have("second"))
        await life.looks()
        assert life.rotation.unused() is None

    life.run(body)


def test_a_refused_file_that_is_put_back_needs_nothing(life: Life) -> None:
    life.objections["wrong"] = "Authentication failed"

    async def body() -> None:
        life.files.password.write_text("wrong")
        await until(lambda: life.rotation.unused() is not None)
        life.files.password.write_text("first")
        await life.looks()
        assert life.rotation.unused() is None
        asked = len(life.asked)
        await life.looks(100)
        assert (len(life.asked), life.used, life.told) == (asked, [], [])

    life.run(body)


def test_a_first_worker_that_fails_gets_the_old_credentials_back_and_the_others_keep_theirs(
    life: Life, logged: io.StringIO
) -> None:
    life.failures["bad"] = REFUSED
    others: list[FakeProcess] = []

    async def body() -> None:
        life.bench.delivered.update({0: 10, 1: 1_000, 2: 100})
        others.extend(process for process in life.bench.running() if 1 not in process.partitions)
        life.files.certificate.write_text("second")
        life.files.password.write_text("bad")
        await until(lambda: life.used == ["bad", "first"] and life.passwords() == ["first"] * 3)
        assert life.told == ["1 starts with bad", "1 starts with first"]
        assert all(process.running for process in others)
        told = lines(logged, "new credentials not used")
        assert told[0]["fanout.reason"] == f"{REFUSED.kind.value}: {REFUSED.reason}"

    life.run(body)


def test_a_failure_that_was_there_before_is_not_held_against_the_new_credentials(life: Life) -> None:
    denied = link.Failed(FailureKind.NOT_AUTHORIZED, "grant WRITE on it")
    life.failures |= {"first": denied, "second": denied}

    async def body() -> None:
        await until(lambda: not life.bench.running())
        life.files.password.write_text("second")
        await until(lambda: life.settled() and life.used == ["second"])

    life.run(body)


def test_a_failure_that_has_nothing_to_do_with_credentials_stops_no_rotation(life: Life) -> None:
    life.failures["second"] = link.Failed(FailureKind.DEAD_LETTER_LIMIT, "too many")

    async def body() -> None:
        life.files.password.write_text("second")
        await until(lambda: life.settled() and life.used == ["second"])

    life.run(body)


def test_a_worker_with_nothing_to_deliver_proves_itself_by_not_failing(life: Life) -> None:
    life.idle = True

    async def body() -> None:
        life.files.password.write_text("second")
        await until(lambda: life.all_have("second"))
        assert life.now > rotation.FIRST_PROOF_S + 2 * rotation.NEXT_PROOF_S

    life.run(body)


def test_a_replica_without_partitions_exchanges_its_member(tmp_path: Path) -> None:
    life = Life(tmp_path, workers=0)

    async def body() -> None:
        life.files.certificate.write_text("second")
        await until(lambda: life.told and life.settled())
        assert life.told == ["member exchanged"]

    life.run(body)


def test_a_member_that_could_not_be_exchanged_is_tried_again_and_proven_workers_stay(life: Life) -> None:
    life.exchange_problem = "no coordinator"

    async def body() -> None:
        life.bench.delivered[1] = 1_000
        life.files.certificate.write_text("second")
        await until(lambda: life.told.count("member not exchanged") >= 2)
        assert life.told[0] == "1 starts with first"
        assert set(life.told[1:]) == {"member not exchanged"}, "no worker is replaced twice"
        life.exchange_problem = ""
        await until(life.settled)
        assert "member exchanged" in life.told

    life.run(body)


def test_a_broker_that_goes_away_meanwhile_stops_the_replacing_until_it_is_back(life: Life) -> None:
    async def body() -> None:
        life.bench.delivered[1] = 1_000
        life.files.password.write_text("second")
        await until(lambda: "1 starts with second" in life.told)
        life.objections["second"] = "no broker"
        asked = len(life.asked)
        await until(lambda: len(life.asked) > asked)
        away = life.passwords().count("second")
        await life.looks(10)
        assert life.passwords().count("second") == away < 3
        del life.objections["second"]
        await until(lambda: life.all_have("second"))

    life.run(body)
