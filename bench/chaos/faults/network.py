"""Faults of the network between the program and the broker, done by proxies."""

import random
import time
from collections.abc import Callable

from bench.chaos.faults.base import Done, Fault, nothing_after
from bench.chaos.stage import Stage
from bench.network import Proxy

PRODUCE = 0  # API key


def _for_a_while(begin: Callable[[Proxy, random.Random], str]) -> Fault:
    """A fault of all connections that lasts some seconds."""

    def fault(stage: Stage, rng: random.Random) -> Done | None:
        seconds = rng.choice([1.0, 2.0, 4.0])
        details = [begin(proxy, rng) for proxy in stage.proxies]
        time.sleep(seconds)
        for proxy in stage.proxies:
            proxy.clear()
        return Done(f"{details[0]} for {seconds:g} s", time.monotonic())

    return fault


def _slow(proxy: Proxy, rng: random.Random) -> str:
    delay_s = rng.choice([0.005, 0.05, 0.3])
    proxy.delay(delay_s)
    return f"{delay_s * 1000:g} ms each way"


def _throttled(proxy: Proxy, rng: random.Random) -> str:
    rate = rng.choice([50_000, 200_000, 1_000_000])
    proxy.throttle(rate)
    return f"{rate // 1000} kB/s"


def _refused(proxy: Proxy, _: random.Random) -> str:
    proxy.refuse()
    return "no connection"


def _hangs(proxy: Proxy, _: random.Random) -> str:
    proxy.hang()
    return "nothing goes through"


def _cut(stage: Stage, _: random.Random) -> Done | None:
    for proxy in stage.proxies:
        proxy.cut()
    return nothing_after("all connections")


def _cut_in_produce(stage: Stage, rng: random.Random) -> Done | None:
    """In the middle of a produce request, several times."""
    times = rng.randint(1, 4)
    for _ in range(times):
        for proxy in stage.proxies:
            proxy.cut_in_request(PRODUCE, after_bytes=rng.choice([8, 60, 400]))
        time.sleep(0.4)
    for proxy in stage.proxies:
        proxy.clear()
    return nothing_after(f"{times} times")


def _answers_dropped(stage: Stage, rng: random.Random) -> Done | None:
    """What was written looks as if it had failed."""
    count = rng.randint(1, 8)
    for proxy in stage.proxies:
        proxy.drop_answers(PRODUCE, count)
    time.sleep(2.0)
    for proxy in stage.proxies:
        proxy.clear()
    return nothing_after(f"of {count} produce requests")


NETWORK: dict[str, Fault] = {
    "network-slow": _for_a_while(_slow),
    "network-throttled": _for_a_while(_throttled),
    "network-refused": _for_a_while(_refused),
    "network-hangs": _for_a_while(_hangs),
    "network-cut": _cut,
    "network-cut-in-produce": _cut_in_produce,
    "network-answers-dropped": _answers_dropped,
}
