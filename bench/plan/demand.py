"""What the user knows: how many events there are, how long they are kept, what is promised, and what a pod may have."""

import math
from typing import Annotated

import msgspec
from msgspec import Meta

GIB = 2**30
DAY_S = 86_400.0


def about(text: str) -> Meta:
    """The description of a number, shown by `python -m bench plan --help`."""
    return Meta(description=text)


class Demand(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The user's numbers. Raises ValueError, with all that is wrong, for those that contradict themselves.

    Each field is an option of the command: `events_per_s` is `--events-per-s`; durations and sizes are without their
    unit, `--outage` and `--event-size`.
    """

    events_per_s: Annotated[float, about("Events a second, on average, without resyncs.")]
    peak_per_s: Annotated[float, about("Events a second at the peak, without resyncs.")]
    namespaces: Annotated[int, about("Namespaces, each with a destination.")]
    event_size_bytes: Annotated[float, about("Mean size of an event's value.")] = 1_100.0
    resync_events: Annotated[int, about("Records that one resync writes at once; 0 is no resync.")] = 0
    resync_factor: Annotated[float, about("How many times as large as an event a record of a resync is.")] = 2.0
    resync_every_s: Annotated[float, about("Time between two resyncs.")] = 1_800.0
    source_retention_s: Annotated[float, about("How long the source keeps events.")] = 7_200.0
    destination_retention_s: Annotated[float, about("How long destinations keep events.")] = 7 * DAY_S
    replication: Annotated[int, about("Replication factor of source and destinations.")] = 3
    brokers: Annotated[int, about("Brokers of the cluster.")] = 3
    headroom: Annotated[float, about("Share of the ceiling that stays free at the peak, with replicas lost.")] = 0.3
    outage_s: Annotated[float, about("Longest time for which nothing is read, that has to be caught up.")] = 1_800.0
    catch_up_s: Annotated[float, about("Time in which it has to be caught up.")] = 1_800.0
    delay_s: Annotated[float, about("How late events may be before KEDA adds replicas.")] = 30.0
    replicas_lost: Annotated[int, about("Replicas that may be lost at the peak.")] = 1
    cores_per_pod: Annotated[float, about("Cores that a pod may use.")] = 2.0
    pod_memory_bytes: Annotated[int, about("Memory that a pod may use.")] = GIB
    partitions: Annotated[int | None, about("Partitions that the source has and has to keep; else the plan says.")] = (
        None
    )
    workers_max: Annotated[int, about("Most workers of a pod; 0 is as many as its cores and memory carry.")] = 0
    topic_partitions: Annotated[int, about("Partitions of a destination (TOPIC_PARTITIONS).")] = 1
    topics_max: Annotated[int, about("Topics that the cluster may have (TOPICS_MAX).")] = 10_000
    eventrouters: Annotated[int, about("Eventrouters that write to the source; 0 is anything else.")] = 0

    def __post_init__(self) -> None:
        if wrong := [text for broken, text in self._wrong() if broken]:
            raise ValueError("; ".join(wrong))

    def _wrong(self) -> list[tuple[bool, str]]:
        above_zero = (
            "events_per_s", "peak_per_s", "namespaces", "event_size_bytes", "resync_factor", "resync_every_s",
            "source_retention_s", "destination_retention_s", "replication", "brokers", "catch_up_s", "delay_s",
            "cores_per_pod", "pod_memory_bytes", "topic_partitions", "topics_max",
        )  # fmt: skip
        not_below_zero = ("resync_events", "outage_s", "replicas_lost", "workers_max", "eventrouters")
        return [
            *(
                (not math.isfinite(value), f"{name} is {value}")
                for name in self.__struct_fields__
                if isinstance(value := getattr(self, name), float)
            ),
            *((not getattr(self, name) > 0, f"{name} is {getattr(self, name)}, not above 0") for name in above_zero),
            *((getattr(self, name) < 0, f"{name} is {getattr(self, name)}, below 0") for name in not_below_zero),
            (not 0 <= self.headroom < 1, f"headroom is {self.headroom}, not from 0 to below 1"),
            (self.peak_per_s < self.events_per_s, f"the peak, {self.peak_per_s}/s, is below the average"),
            (self.partitions is not None and self.partitions < 1, f"partitions is {self.partitions}, below 1"),
            (
                self.replication > self.brokers,
                f"replication {self.replication} needs as many brokers, and there are {self.brokers}",
            ),
        ]

    @property
    def targets(self) -> int:
        """Partitions of all destinations: each batch of a producer is for one, so these are what costs."""
        return self.namespaces * self.topic_partitions

    @property
    def resync_per_s(self) -> float:
        """Records of resyncs a second, on average."""
        return self.resync_events / self.resync_every_s

    @property
    def resync_bytes(self) -> float:
        """Size of a record of a resync."""
        return self.event_size_bytes * self.resync_factor
