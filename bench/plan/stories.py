"""Five demands, each of a kind of user. Where a number comes from stands beside it; rates are of Kubernetes events.

An idle cluster makes 1 to 5 events a second, a busy one 100 to 500. Fifty thousand pods churned in five minutes make
484 a second, five for each pod's life. An API server with EventRateLimit as it is commonly set takes 5 000. ADDED is
860 to 1 142 bytes, UPDATED with its old_event 1 710 to 2 274: twice as large. Every thirty minutes Eventrouter writes
all events of the last hour again as UPDATED, which are rate x 3 600 records.
"""

from typing import NamedTuple

from bench.plan.demand import DAY_S, GIB, Demand

HOUR_S = 3_600.0
MIB = 2**20


class Story(NamedTuple):
    """A demand, and whose it is."""

    about: str
    demand: Demand


STORIES: dict[str, Story] = {
    "small": Story(
        "a small team's cluster: hardly any events, and pods that should cost next to nothing",
        Demand(
            events_per_s=5,  # the upper end of idle
            peak_per_s=100,  # a deployment of everything at once: the lower end of busy
            namespaces=30,
            resync_events=18_000,  # 5/s x 3 600 s
            outage_s=HOUR_S,  # nobody is on call
            catch_up_s=HOUR_S / 4,
            cores_per_pod=0.5,
            pod_memory_bytes=512 * MIB,
            eventrouters=1,
        ),
    ),
    "churn": Story(
        "a cluster of 500 nodes whose pods come and go: as many events as one API server takes",
        Demand(
            events_per_s=484,  # 50 000 pods in five minutes, all the time
            peak_per_s=5_000,  # what EventRateLimit lets through
            namespaces=500,
            resync_events=1_742_400,  # 484/s x 3 600 s
            outage_s=HOUR_S,
            catch_up_s=HOUR_S / 2,
            source_retention_s=6 * HOUR_S,
            cores_per_pod=2,
            pod_memory_bytes=GIB,
        ),
    ),
    "hub": Story(
        "a hub for fifty clusters: their events in one Kafka, mirrored in batches",
        Demand(
            events_per_s=10_000,  # fifty busy clusters of 200/s each
            peak_per_s=50_000,  # 1 000/s each
            namespaces=5_000,  # a hundred each, prefixed by cluster
            resync_events=720_000,  # one cluster's 200/s x 3 600 s
            resync_every_s=36,  # each of the fifty every 30 min
            source_retention_s=12 * HOUR_S,
            destination_retention_s=3 * DAY_S,
            brokers=6,  # of three, each would bear more than 5 000 replicas of partitions
            outage_s=HOUR_S,
            catch_up_s=2 * HOUR_S,
            cores_per_pod=4,
            pod_memory_bytes=4 * GIB,
            topics_max=20_000,
        ),
    ),
    "seed": Story(
        "the manifests of the original program: one partition, two hours of retention",
        Demand(
            events_per_s=100,  # a busy cluster
            peak_per_s=500,  # its upper end, and about what one Eventrouter writes
            namespaces=50,
            resync_events=360_000,  # 100/s x 3 600 s
            source_retention_s=2 * HOUR_S,  # retention.ms: 7200000
            destination_retention_s=2 * HOUR_S,
            partitions=1,
            outage_s=HOUR_S,
            catch_up_s=HOUR_S / 4,
            cores_per_pod=1,
            pod_memory_bytes=512 * MIB,
            eventrouters=1,
        ),
    ),
    "resync": Story(
        "a resync of 400 000 records at once, which must not make tenants wait for long",
        # At once, and so not from Eventrouter, which writes some hundreds a second and takes a quarter of an hour.
        Demand(
            events_per_s=111,  # 400 000 / 3 600 s
            peak_per_s=500,
            namespaces=200,
            resync_events=400_000,
            outage_s=HOUR_S / 2,
            catch_up_s=HOUR_S / 4,
            cores_per_pod=2,
            pod_memory_bytes=GIB,
        ),
    ),
}
