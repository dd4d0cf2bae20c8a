"""The table of metrics in docs/metrics.md, made from the catalogue: `python -m fanout.metrics.reference`."""

from fanout.metrics.catalogue import CATALOGUE, SECONDS_BUCKETS, Kind, Metric
from fanout.metrics.exposition import KNOWN

_HEAD = """# Metrics

`GET /metrics` answers in the text format of Prometheus, and in OpenMetrics to who asks for it.
Every replica tells of itself: of the partitions that it holds, and of what it has counted since its start.
What is not known at a moment is absent: the lag while no broker answers for the first time, a limit that is not set.
Counters whose label values are known begin with 0, so that `rate()` sees the first.
This page is made from the code: `make docs`.

| metric | type | labels | meaning |
| --- | --- | --- | --- |
"""


def page() -> str:
    """The whole page, as Markdown."""
    rows = "\n".join(_row(metric) for metric in CATALOGUE)
    known = "\n".join(f"- {_known(metric)}" for metric in KNOWN)
    return f"{_HEAD}{rows}\n\n{_buckets()}\n\nThe values of labels that are there from the start:\n\n{known}\n"


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels)
    return f"| `{metric.series}` | {metric.kind.value} | {labels} | {metric.help} |"


def _buckets() -> str:
    bounds = ", ".join(f"{bound:g}" for bound in SECONDS_BUCKETS)
    names = " and ".join(f"`{metric.name}`" for metric in CATALOGUE if metric.kind is Kind.HISTOGRAM)
    return f"Upper bounds of the buckets of {names}, in seconds: {bounds}, and `+Inf`."


def _known(metric: Metric) -> str:
    values = ", ".join(f"`{value}`" for value in KNOWN[metric])
    return f"`{metric.labels[0]}` of `{metric.series}`: {values}."


if __name__ == "__main__":
    print(page(), end="")
