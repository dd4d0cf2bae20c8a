"""Loads by name: what their events are like, and what `--load` sets of a command."""

import statistics
from collections import Counter
from typing import Any, NoReturn

import click
import msgspec
import pytest
from click.testing import CliRunner

from bench.aside import AsideError
from bench.commands import compare as compare_module
from bench.commands import latency as latency_module
from bench.commands import recover as recover_module
from bench.commands import scale as scale_module
from bench.commands import sustain as sustain_module
from bench.commands import throughput as throughput_module
from bench.load import Shape
from bench.loads import LOADS, PLAIN
from fanout.demo.events import Event, Generator

EVENTS = 20_000


def events(shape: Shape, count: int = EVENTS) -> list[Event]:
    return list(shape.generator().records(count))


def of_resync(event: Event) -> bool:
    record: dict[str, Any] = msgspec.json.decode(event.value)
    return bool(record["verb"] == "UPDATED" and record["old_event"] == record["event"])


def updated(event: Event) -> bool:
    return event.value.startswith(b'{"verb":"UPDATED"')


def test_an_event_of_the_plain_shape_is_added_and_the_same_as_ever() -> None:
    shape = msgspec.structs.replace(PLAIN.shape, namespaces=20)
    assert events(shape, 5_000) == list(
        Generator(1, 20, 0.0, updated=0.0, size_bytes=1_100, headers=0.0).records(5_000)
    )


@pytest.mark.parametrize("name", LOADS)
def test_a_load_says_what_it_is_and_its_events_are_so(name: str) -> None:
    about, shape, rate = LOADS[name]
    assert f"{shape.namespaces:,} namespaces" in about
    assert f"{rate:,.0f} events/s" in about
    made = events(shape)
    assert len({event.namespace for event in made}) > shape.namespaces / 2
    assert not any(event.headers for event in made)
    assert min(len(event.value) for event in made) >= shape.size_bytes
    # A few namespaces make most of them: the busiest has many times its even share.
    assert Counter(event.namespace for event in made).most_common(1)[0][1] > 5 * EVENTS / shape.namespaces


def test_of_a_usual_load_up_to_a_sixth_is_updated_with_another_old_event_and_twice_as_large() -> None:
    made = events(LOADS["busy"].shape)
    larger = [event for event in made if updated(event)]
    usual = [event for event in made if not updated(event)]
    assert 0.1 < len(larger) / len(made) < 0.18
    assert not any(of_resync(event) for event in larger)
    ratio = statistics.mean(len(event.value) for event in larger) / statistics.mean(len(event.value) for event in usual)
    assert 1.9 < ratio < 2.2


def test_every_event_of_a_resync_is_updated_with_itself_as_old_event() -> None:
    made = events(LOADS["resync"].shape, 5_000)
    assert all(of_resync(event) for event in made)
    assert 1_900 < statistics.mean(len(event.value) for event in made) < 2_300


@pytest.mark.parametrize("share", [0.1, 0.5])
@pytest.mark.parametrize("repeated", [0.0, 1.0])
def test_a_share_of_resyncs_is_of_all_events_whatever_else_is_updated(share: float, repeated: float) -> None:
    made = events(Shape(namespaces=20, updated=repeated, resync=share))
    assert sum(of_resync(event) for event in made) / EVENTS == pytest.approx(share, abs=0.02)


@pytest.mark.parametrize("share", [0.25, 1.0])
def test_a_share_of_updates_is_of_the_repeated_ones(share: float) -> None:
    every = sum(updated(event) for event in events(Shape(namespaces=20, updated=1.0)))
    assert sum(updated(event) for event in events(Shape(namespaces=20, updated=share))) / every == pytest.approx(
        share, abs=0.03
    )


