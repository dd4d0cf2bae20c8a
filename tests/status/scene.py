"""A replica to which something happens, and who writes down what it says."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from bench.broker import LocalKafka
from bench.broker.place import free_ports
from bench.program import Program
from fanout.errors import FanoutError
from fanout.status.kinds import FindingKind
from fanout.status.state import Finding, Status
from fanout.watching import page
from fanout.watching.ask import ask
from tests.status import said
from tests.status.alerts import Pair, firing
from tests.status.samples import Samples, parse, telling
from tests.support.asking import Asked, finding
from tests.support.load import write
from tests.support.samples import event
from tests.support.topics import Record

WITHIN_S = 120.0
LOOK_S = 0.3
PROBES = ("/livez", "/readyz")
GOOD = 30  # good events around a bad one: it is no large share of them
# Fields of the log that tell nothing in a table, or are told in a place of their own.
_HIDDEN = {"@timestamp", "at", "message", "advice", "role", "pid", "lived_s", "retry_in_s", "repeated"}


class Scene:
    """One replica. Its group, its source and its destinations are named after it."""

    def __init__(self, kafka: LocalKafka, name: str, program: Program, replica: Asked) -> None:
        self.kafka, self.name, self.program, self.replica = kafka, name, program, replica
        self.source, self.dead_letters = f"{name}-source", f"{name}-source-dlq"
        self._written = 0
        self._line, self._before, self._at = 0, Samples(), time.monotonic()

    def destination(self, namespace: str = "team-a") -> str:
        """The topic of a namespace."""
        return f"{self.name}.{namespace}"

    def events(self, count: int = GOOD, namespace: str = "team-a", partition: int = 0) -> list[Record]:
        """Good ones that there were not yet."""
        first, self._written = self._written, self._written + count
        return [
            Record(event(namespace, "pod", number, padding=""), b"pod", partition=partition)
            for number in range(first, self._written)
        ]

    def write(self, *records: Record) -> None:
        """To the source."""
        write(self.kafka.bootstrap, self.source, records)

    def wait(self, condition: Callable[[Status], object], what: str, within_s: float = WITHIN_S) -> Status:
        """The first status for which this holds; asked some times a second."""
        deadline, last = time.monotonic() + within_s, "no answer"
        while True:
            code, text = self.replica.get("/status")
            if code == 200:
                status = msgspec.json.decode(text, type=Status)
                if condition(status):
                    return status
                last = f"{status.headline} {status.findings} {status.totals}"
            assert time.monotonic() < deadline, f"{self.name}: after {within_s:g} s still waiting for {what}: {last}"
            time.sleep(LOOK_S)

    def calm(self, delivered: int = 0) -> None:
        """Wait until all is well, and count and time from now on."""
        self.wait(
            lambda now: now.state == "ok" and now.partitions and all(each.looked_at for each in now.partitions)
            and all(worker.pid for worker in now.workers) and now.totals.get("delivered", 0) >= delivered,
            "calm",
        )  # fmt: skip
        self.mark()

    def mark(self) -> None:
        """Something happens now."""
        self._before, self._line, self._at = self.samples(), len(self.program.log()), time.monotonic()

    def mark_start(self) -> None:
        """It happens from the start: before, there was nothing."""
        self._before, self._line, self._at = {}, 0, self.program.started_at

    def samples(self) -> Samples:
        """Its metrics now; none if it does not answer."""
        code, text = self.replica.get("/metrics")
        return parse(text) if code == 200 else {}

    @property
    def pair(self) -> Pair:
        """Its metrics before and now."""
        return self._before, self.samples()

    def changed(self, metric: str) -> bool:
        """Whether a metric that begins like this is another one than before."""
        return any(change.series.startswith(f"events_fanout_{metric}") for change in telling(*self.pair))

    def told(self, message: str) -> bool:
        """Whether the log has this message since what happened."""
        return any(line.get("message") == message for line in self.program.log()[self._line :])

    def says(
        self,
        case: str,
        kind: FindingKind | None,
        *,
        metric: str = "",
        log: str = "",
        besides: tuple[str, ...] = (),
        beside: "Scene | None" = None,
        caught_up: bool = False,
    ) -> said.Said:
        """Wait until it says this, and record all that it says then.

        A finding of this kind (None: none at all), a change of a metric (its name begins with `metric`), and a line
        with the message `log`. Lines of level info are recorded if they are among `besides`. `beside` is another
        replica of the same group. `caught_up` waits until there is nothing left to deliver, where delivery goes on.
        """

        def holds(status: Status) -> bool:
            found = finding(status, kind) if kind is not None else not status.findings
            delivered = not caught_up or (
                all(each.lag_records == 0 for each in status.partitions) and all(each.pid for each in status.workers)
            )
            return bool(found) and delivered and (not log or self.told(log)) and (not metric or self.changed(metric))

        what = f"{kind}, {metric or 'no metric'}, {log or 'no line'}"
        self.wait(holds, what)
        status = self.wait(holds, what)  # anew: the log or the metrics may have been the last to tell
        after_s = time.monotonic() - self._at
        pairs = [scene.pair for scene in (self, beside) if scene is not None]
        whole = said.Said(
            case=case,
            after_s=round(after_s, 1),
            headline=self._named(page.lines(status)[0]),
            findings=[self._plain(found) for found in status.findings],
            failures=[self._named(text) for text in _failures(status)],
            probes={path: self._named("{} {}".format(*self.replica.get(path)).strip()) for path in PROBES},
            metrics=telling(*pairs[0]),
            alerts=firing(pairs, time.time()),
            log=self._lines({log, *besides}),
        )
        said.keep(whole, kind, log)
        return whole

    def is_silent(self, case: str, log: str = "") -> said.Said:
        """It is gone: record what whoever asks is told. `log` is a line of it, told before."""
        try:
            ask(f"http://127.0.0.1:{self.replica.port}")
        except FanoutError as error:
            headline = self._named(str(error))
        whole = said.Said(
            case=case, after_s=round(time.monotonic() - self._at, 1), headline=headline, findings=[], failures=[],
            probes={path: "no answer" for path in PROBES if self.replica.get(path)[0] == 0}, metrics=[],
            alerts=firing([(self._before, {})], time.time()), log=self._lines({log}),
        )  # fmt: skip
        said.keep(whole, None, log)
        return whole

    def is_over(self, kind: FindingKind, within_s: float = WITHIN_S) -> None:
        """Wait until the finding is gone."""
        self.wait(lambda now: finding(now, kind) is None, f"{kind} to be over", within_s)

    def _lines(self, wanted: set[str]) -> list[said.Line]:
        """Warnings and worse since what happened, and what is wanted besides: each message once, as it came first."""
        found: dict[str, said.Line] = {}
        for line in self.program.log()[self._line :]:
            message = str(line["message"])
            if str(line.get("log.logger", "")).startswith("librdkafka."):
                message = "a line of the Kafka client"
            if line["log.level"] not in {"warning", "error", "critical"} and message not in wanted:
                continue
            fields = {key: self._named(str(value)) for key, value in line.items() if _tells(key)}
            if message != line["message"]:
                fields = {"text": self._named(str(line["message"]))}
            advice = self._named(str(line.get("advice", "")))
            found.setdefault(message, said.Line(str(line["log.level"]), message, advice, fields))
        return list(found.values())

    def _plain(self, found: Finding) -> Finding:
        return msgspec.structs.replace(found, text=self._named(found.text), advice=self._named(found.advice))

    def _named(self, text: str) -> str:
        """With the names of the page's example in place of its own."""
        for own, example in {
            self.source: "cluster-events", f"{self.name}.": "k8s-events.", self.name: "events-fanout",
        }.items():  # fmt: skip
            text = text.replace(own, example)
        text = text.replace(f"127.0.0.1:{self.replica.port}", "127.0.0.1:8080")
        return re.sub(r"127\.0\.0\.1:(?!8080\b)\d+", "127.0.0.1:9092", text)


def _failures(status: Status) -> list[str]:
    """The last failure of each worker."""
    rows = [row for table in page.tables(status) if table.title == "Workers" for row in table.rows]
    return [row[-1] for row in rows if row[-1]]


def _tells(key: str) -> bool:
    """Whether a field of the log is one of ours, or what an error says."""
    return key not in _HIDDEN and ("." not in key or key == "error.message")


@contextmanager
def replica(kafka: LocalKafka, name: str, **settings: object) -> Iterator[Scene]:
    """A replica of the group `name`; ENDPOINT is given where it is not the plain one. Its source is there."""
    asked = Asked(free_ports(1)[0])
    given = {"TOPIC_TEMPLATE": name + ".{namespace}", **asked.settings, **settings}
    endpoint = str(given.pop("ENDPOINT", kafka.bootstrap))
    with Program(endpoint, f"{name}-source", name, **given).may_break() as program:
        yield Scene(kafka, name, program, asked)
