"""One worker process, from its first message to its exit code."""

import faulthandler
import gc
import os
import signal
import socket
import sys
import time
from typing import NoReturn

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient

from fanout import client, link, log
from fanout.counters import Counter
from fanout.errors import ExitCode, FailureKind, Reason, WorkerFailureError
from fanout.worker.deadletter import DeadLetters
from fanout.worker.destination import Destination
from fanout.worker.envelope import key_function
from fanout.worker.health import Health
from fanout.worker.link import LeaseExpiredError, OrphanedError, WorkerLink
from fanout.worker.loop import Inflight, Loop
from fanout.worker.offsets import Tracker
from fanout.worker.redelivery import Redelivery
from fanout.worker.rewrite import rewrite_function
from fanout.worker.router import Router
from fanout.worker.routes import Refusal
from fanout.worker.sink import Sink
from fanout.worker.source import Source, beginnings
from fanout.worker.stranded import Client, Stranded
from fanout.worker.topics import Topics

_log = log.get("worker")


def main(fd: int) -> NoReturn:
    """Run one worker until it is told to stop, then exit with an `ExitCode`. Blocks."""
    # The stacks of all threads on stderr, when the supervisor finds this process silent and sends SIGABRT.
    faulthandler.enable()
    # Ctrl-C and a service manager reach the whole process group; when to stop is the supervisor's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    worker_link = WorkerLink(socket.socket(fileno=fd))
    try:
        start = worker_link.start()
        log.configure(
            start.settings.log_level, start.settings.log_format, role="worker", partitions=list(start.offsets)
        )
        drained = Worker(start, worker_link).run()
        worker_link.flush(1.0)
    except WorkerFailureError as failure:
        code = _failed(worker_link, link.Failed(failure.kind, failure.reason))
    except KafkaException as error:
        code = _failed(worker_link, link.Failed(FailureKind.CLIENT_FATAL, str(error)))
    except LeaseExpiredError:
        _log.error("the supervisor has not renewed the lease: stopping at once")
        code = ExitCode.WORKER_LEASE_EXPIRED
    except OrphanedError:
        code = ExitCode.WORKER_ORPHANED
    else:
        code = ExitCode.OK if drained else ExitCode.STOPPED_UNDELIVERED
    # The clients' own goodbye would deliver what is queued, without a lease or after a drain, and can take long.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _failed(worker_link: WorkerLink, message: link.Failed) -> ExitCode:
    """Say why, as the last word, if there is still somebody to hear it."""
    try:
        worker_link.failed(message)
    except OrphanedError:
        return ExitCode.WORKER_ORPHANED
    return ExitCode.WORKER_FAILED


class Worker:
    """Puts the stages together for one `link.Start`."""

    def __init__(self, start: link.Start, worker_link: WorkerLink) -> None:
        self._start = start
        self._settings = settings = start.settings
        self._link = worker_link
        self._health = Health(settings.topic)
        self._logger = log.client_logger("worker")
        self._admin = self._admin_client()
        self._others: list[Consumer | Producer] = []
        self._stranded = Stranded(settings.topic, self._clients, self._admin_client)
        self._topics = Topics(
            self._admin,
            settings,
            start.source_max_bytes,
            created=lambda: worker_link.tally.count(Counter.TOPICS_CREATED),
        )
        self._sink = Sink(settings, self._shard_producer)
        self._dead_letters = DeadLetters(settings, self._sink)

    def _shard_producer(self) -> Producer:
        config = client.shard(self._settings, self._start.source_max_bytes, self._logger)
        producer = Producer(config | {"error_cb": self._health.error})
        client.hasten(producer, self._settings.topic)
        return producer

    def _careful_producer(self) -> Producer:
        config = client.producer(self._settings, self._start.source_max_bytes, self._logger)
        producer = Producer(config | {"error_cb": self._health.error})
        self._others.append(producer)
        return producer

    def _admin_client(self) -> AdminClient:
        return AdminClient(client.admin(self._settings, self._logger) | {"error_cb": self._health.error})

    def _clients(self) -> list[Client]:
        return [self._admin, *self._others, *self._sink.producers()]

    def run(self) -> bool:
        """Run the loop; whether all that was read is delivered."""
        self._stranded.start()
        if not self._learn_topics():
            return True
        self._sink.warm()
        settings, start = self._settings, self._start
        consumer = Consumer(
            client.reader(settings, start.source_max_bytes, self._logger, partitions=len(start.offsets))
            | {"error_cb": self._health.reader_error}
        )
        self._others.append(consumer)
        new = beginnings(consumer, settings.topic, start.offsets, self._goes_on)
        loop = Loop(
            settings,
            link=self._link,
            source=Source(consumer, settings.topic, {**start.offsets, **new}),
            router=Router(settings, key_function(settings), self._open),
            rewrite=rewrite_function(settings),
            sink=self._sink,
            redelivery=Redelivery(
                self._sink,
                self._topics,
                settings,
                self._careful_producer,
                self._dead_letters,
                compressed=client.is_compressed(settings),
            ),
            topics=self._topics,
            inflight=Inflight(settings, {partition: Tracker(new.get(partition)) for partition in start.offsets}),
            dead_letters=self._dead_letters,
            check_health=self._check_health,
        )
        # What lives as long as the process need not be looked at again by the collector.
        gc.collect()
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        _log.debug("reading", offsets=start.offsets)
        return loop.run()

    def _check_health(self, now: float, delivered: int) -> None:
        self._health.check(now, delivered)
        self._stranded.check()

    def _goes_on(self) -> bool:
        """Beat; whether the worker was not told to stop."""
        self._link.turn(time.monotonic())
        return self._link.stop is None

    def _learn_topics(self) -> bool:
        """Wait for the broker, beating; False if told to stop meanwhile."""
        repeats = log.Repeats(_log)
        while True:
            now = time.monotonic()
            self._link.turn(now)
            self._check_health(now, 0)
            if self._link.stop is not None:
                return False
            try:
                self._topics.learn(1.0)
            except KafkaException as error:
                repeats.warning("broker not reachable, waiting for it", error=str(error))
            else:
                return True

    def _open(self, name: str) -> Destination | Refusal:
        if not self._topics.room_for(name):
            limit = self._settings.topics_max
            return Refusal(Reason.TOPICS_MAX, f"the cluster has {limit} topics (TOPICS_MAX): {name} is not created")
        destination = self._sink.open(name)
        # Until its topic is there, its limits are known, and its broker has taken a first record: one that takes less
        # than a batch would refuse whole batches, and what is behind them would overtake them.
        self._sink.hold(destination)
        return destination
