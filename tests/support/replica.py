"""Replicas that say what a test wants: statuses by name, and a server that tells them."""

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import msgspec
import uvloop

from fanout.errors import Reason
from fanout.http.server import Served, serve
from fanout.metrics.tallies import Tallies
from fanout.status.kinds import Cause, FindingKind, Severity
from fanout.status.state import (
    DeadLetter,
    Failure,
    Finding,
    Gauges,
    Namespace,
    Partition,
    Rate,
    Setting,
    Status,
    Worker,
)

T = TypeVar("T")
RETENTION_S = 7200.0
DEADLINE_S = 20.0


class FakeReplica:
    """What `serve` asks; each part may be exchanged at any time."""

    def __init__(self, status: Callable[[], Status], tallies: Tallies | None = None) -> None:
        self.tell = status
        self.tallied = tallies or Tallies()
        self.why_not_alive = self.why_not_ready = self.why_not_started = ""
        self.asked = 0

    def status(self) -> Status:
        self.asked += 1
        return self.tell()

    def tallies(self) -> Tallies:
        return self.tallied

    def gauges(self) -> Gauges:
        return Gauges(
            memory_bytes={"supervisor": 61_000_000, "workers": 702_000_000}, memory_limit_bytes=None, producers=24
        )

    def alive(self) -> str:
        return self.why_not_alive

    def ready(self) -> str:
        return self.why_not_ready

    def started(self) -> str:
        return self.why_not_started


class Running:
    """A server on a loop of its own thread."""

    def __init__(self, replica: FakeReplica) -> None:
        self.replica = replica
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="http", daemon=True)
        self._thread.start()
        self._served: Served | None = None
        self.port = 0

    def start(self) -> None:
        """Listen: on the port that it had before, if it had one."""
        self._served = self.run(lambda: serve("127.0.0.1", self.port, self.replica))
        self.port = self._served.port

    def stop(self) -> None:
        """Listen no more, and close what is open."""
        if self._served is not None:
            self.run(self._served.close)
            self._served = None

    def end(self) -> None:
        """Stop, and end the thread."""
        self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(DEADLINE_S)
        self._loop.close()

    def run(self, begin: Callable[[], Awaitable[T]]) -> T:
        """What this gives on the server's loop."""

        async def begun() -> T:
            return await begin()

        return asyncio.run_coroutine_threadsafe(begun(), self._loop).result(DEADLINE_S)


def healthy(partitions: int = 12, namespaces: int = 40, rate: float = 4_200) -> Status:
    """All well, under a load that goes up and down."""
    now, chance = time.time(), random.Random(7)
    started = now - 4 * 86_400 - 7_300
    return Status(
        version="1.4.0",
        at=now,
        started_at=started,
        state=Severity.OK,
        headline=f"All {partitions} partitions moving, 0.4 s behind, retention reached in 1 h 59 min",
        findings=[],
        topic="cluster-events",
        group="events-fanout",
        protocol="consumer",
        joined=True,
        broker_reachable=True,
        source_partitions=partitions,
        retention_s=RETENTION_S,
        partitions=[_partition(number, now, chance) for number in range(partitions)],
        workers=[_worker(number, now, started + 3, chance) for number in range(partitions)],
        rates=_rates(now, rate, chance),
        namespaces=[
            Namespace(topic=name, records=int(rate * 600 * 0.3 / (place + 1.4)))
            for place, name in enumerate(_names(namespaces)[:10])
        ],
        dead_letters=[
            DeadLetter(at=now - 130, reason=Reason.TOO_LARGE, partition=4, offset=88_120_406),
            DeadLetter(at=now - 5_400, reason=Reason.NOT_JSON, partition=9, offset=87_902_115),
            DeadLetter(at=now - 100_000, reason=Reason.NOT_JSON, partition=9, offset=71_334_001),
        ],
        totals={
            "records_in": 1_462_331_805, "bytes_in": 1_612_331_805_112, "delivered": 1_462_318_530, "dead_letters": 3,
            "skipped": 12_040, "resyncs_dropped": 0, "expired": 0, "redelivered": 214, "topics_created": namespaces,
        },
        refused={Reason.NOT_JSON: 2, Reason.TOO_LARGE: 1},
        settings=_settings(),
    )  # fmt: skip


