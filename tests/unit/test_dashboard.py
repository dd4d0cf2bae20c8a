"""The dashboard that is in the repository is the one that the code gives, and asks for what there is."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from fanout.metrics import dashboard
from fanout.metrics.catalogue import CATALOGUE
from tests.support.promql import unknown

PATH = Path(__file__).parents[2] / "deploy" / "components" / "monitoring" / "dashboard.json"
GIVEN: dict[str, Any] = json.loads(dashboard.page())
ROWS = [panel for panel in GIVEN["panels"] if panel["type"] == "row"]
PANELS: list[dict[str, Any]] = [panel for panel in GIVEN["panels"] if panel["type"] != "row"]
QUERIES: list[tuple[str, str]] = [(t["expr"], t["legendFormat"]) for panel in PANELS for t in panel["targets"]]


def test_the_dashboard_is_the_one_that_the_code_gives() -> None:
    assert PATH.read_text() == dashboard.page(), "run `make docs`"


@pytest.mark.parametrize("query", [expression for expression, _ in QUERIES])
def test_a_query_names_only_metrics_and_labels_that_exist(query: str) -> None:
    assert unknown(query) == []


def test_the_variables_are_asked_of_what_exists() -> None:
    asked = [variable["query"] for variable in GIVEN["templating"]["list"] if variable["type"] == "query"]
    assert [unknown(query) for query in asked] == [[]] * 3


def test_every_metric_is_shown() -> None:
    text = " ".join(query for query, _ in QUERIES)
    assert [m.name for m in CATALOGUE if not re.search(rf"\b{m.series}(_bucket)?\{{", text)] == []


def test_a_legend_names_labels_that_its_query_keeps() -> None:
    for query, legend in QUERIES:
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", query))))
        assert set(re.findall(r"\{\{(\w+)\}\}", legend)) <= kept, query


def test_every_panel_says_what_it_shows() -> None:
    assert [panel["title"] for panel in PANELS if not panel["description"]] == []
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_the_panels_lie_side_by_side_below_their_rows() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in GIVEN["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + x, at["y"] + y) for x in range(at["w"]) for y in range(at["h"])}
        assert at["x"] + at["w"] <= dashboard.COLUMNS
        assert not taken & cells, panel["title"]
        taken |= cells
    assert [row["title"] for row in ROWS][:3] == ["State", "Throughput", "Lag"]
    assert len({panel["id"] for panel in GIVEN["panels"]}) == len(GIVEN["panels"])
