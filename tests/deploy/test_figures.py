"""The figures in the manifests that follow from others: from settings, from the plan, from what was measured."""

import re
import shlex
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec import json

from bench.commands.plan import plan_command
from bench.plan.figures import Plan
from fanout import client
from fanout.config import load
from fanout.settings import Settings
from tests.deploy.kustomize import (
    DEPLOY,
    DEV,
    EACH,
    PROD,
    Manifest,
    containers_of,
    manifests,
    of_kind,
    one,
    pods_of,
    variables_of,
)

UNITS = {"": 1.0, "m": 1e-3, "Mi": 2.0**20, "Gi": 2.0**30}
SEED_RETENTION_MS = 7_200_000  # retention.ms of cluster-events in the manifests of the original
SEGMENTS = 1.1  # what is kept with a segment of a tenth of the retention
FILLED_MOST = 0.75  # of a disk
# Eventrouter, measured (deploy/README.md): a fixed part, and one for each event of the last hour; CPU for each event.
EVENTROUTER_BYTES, EVENT_BYTES = 60e6, 4.4e3
CPU_S = {"eventrouter": 250e-6, "kafka-proxy": 160e-6}
HOUR_S = 3_600
BUSY_PER_S = 100  # of a busy cluster: bench/plan/stories.py
WRITES_MOST_PER_S = 2_000  # more than one Eventrouter was seen to write


def number(quantity: object) -> float:
    """A quantity of Kubernetes in cores or bytes."""
    found = re.fullmatch(r"([\d.]+)([a-zA-Z]*)", str(quantity))
    assert found is not None, quantity
    return float(found[1]) * UNITS[found[2]]


