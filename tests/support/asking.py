"""Asks a replica over HTTP, as probes, pages and people do."""

import time
import urllib.error
import urllib.request
from collections.abc import Callable

import msgspec

from bench.broker.place import free_ports
from fanout.status.state import Finding, Status
from tests.support.topics import wait_until

ANSWER_S = 10.0


def free_port() -> int:
    """A port of loopback at which nothing listens now, and which no outgoing connection is given."""
    [port] = free_ports(1)
    return port


class Asked:
    """The replica at this port of loopback."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.settings = {"HTTP_HOST": "127.0.0.1", "HTTP_PORT": str(port)}

    def get(self, path: str) -> tuple[int, str]:
        """The code and the text of the answer; 0 where nothing listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=ANSWER_S) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def status(self) -> Status:
        """Its status. Raises AssertionError where it does not tell."""
        code, text = self.get("/status")
        assert code == 200, text
        return msgspec.json.decode(text, type=Status)

    def wait(self, condition: Callable[[Status], object], within_s: float, what: str) -> Status:
        """The first status for which this holds."""
        seen: list[Status] = []

        def holds() -> bool:
            if self.get("/status")[0] == 200:
                seen.append(self.status())
            return bool(seen) and bool(condition(seen[-1]))

        try:
            wait_until(holds, within_s, what)
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{seen[-1] if seen else 'no answer'}") from None
        return seen[-1]

    def wait_code(self, path: str, code: int, within_s: float) -> str:
        """Wait for this code; the text that comes with it."""
        deadline = time.monotonic() + within_s
        while (answer := self.get(path))[0] != code:
            assert time.monotonic() < deadline, f"{path}: {answer}"
            time.sleep(0.1)
        return answer[1]


def finding(status: Status, kind: str) -> Finding | None:
    """The finding of this kind, if there is one."""
    return next((found for found in status.findings if found.kind == kind), None)