class Plans:
    """Takes the place of what a command would measure with: keeps the plan that it gets, and ends it."""

    def __init__(self) -> None:
        self.seen: list[Any] = []

    def __call__(self, plan: object, *_: object) -> NoReturn:
        self.seen.append(plan)
        raise AsideError("enough")


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> Plans:
    made = Plans()
    for module, name in (
        (compare_module, "compare"),
        (latency_module, "latency"),
        (sustain_module, "sustain"),
        (recover_module, "recover"),
        (scale_module, "scale"),
        (throughput_module, "throughput"),
    ):
        monkeypatch.setattr(module, name, made)
    return made


def run(plans: Plans, command: click.Command, *arguments: str) -> Any:  # noqa: ANN401 - a Plan of any command
    done = CliRunner().invoke(command, arguments)
    assert plans.seen, done.output
    return plans.seen[-1]


def test_a_load_sets_what_is_not_given(plans: Plans) -> None:
    hub = LOADS["hub"].shape
    plan = run(plans, compare_module.compare_command, "--load", "hub", "--peers", "")
    assert plan.destinations == [hub.namespaces]
    assert plan.shape == hub
    assert run(plans, sustain_module.sustain_command, "--load", "hub").setup.shape == hub
    assert run(plans, recover_module.recover_command, "--load", "hub").shape == hub
    for command in (throughput_module.throughput_command, scale_module.scale_command):
        assert {case.shape for case in run(plans, command, "--load", "hub").cases} == {hub}


def test_what_is_given_wins_over_the_load_wherever_it_stands(plans: Plans) -> None:
    given = ("--destinations", "7,8", "--skew", "0", "--load", "resync", "--peers", "", "--size", "500")
    plan = run(plans, compare_module.compare_command, *given)
    assert plan.destinations == [7, 8]
    assert (plan.shape.skew, plan.shape.size_bytes, plan.shape.resync) == (0.0, 500, 1.0)
    [case] = run(
        plans,
        throughput_module.throughput_command,
        "--load",
        "resync",
        "--skew",
        "0",
        "--size",
        "500",
        "--destinations",
        "7",
    ).cases
    assert case.shape == msgspec.structs.replace(LOADS["resync"].shape, namespaces=7, skew=0.0, size_bytes=500)
    cases = run(plans, scale_module.scale_command, "--destinations", "7", "--load", "busy").cases
    assert {each.shape for each in cases} == {msgspec.structs.replace(LOADS["busy"].shape, namespaces=7)}
    setup = run(plans, latency_module.latency_command, "--namespaces", "7", "--load", "churn").setup
    assert setup.shape == msgspec.structs.replace(LOADS["churn"].shape, namespaces=7)


def test_without_a_load_the_events_are_the_plain_ones(plans: Plans) -> None:
    plan = run(plans, compare_module.compare_command, "--peers", "")
    assert plan.destinations == [20, 100, 1_000]
    assert plan.shape == Shape(namespaces=0)
    throughput = run(plans, throughput_module.throughput_command)
    assert [case.shape for case in throughput.cases] == [Shape(namespaces=count) for count in (20, 100, 1_000)]
    assert {case.shape for case in run(plans, scale_module.scale_command).cases} == {Shape(namespaces=100)}
    latency = run(plans, latency_module.latency_command, "--sustained", "1000")
    assert latency.setup.shape == Shape(namespaces=100)


def test_latency_takes_the_rate_of_the_load_unless_another_is_given(plans: Plans) -> None:
    def rates(*arguments: str) -> list[float]:
        return [step.rate for step in run(plans, latency_module.latency_command, "--load", "churn", *arguments).steps]

    assert rates() == [484]
    assert rates("--rates", "10,20") == [10, 20]
    assert rates("--sustained", "1000")[1:] == [100, 500, 700, 900]


@pytest.mark.parametrize(
    "command",
    [
        compare_module.compare_command,
        latency_module.latency_command,
        scale_module.scale_command,
        sustain_module.sustain_command,
        throughput_module.throughput_command,
    ],
)
def test_the_help_says_what_each_load_is(command: click.Command) -> None:
    text = " ".join(CliRunner().invoke(command, ["--help"]).output.split())
    assert all(f"{name}: {load.about}" in text for name, load in LOADS.items())