@cache
def plan(overlay: Path) -> Plan:
    """What the command in deploy/README.md says."""
    found = re.search(rf"# {overlay.name}: .*\npython -m bench plan (.*)", (DEPLOY / "README.md").read_text())
    assert found is not None
    arguments = [str(DEPLOY.parent / word) if "/" in word else word for word in shlex.split(found[1])]
    done = CliRunner().invoke(plan_command, [*arguments, "--output", "json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return json.decode(done.output, type=Plan)


def settings_of(overlay: Path) -> Settings:
    """As the program sees them, but for the way into Kafka."""
    given = {name: value for name, value in variables_of(overlay).items() if not name.startswith("KAFKA_")}
    return load(given, {}).settings


def spec(overlay: Path, kind: str, name: str) -> Manifest:
    """What it is to be."""
    found: Manifest = one(manifests(overlay), kind, name)["spec"]
    return found


def container(overlay: Path, deployment: str, name: str) -> Manifest:
    """One container of a Deployment."""
    return containers_of(one(manifests(overlay), "Deployment", deployment))[name]


def replicas(overlay: Path) -> list[int]:
    """How many there may be."""
    if overlay == DEV:
        return [spec(DEV, "Deployment", "events-fanout")["replicas"]]
    scaled = spec(PROD, "ScaledObject", "events-fanout")
    return list(range(scaled["minReplicaCount"], scaled["maxReplicaCount"] + 1))


def test_each_plan_is_possible_and_the_size_is_the_plans() -> None:
    assert (plan(PROD).possible, plan(DEV).possible) == (True, True)
    assert spec(DEPLOY / "base", "Deployment", "events-fanout")["replicas"] == plan(PROD).size.replicas.value


@EACH
def test_the_resources_are_those_of_the_plan(overlay: Path) -> None:
    size = plan(overlay).size
    resources = container(overlay, "events-fanout", "events-fanout")["resources"]
    assert number(resources["requests"]["cpu"]) == pytest.approx(size.cpu_request.value)
    assert number(resources["limits"]["cpu"]) == pytest.approx(size.cpu_limit.value)
    assert number(resources["requests"]["memory"]) == number(resources["limits"]["memory"]) == size.memory.value
    assert settings_of(overlay).workers_max == size.workers.value


@EACH
def test_the_source_is_that_of_the_plan_and_keeps_no_less_than_the_seeds(overlay: Path) -> None:
    topic = spec(overlay, "KafkaTopic", settings_of(overlay).topic)
    demand = plan(overlay).demand
    assert topic["partitions"] == plan(overlay).size.partitions.value
    assert topic["replicas"] == demand.replication
    assert topic["config"]["retention.ms"] == demand.source_retention_s * 1000 >= SEED_RETENTION_MS
    assert topic["config"]["segment.ms"] * 10 == topic["config"]["retention.ms"]


@EACH
def test_destinations_keep_as_long_as_the_plan_says(overlay: Path) -> None:
    config = settings_of(overlay).topic_config
    assert int(config["retention.ms"]) == plan(overlay).demand.destination_retention_s * 1000
    assert int(config["segment.ms"]) * 10 == int(config["retention.ms"])


@EACH
def test_every_number_of_replicas_shares_the_partitions_evenly_and_none_idles(overlay: Path) -> None:
    partitions = spec(overlay, "KafkaTopic", "cluster-events")["partitions"]
    workers = settings_of(overlay).workers_max
    assert [count for count in replicas(overlay) if partitions % count or count * workers > partitions] == []


@EACH
def test_the_dead_letters_are_as_the_program_would_make_them(overlay: Path) -> None:
    settings = settings_of(overlay)
    topic = spec(overlay, "KafkaTopic", settings.dead_letter_topic)
    source = spec(overlay, "KafkaTopic", settings.topic)["config"]
    source_max = source.get("max.message.bytes", client.DEFAULT_MESSAGE_MAX_BYTES)
    assert topic["partitions"] == settings.topic_partitions
    assert topic["config"]["max.message.bytes"] == source_max + client.HEADER_ROOM_BYTES
    assert topic["config"]["message.timestamp.after.max.ms"] == 2**63 - 1
    assert "retention.ms" not in topic["config"]


@EACH
def test_the_replicas_of_a_topic_fit_the_brokers(overlay: Path) -> None:
    config = spec(overlay, "Kafka", "events")["kafka"]["config"]
    pools = of_kind(manifests(overlay), "KafkaNodePool").values()
    brokers = sum(pool["spec"]["replicas"] for pool in pools if "broker" in pool["spec"]["roles"])
    wanted = {
        config[f"{name}replication.factor"] for name in ("default.", "offsets.topic.", "transaction.state.log.")
    } | {topic["spec"]["replicas"] for topic in of_kind(manifests(overlay), "KafkaTopic").values()}
    assert wanted == {brokers} == {plan(overlay).demand.brokers}
    assert config["min.insync.replicas"] == config["transaction.state.log.min.isr"] == (brokers + 1) // 2
    assert config["auto.create.topics.enable"] is False


@EACH
def test_the_disks_hold_what_the_plan_keeps(overlay: Path) -> None:
    pools = [pool["spec"] for pool in of_kind(manifests(overlay), "KafkaNodePool").values()]
    [brokers] = [pool for pool in pools if "broker" in pool["roles"]]
    disks = number(brokers["storage"]["size"]) * brokers["replicas"] * FILLED_MOST
    source, destinations = plan(overlay).broker.source_disk, plan(overlay).broker.destination_disk
    assert (source.value + destinations.value) * SEGMENTS < disks
    # Topics that are there already keep Kafka's segments of seven days: who tries dev may have some.
    assert overlay == PROD or source.high + destinations.high < disks


def test_the_brokers_have_what_the_plan_asks_of_them() -> None:
    broker = plan(PROD).broker
    assert broker.cores is not None
    assert number(spec(PROD, "KafkaNodePool", "broker")["resources"]["requests"]["cpu"]) > broker.cores.high


@EACH
def test_the_grace_period_leaves_half_as_much_as_the_stop_may_take(overlay: Path) -> None:
    pods = pods_of(one(manifests(overlay), "Deployment", "events-fanout"))["spec"]
    assert pods["terminationGracePeriodSeconds"] == 1.5 * settings_of(overlay).stop_timeout_ms / 1000


@EACH
def test_the_probes_are_slower_than_what_the_program_mends_by_itself(overlay: Path) -> None:
    settings = settings_of(overlay)
    probes = container(overlay, "events-fanout", "events-fanout")
    live, start = probes["livenessProbe"], probes["startupProbe"]
    assert live["periodSeconds"] * live["failureThreshold"] * 1000 > max(settings.lease_ms, settings.stall_ms)
    assert start["periodSeconds"] * start["failureThreshold"] >= plan(overlay).demand.outage_s
    assert [probes[each]["httpGet"]["path"] for each in ("startupProbe", "readinessProbe", "livenessProbe")] == [
        "/startupz",
        "/readyz",
        "/livez",
    ]
    assert probes["ports"] == [{"name": "http", "containerPort": settings.http_port}]


def test_keda_scales_as_the_plan_says() -> None:
    keda, times = plan(PROD).keda, plan(PROD).times
    scaled = spec(PROD, "ScaledObject", "events-fanout")
    [trigger] = scaled["triggers"]
    given, settings = trigger["metadata"], settings_of(PROD)
    assert int(given["lagThreshold"]) == keda.lag_threshold.value
    assert scaled["minReplicaCount"] == keda.replicas_min.value
    assert scaled["maxReplicaCount"] == keda.replicas_max.value
    assert scaled["pollingInterval"] == plan(PROD).demand.delay_s
    assert (given["topic"], given["consumerGroup"]) == (settings.topic, settings.groupid)
    behavior = scaled["advanced"]["horizontalPodAutoscalerConfig"]["behavior"]
    assert times.catch_up is not None
    assert behavior["scaleDown"]["stabilizationWindowSeconds"] > times.catch_up.high
    steps = {policy["value"] for each in behavior.values() for policy in each["policies"]}
    assert steps == {scaled["maxReplicaCount"] - scaled["minReplicaCount"]}


@EACH
def test_eventrouter_has_the_memory_for_an_hour_of_events(overlay: Path) -> None:
    resources = container(overlay, "eventrouter", "eventrouter")["resources"]
    hour = plan(overlay).demand.events_per_s * HOUR_S
    at_least = {"limits": hour, "requests": BUSY_PER_S * HOUR_S if overlay == PROD else hour}
    for what, events in at_least.items():
        assert number(resources[what]["memory"]) > EVENTROUTER_BYTES + EVENT_BYTES * events


def test_eventrouter_and_its_proxy_have_the_cpu_for_what_it_writes() -> None:
    for name, each_s in CPU_S.items():
        resources = container(PROD, "eventrouter", name)["resources"]
        assert number(resources["requests"]["cpu"]) >= BUSY_PER_S * each_s
        assert number(resources["limits"]["cpu"]) >= WRITES_MOST_PER_S * each_s
