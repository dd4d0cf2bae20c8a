"""Samples of /metrics, and which of them tell something of a case."""

from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from fanout.metrics import catalogue
from tests.status.said import Change

# What changes with every event, or with every second.
_RESTLESS = {
    metric.name
    for metric in (
        catalogue.RECORDS_READ, catalogue.BYTES_READ, catalogue.INFLIGHT_RECORDS, catalogue.INFLIGHT_BYTES,
        catalogue.DELIVERY_SECONDS, catalogue.END_TO_END_SECONDS, catalogue.LAG_SECONDS, catalogue.LAG_RECORDS,
        catalogue.LAG_RETENTION_RATIO, catalogue.LAST_PROGRESS, catalogue.PRODUCERS, catalogue.MEMORY_BYTES,
        catalogue.START_TIME, catalogue.SOURCE_RETENTION_SECONDS, catalogue.BUILD,
    )
}  # fmt: skip
_USUAL = {("outcome", "delivered"), ("result", "ok")}


class Series(NamedTuple):
    """A name and its labels."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()

    def __str__(self) -> str:
        inner = ", ".join(f'{label}="{value}"' for label, value in self.labels)
        return f"{self.name}{{{inner}}}" if inner else self.name


Samples = dict[Series, float]


def parse(text: str) -> Samples:
    """All samples but those of histograms."""
    return {
        Series(sample.name, tuple(sorted((str(label), str(value)) for label, value in sample.labels.items()))): float(
            sample.value
        )
        for family in text_string_to_metric_families(text)
        if family.type != "histogram"
        for sample in family.samples
    }


def telling(before: Samples, after: Samples) -> list[Change]:
    """What changed, but for what always does."""
    return [
        Change(str(series), before.get(series), after.get(series))
        for series in sorted({**before, **after})
        if before.get(series) != after.get(series)
        and (before or after[series] or not series.name.endswith("_total"))  # counters begin at 0
        and series.name.removesuffix("_total").removesuffix("_info") not in _RESTLESS
        and not _USUAL & set(series.labels)
    ]
