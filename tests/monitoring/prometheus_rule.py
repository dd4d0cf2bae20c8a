"""The alert rules as the Prometheus Operator takes them; `python -m tests.monitoring.prometheus_rule` prints them."""

import sys
import textwrap
from pathlib import Path

FOLDER = Path(__file__).parents[2] / "deploy" / "components" / "monitoring"
PATH = FOLDER / "prometheus-rule.yaml"
HEAD = """\
# Made from rules.yaml by `make docs`.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: events-fanout
  labels:
    app.kubernetes.io/name: events-fanout
    app.kubernetes.io/component: fanout
    app.kubernetes.io/part-of: events-fanout
spec:
"""


def page() -> str:
    """The whole file."""
    return HEAD + textwrap.indent((FOLDER / "rules.yaml").read_text(), "  ")


if __name__ == "__main__":
    sys.stdout.write(page())
