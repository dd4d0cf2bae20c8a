"""The Grafana dashboard of deploy/components/monitoring, from the catalogue: `python -m fanout.metrics.dashboard`."""

import json
import re
from typing import Any

from fanout.metrics import catalogue as c
from fanout.metrics.catalogue import CATALOGUE, Metric
from fanout.metrics.panels import ROWS, Panel

COLUMNS = 24
HEIGHT = 8
_SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def page() -> str:
    """The whole file, as JSON."""
    dashboard = {
        "uid": "events-fanout",
        "title": "events-fanout",
        "description": "Made from the metrics in the code by `make docs`: docs/metrics.md says what each means.",
        "tags": ["events-fanout", "kafka"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": _panels(),
    }
    return json.dumps(dashboard, indent=2, ensure_ascii=False) + "\n"


def _variables() -> list[dict[str, Any]]:
    def values(label: str, metric: Metric, within: str) -> dict[str, Any]:
        query = f"label_values({metric.series}{within}, {label})"
        return {
            "name": label, "label": label, "type": "query", "datasource": _SOURCE, "query": query, "definition": query,
            "refresh": 2, "sort": 3, "multi": True, "includeAll": True, "allValue": ".*",
            "current": {"text": "All", "value": "$__all"},
        }  # fmt: skip

    return [
        {"name": "datasource", "label": "data source", "type": "datasource", "query": "prometheus"},
        values("job", c.START_TIME, ""),
        values("instance", c.START_TIME, '{job=~"$job"}'),
        values("partition", c.WORKER_UP, '{job=~"$job", instance=~"$instance"}'),
    ]


def _panels() -> list[dict[str, Any]]:
    panels: list[dict[str, Any]] = []
    y = 0
    for title, row in ROWS.items():
        panels.append({"type": "row", "title": title, "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}, "panels": []})
        y, x = y + 1, 0
        for panel in row:
            if x + panel.width > COLUMNS:
                x, y = 0, y + HEIGHT
            panels.append(_panel(panel) | {"gridPos": {"x": x, "y": y, "w": panel.width, "h": HEIGHT}})
            x += panel.width
        y += HEIGHT
    return [panel | {"id": number} for number, panel in enumerate(panels, start=1)]


def _panel(panel: Panel) -> dict[str, Any]:
    heat = {"format": "heatmap"} if panel.kind == "heatmap" else {}
    targets = [
        {
            "refId": chr(ord("A") + number),
            "datasource": _SOURCE,
            "expr": query,
            "legendFormat": legend or "__auto",
            **heat,
        }
        for number, (query, legend) in enumerate(panel.queries)
    ]
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": _description(panel),
        "datasource": _SOURCE,
        "targets": targets,
        "fieldConfig": {"defaults": _defaults(panel), "overrides": []},
        "options": _OPTIONS[panel.kind] | ({"textMode": "name"} if panel.title == "Version" else {}),
    }


def _description(panel: Panel) -> str:
    """What its metrics mean, as the catalogue says it."""
    named = set(re.findall(rf"\b{c.PREFIX}_\w+", " ".join(query for query, _ in panel.queries)))
    parts = ("", "_bucket", "_count", "_sum")
    return " ".join(m.help for m in CATALOGUE if any(f"{m.series}{part}" in named for part in parts))


_OPTIONS: dict[str, dict[str, Any]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value"},
    "state-timeline": {
        "legend": {"displayMode": "list", "placement": "bottom"},
        "showValue": "never",
        "mergeValues": True,
    },
    "heatmap": {"calculate": False, "yAxis": {"unit": "s"}, "cellGap": 1},
}


def _defaults(panel: Panel) -> dict[str, Any]:
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0, "noValue": "none"}
    if panel.most is not None:
        defaults["max"] = panel.most
    if panel.limits is not None:
        warning, error = panel.limits
        steps = [
            {"color": "green", "value": None},
            {"color": "orange", "value": warning},
            {"color": "red", "value": error},
        ]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
    if panel.kind == "timeseries":
        stacking = {"mode": "normal" if panel.stacked else "none"}
        shown = {"thresholdsStyle": {"mode": "line" if panel.limits else "off"}}
        defaults["custom"] = {"stacking": stacking, "fillOpacity": 30 if panel.stacked else 5, **shown}
    return defaults


if __name__ == "__main__":
    print(page(), end="")
