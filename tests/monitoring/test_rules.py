"""The alert rules, as Prometheus takes them: they hold, each fires and is silent, and each names what there is."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.monitoring import prometheus_rule
from tests.monitoring.conftest import Promtool
from tests.support.promql import unknown

FOLDER = Path(__file__).parents[2] / "deploy" / "components" / "monitoring"
RULES = yaml.safe_load((FOLDER / "rules.yaml").read_text())
ALERTS: list[dict[str, Any]] = RULES["groups"][0]["rules"]
NAMES = [f"{alert['alert']}-{alert['labels']['severity']}" for alert in ALERTS]


def run_cases(promtool: Promtool, folder: Path, change: Callable[[list[dict[str, Any]]], None]) -> str:
    """The cases of rules_test.yaml on rules that are changed like this; what fails, or empty."""
    rules = yaml.safe_load((FOLDER / "rules.yaml").read_text())
    change(rules["groups"][0]["rules"])
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules))
    shutil.copy(FOLDER / "rules_test.yaml", folder)
    done = promtool("test", "rules", folder / "rules_test.yaml")
    return "" if done.returncode == 0 else done.stdout + done.stderr


def told(output: str) -> set[str]:
    """The alerts that promtool tells of, named as in NAMES."""
    return {"-".join(found) for found in re.findall(r'alertname="(\w+)"[^}]*severity="(\w+)"', output)}


def test_the_rules_are_rules(promtool: Promtool) -> None:
    done = promtool("check", "rules", FOLDER / "rules.yaml")
    assert (done.returncode, f"{len(ALERTS)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr


def test_the_prometheus_rule_is_made_of_them() -> None:
    assert prometheus_rule.PATH.read_text() == prometheus_rule.page(), "make docs"
    assert yaml.safe_load(prometheus_rule.page())["spec"] == RULES


def test_every_case_holds(promtool: Promtool, tmp_path: Path) -> None:
    assert run_cases(promtool, tmp_path, lambda _: None) == ""


def test_each_rule_has_a_case_in_which_it_fires(promtool: Promtool, tmp_path: Path) -> None:
    def never(alerts: list[dict[str, Any]]) -> None:
        for alert in alerts:
            alert["expr"] = "vector(0) > 1"

    assert told(run_cases(promtool, tmp_path, never)) == set(NAMES)


def test_each_rule_has_a_case_in_which_it_is_silent(promtool: Promtool, tmp_path: Path) -> None:
    def always(alerts: list[dict[str, Any]]) -> None:
        for alert in alerts:
            alert |= {"expr": "max by (job) (events_fanout_start_time_seconds) >= 0", "for": "0s"}

    silent = run_cases(promtool, tmp_path, always).partition("exp: nil")[2].partition("expr:")[0]
    assert told(silent) == set(NAMES)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_a_rule_names_only_metrics_and_labels_that_exist(alert: dict[str, Any]) -> None:
    assert unknown(alert["expr"]) == []


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_a_rule_says_what_it_means_and_where_to_read_on(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert alert["annotations"].keys() == {"summary", "description", "runbook_url"}
    assert alert["annotations"]["runbook_url"].startswith("docs/runbook.md#")


def test_what_does_not_exist_is_found() -> None:
    assert unknown('sum by (job, color) (events_fanout_records_total{outcome="x", kind!="y"})') == [
        "events_fanout_records_total{kind}",
        "color",
    ]
    assert unknown("rate(events_fanout_records[5m]) + events_fanout_delivery_seconds") == [
        "events_fanout_records",
        "events_fanout_delivery_seconds",
    ]