def broker_away() -> Status:
    """No broker answers, for three minutes by now."""
    well = healthy()
    since = well.at - 184
    return msgspec.structs.replace(
        well,
        state=Severity.ERROR,
        headline="No broker has answered for 3 min: kafka-0.kafka:9093: Connection refused",
        findings=[
            Finding(
                kind=FindingKind.BROKER_AWAY,
                severity=Severity.ERROR,
                text="No broker has answered for 3 min: kafka-0.kafka:9093: Connection refused",
                advice="Look at ENDPOINT and at the brokers. Nothing is lost while the source keeps it: 2 h.",
                since=since,
            ),
            Finding(
                kind=FindingKind.LAG_UNKNOWN,
                severity=Severity.WARNING,
                text="How far behind the partitions are is not known: the last figures are 3 min old",
                advice="They are asked for again as soon as a broker answers.",
                since=since,
            ),
        ],
        joined=False,
        broker_reachable=False,
        partitions=[
            msgspec.structs.replace(
                partition, looked_at=since, progressed_at=since, lag_seconds=184.0, retention_share=184 / RETENTION_S
            )
            for partition in well.partitions
        ],
        rates=[
            msgspec.structs.replace(second, read=0, delivered=0) if second.at > since else second
            for second in well.rates
        ],
    )


def crash_loop() -> Status:
    """The worker of one partition comes to nothing, again and again; another was told to stop by its dead letters."""
    well = healthy()
    crashed = Failure(at=well.at - 3, cause=Cause.CRASHED, reason="", exit_code=-11, retry_at=well.at + 27)
    refused = Failure(
        at=well.at - 9,
        cause="dead-letter-refused",
        reason="not authorized to write cluster-events-dlq",
        exit_code=10,
        retry_at=well.at + 21,
    )
    stuck = {4: refused, 7: crashed}
    return msgspec.structs.replace(
        well,
        state=Severity.ERROR,
        headline="Partition 4 has not moved for 1 h 48 min: not authorized to write cluster-events-dlq",
        findings=_troubles(well.at),
        partitions=[
            msgspec.structs.replace(
                partition,
                lag_records=812_404 if partition.partition == 4 else 40_733,
                lag_seconds=6_552.0 if partition.partition == 4 else 95.0,
                retention_share=0.91 if partition.partition == 4 else 95 / RETENTION_S,
                progressed_at=well.at - (6_500 if partition.partition == 4 else 95),
            )
            if partition.partition in stuck
            else partition
            for partition in well.partitions
        ],
        workers=[
            msgspec.structs.replace(
                worker, pid=None, started_at=None, restarts=212 if 4 in worker.partitions else 6, crashes=6,
                failure=stuck[worker.partitions[0]], inflight_records=0, inflight_bytes=0, producers=0,
            )
            if worker.partitions[0] in stuck
            else worker
            for worker in well.workers
        ],
    )  # fmt: skip


def many() -> Status:
    """64 partitions and 1 000 namespaces."""
    return healthy(partitions=64, namespaces=1_000, rate=38_000)


def markup() -> Status:
    """Names and reasons that would do something if they were taken for markup."""
    well = healthy()
    script, image = "<script>document.title='taken'</script>", "<img src=x onerror=document.title='taken'>"
    return msgspec.structs.replace(
        well,
        state=Severity.WARNING,
        headline=f"Partition 1 has not moved for 2 min: {image}",
        topic=script,
        group=f"{image}&amp;",
        findings=[
            Finding(
                kind=FindingKind.NOT_MOVING, severity=Severity.WARNING, text=script, advice=image, since=well.at - 9
            )
        ],
        namespaces=[Namespace(topic=image, records=5), Namespace(topic="x" * 249, records=4)],
        dead_letters=[DeadLetter(at=well.at, reason=script, partition=1, offset=2)],
        settings=[Setting(name="TOPIC", value=image), Setting(name="KAFKA_SSL_CA_LOCATION", value="/" + "a" * 300)],
        workers=[
            msgspec.structs.replace(
                well.workers[0],
                failure=Failure(at=well.at, cause=image, reason=script * 5, exit_code=10, retry_at=well.at),
            )
        ],
    )


