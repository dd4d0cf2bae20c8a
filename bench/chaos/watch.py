"""The watch: a thread that looks at committed offsets, then at the ends of all destinations, many times a second."""

import threading
import time
from collections.abc import Callable
from types import TracebackType
from typing import NamedTuple, Self

from confluent_kafka import Consumer, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient

from bench.checker import Sample
from bench.offsets import offsets_of

PAUSE_S = 0.05
REQUEST_S = 3.0


class Names(NamedTuple):
    """What is looked at. Functions, because it changes while a run goes on."""

    group: str
    source: str
    source_generation: Callable[[], int]
    partitions: Callable[[], int]
    destinations: Callable[[], dict[str, int]]  # topic -> its generation


class Watch:
    """Takes samples from `with` to its end. While no broker answers there are none."""

    def __init__(self, bootstrap: str, names: Names) -> None:
        quiet: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap,
            "log_level": 2,
            "reconnect.backoff.max.ms": 500,
        }
        self._names = names
        self._group = Consumer(quiet | {"group.id": names.group, "enable.auto.commit": False})
        self._admin = AdminClient(quiet)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)
        self.samples: list[Sample] = []
        self.ends: list[tuple[float, dict[int, int]]] = []  # of the source, at the times of the samples

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()
        self._group.close()

    def _look(self) -> None:
        while not self._stop.wait(PAUSE_S):
            try:
                self._sample()
            except KafkaException:
                continue  # a broker is away, or a topic is being deleted

    def _sample(self) -> None:
        names = self._names
        generation, destinations = names.source_generation(), names.destinations()
        places = [TopicPartition(names.source, partition) for partition in range(names.partitions())]
        committed = self._group.committed(places, timeout=REQUEST_S)
        at = time.monotonic()
        there = self._admin.list_topics(timeout=REQUEST_S).topics
        known = [TopicPartition(topic, 0) for topic in destinations if topic in there and there[topic].error is None]
        ends = offsets_of(self._admin, [*known, *places], REQUEST_S)
        # What was deleted meanwhile may have ended under another generation than it began: no evidence.
        if (generation, destinations) != (names.source_generation(), names.destinations()):
            return
        self.samples.append(
            Sample(
                at,
                generation,
                {place.partition: place.offset for place in committed if place.offset >= 0 and place.error is None},
                {(t, destinations[t]): end for (t, _), end in ends.items() if t in destinations},
            )
        )
        self.ends.append((at, {partition: end for (t, partition), end in ends.items() if t == names.source}))
