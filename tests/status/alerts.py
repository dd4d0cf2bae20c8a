"""Which alerts (deploy/components/monitoring) fire after a change of the metrics, asked of Prometheus's own tool."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from fanout.metrics import catalogue
from tests.status.said import Alert
from tests.status.samples import Samples, Series

RULES = Path(__file__).parents[2] / "deploy" / "components" / "monitoring" / "rules.yaml"
CHANGE_MIN = 20  # before it all is as before, for longer than any rule looks back but the hour of what expired
LASTS_MIN = 15
_ADDED = 'job="events-fanout", namespace="events", instance="{}"'


Pair = tuple[Samples, Samples]


def firing(replicas: Sequence[Pair], now: float) -> list[Alert]:
    """Each alert once, with the minutes after which it fires if all samples stay as they are after the change.

    Of each replica the samples before and after; `now` is when those were taken, in seconds since the epoch.
    """
    path = shutil.which("promtool")
    assert path is not None, "promtool is missing: `make tools` installs it (Debian's package prometheus)"
    minutes = range(1, LASTS_MIN + 1)
    case = {
        "interval": "1m",
        "input_series": [
            {"series": _named(series, number), "values": _values(series, before.get(series), after, now)}
            for number, (before, after) in enumerate(replicas)
            for series in {**before, **after}
        ],
        "promql_expr_test": [
            {"expr": 'ALERTS{alertstate="firing"}', "eval_time": f"{CHANGE_MIN + minute}m", "exp_samples": []}
            for minute in minutes
        ],
    }
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "test.yaml"
        place.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "evaluation_interval": "1m", "tests": [case]}))
        done = subprocess.run([path, "test", "rules", place], capture_output=True, text=True, timeout=60, check=False)
    return _told(done.stdout + done.stderr)


def _named(series: Series, replica: int) -> str:
    inner = ", ".join([*(f'{label}="{value}"' for label, value in series.labels), _ADDED.format(replica)])
    return f"{series.name}{{{inner}}}"


def _values(series: Series, was: float | None, after: Samples, now: float) -> str:
    """As promtool writes a series: one value a minute. There the time begins at 0."""
    value = after.get(series)
    if series.name == catalogue.LAST_PROGRESS.name and value is not None:
        # Without anything to deliver it goes on with the time.
        waits = after.get(Series(catalogue.LAG_RECORDS.name, series.labels), 0.0) > 0
        stood = CHANGE_MIN * 60 - (now - value)
        return f"0+60x{CHANGE_MIN - 1} {stood:.0f}+{0 if waits else 60}x{LASTS_MIN}"
    if series.name == catalogue.START_TIME.name and was is not None and value is not None:
        was, value = 0.0, value - was
    first = f"{was}x{CHANGE_MIN - 1}" if was is not None else f"_x{CHANGE_MIN}"
    if value is None:
        return f"{first} stale"
    return f"{first} {value}x{LASTS_MIN}"


def _told(output: str) -> list[Alert]:
    found: dict[tuple[str, str], int] = {}
    for minute, text in re.findall(r"time: (\d+)m.*?got:(.*?)(?=expr:|\Z)", output, re.DOTALL):
        for name, severity in re.findall(r'alertname="(\w+)"[^}]*severity="(\w+)"', text):
            found.setdefault((name, severity), int(minute) - CHANGE_MIN)
    if not found:
        assert "SUCCESS" in output, output
    return sorted(Alert(minutes, name, severity) for (name, severity), minutes in found.items())