def spare() -> Status:
    """A replica that has just joined, and holds nothing."""
    well = healthy()
    return msgspec.structs.replace(
        well,
        started_at=well.at - 8,
        headline="No partition is assigned to this replica: it is a spare",
        partitions=[],
        workers=[],
        rates=[],
        namespaces=[],
        dead_letters=[],
        totals={},
        refused={},
        retention_s=None,
        source_partitions=None,
    )


STATES: dict[str, Callable[[], Status]] = {
    "healthy": healthy,
    "broker-away": broker_away,
    "crash-loop": crash_loop,
    "many": many,
    "markup": markup,
    "spare": spare,
}


def _troubles(now: float) -> list[Finding]:
    """Of a replica whose worker may not write dead letters, and another of which ends again and again."""
    return [
        Finding(
            kind=FindingKind.RETENTION,
            severity=Severity.ERROR,
            text="Partition 4 is at 91 % of what the source keeps: its oldest events are deleted in 11 min",
            advice="Grant WRITE on cluster-events-dlq to this program's user, or raise the source's retention.",
            since=now - 900,
        ),
        Finding(
            kind=FindingKind.WORKER_FAILED,
            severity=Severity.ERROR,
            text="Partition 4 has not moved for 1 h 48 min: not authorized to write cluster-events-dlq",
            advice="Grant WRITE on cluster-events-dlq to this program's user; the worker is tried again by itself.",
            since=now - 6_500,
        ),
        Finding(
            kind=FindingKind.CRASH_LOOP,
            severity=Severity.ERROR,
            text="The worker of partition 7 was started 6 times in a row and ended each time: killed by signal 11",
            advice="Report it with the log of this replica. After 10 times the program ends and is started anew.",
            since=now - 95,
        ),
    ]


def _partition(number: int, now: float, chance: random.Random) -> Partition:
    lag = chance.randrange(0, 240)
    end = 88_000_000 + chance.randrange(0, 900_000)
    seconds = lag / 600
    return Partition(
        partition=number,
        position=end - lag,
        committed=end - lag - 300,
        low=end - 3_000_000,
        end=end,
        lag_records=lag,
        lag_seconds=seconds,
        retention_share=seconds / RETENTION_S,
        looked_at=now - 2.4,
        progressed_at=now - chance.random(),
    )


def _worker(number: int, now: float, started_at: float, chance: random.Random) -> Worker:
    killed = Failure(at=now - 90_000, cause=Cause.KILLED, reason="", exit_code=-9, retry_at=now - 89_999)
    return Worker(
        partitions=[number],
        pid=2_117 + number * 3,
        started_at=now - 89_999 if number == 2 else started_at,
        restarts=1 if number == 2 else 0,
        crashes=0,
        failure=killed if number == 2 else None,
        inflight_records=chance.randrange(40, 900),
        inflight_bytes=chance.randrange(40_000, 900_000),
        producers=2,
    )


def _rates(now: float, rate: float, chance: random.Random) -> list[Rate]:
    found, level = [], rate * 0.8
    for second in range(600):
        level += (rate - level) * 0.02 + chance.gauss(0, rate * 0.02)
        level = max(level * (1.5 if second == 380 else 1), 0)
        read = int(max(level + chance.gauss(0, rate * 0.03), 0))
        found.append(
            Rate(at=float(int(now) - 600 + second), read=read, delivered=int(read * chance.uniform(0.97, 1.02)))
        )
    return found


def _names(count: int) -> list[str]:
    words = ("checkout", "payments", "search", "kube-system", "identity", "ci-runners", "media", "ledger", "monitoring",
             "data-platform-batch-ingestion", "billing", "orders")  # fmt: skip
    return [*words, *(f"team-{number}" for number in range(count))][:count]


def _settings() -> list[Setting]:
    values = {
        "ENDPOINT": "kafka-0.kafka:9093,kafka-1.kafka:9093,kafka-2.kafka:9093",
        "TOPIC": "cluster-events",
        "GROUPID": "events-fanout",
        "DLQ_TOPIC": "cluster-events-dlq",
        "KAFKA_SASL_USERNAME": "events-fanout",
        "KAFKA_SASL_PASSWORD": "(hidden)",
        "TOPIC_TEMPLATE": "events-{namespace}",
    }
    return [Setting(name=name, value=value) for name, value in values.items()]
