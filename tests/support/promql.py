"""What a PromQL expression names, held against the catalogue of metrics."""

import re

from fanout.metrics.catalogue import CATALOGUE, Kind, Metric

_SELECTOR = re.compile(r"\b(events_fanout_\w+)\s*(?:\{([^}]*)\})?")
_MATCHER = re.compile(r"(\w+)\s*(?:=~|!~|!=|=)")
_GROUPING = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
# What Prometheus or its discovery adds to each series, and the bound of a histogram's bucket.
ADDED = {"job", "namespace", "instance", "le"}


def unknown(expression: str) -> list[str]:
    """The metrics and labels in it that do not exist."""
    by_series = {name: metric for metric in CATALOGUE for name in _series(metric)}
    found = []
    labels = set(ADDED)
    for name, matchers in _SELECTOR.findall(expression):
        metric = by_series.get(name)
        if metric is None:
            found.append(name)
            continue
        labels |= set(metric.labels)
        found += [f"{name}{{{label}}}" for label in _MATCHER.findall(matchers) if label not in {*metric.labels, *ADDED}]
    for group in _GROUPING.findall(expression):
        found += [label for label in re.findall(r"\w+", group) if label not in labels]
    return found


def _series(metric: Metric) -> list[str]:
    if metric.kind is Kind.HISTOGRAM:
        return [f"{metric.name}_{part}" for part in ("bucket", "count", "sum")]
    return [metric.series]
