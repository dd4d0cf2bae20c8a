"""The page of the real program, on a real Kafka, under load."""

import os
import signal
from pathlib import Path

from bench.broker import LocalKafka
from bench.broker.place import free_ports
from bench.program import Program
from tests.browser.browser import NARROW, WIDE, Browser
from tests.support.load import Load
from tests.support.topics import wait_until

DEADLINE_S = 60.0
PARTITIONS = 4
NAMESPACES = [f"team-{number}" for number in range(25)]


def test_the_page_of_a_program_under_load(page: Browser, kafka: LocalKafka, prefix: str, pictures: Path) -> None:
    topic = f"{prefix}source"
    kafka.create_topic(topic, partitions=PARTITIONS)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}/"
    settings = {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": port, "TOPIC_TEMPLATE": f"{prefix}{{namespace}}"}
    with (
        Program(kafka.bootstrap, topic, f"{prefix}group", **settings) as program,
        Load(kafka.bootstrap, topic, NAMESPACES, rate=400, partitions=PARTITIONS),
    ):
        program.wait_for("listening", DEADLINE_S)
        page.open(url, WIDE)
        wait_until(lambda: page.text("#word") == "OK", DEADLINE_S, "that all is well")
        wait_until(lambda: page.text("#rate-out") not in ("", "0"), DEADLINE_S, "events that go out")
        wait_until(lambda: page.text("#namespaces tbody").count(prefix) == 10, DEADLINE_S, "the busiest namespaces")
        assert page.run("return document.querySelectorAll('#partitions tbody tr').length") == PARTITIONS
        assert page.text("#workers tbody tr td:nth-child(2) .text") in {str(pid) for pid in program.workers()}
        assert page.messages() == []
        assert [name for name in page.requests() if not name.startswith(url)] == []
        assert page.violations() == []
        page.picture(pictures / "real-wide-light.png")
        page.open(url, NARROW, "dark")
        wait_until(lambda: page.text("#word") == "OK", DEADLINE_S, "that all is well, on a small screen")
        assert page.run("return document.documentElement.scrollWidth") <= NARROW[0]
        assert page.violations() == []
        page.picture(pictures / "real-narrow-dark.png")
        os.kill(program.worker(2), signal.SIGKILL)
        wait_until(lambda: "killed" in page.text("#workers tbody"), DEADLINE_S, "the end of the worker that was killed")
