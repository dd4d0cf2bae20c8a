"""The dashboard's queries, as Prometheus reads them."""

import json
from pathlib import Path

import yaml

from tests.monitoring.conftest import Promtool

PATH = Path(__file__).parents[2] / "deploy" / "components" / "monitoring" / "dashboard.json"


def test_prometheus_understands_every_query(promtool: Promtool, tmp_path: Path) -> None:
    panels = json.loads(PATH.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    rules = [
        {"record": f"query:{number}", "expr": query.replace("$__rate_interval", "5m")}
        for number, query in enumerate(queries)
    ]
    (tmp_path / "rules.yaml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = promtool("check", "rules", tmp_path / "rules.yaml")
    assert (done.returncode, f"{len(queries)} rules found" in done.stdout) == (0, True), done.stdout + done.stderr
