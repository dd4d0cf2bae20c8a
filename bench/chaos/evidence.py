"""What a run that failed leaves behind: everything that was seen of it, as JSON, for whoever has to find out why."""

import time
from pathlib import Path
from typing import Any

import msgspec

from bench.chaos.stage import Stage
from bench.checker import Findings
from bench.result import OUT


def leave(stage: Stage, findings: Findings, failed: list[str], started: float) -> Path:
    """Write logs of all replicas, arrivals, commits and the ledger; the file. Times are seconds since `started`."""
    seen = {
        "plan": stage.plan,
        "failed": failed,
        "findings": findings,
        "replicas": [
            {"pid": program.pid, "log": [_timed(line, started) for line in program.log()], "tail": program.tail(40)}
            for program in stage.programs
        ],
        "arrivals": [arrival._replace(at=arrival.at - started) for arrival in stage.tap.arrivals],
        "commits": [{"at": sample.at - started, "committed": dict(sample.committed)} for sample in stage.watch.samples],
        "ledger": stage.traffic.ledger(),
    }
    OUT.mkdir(exist_ok=True)
    path = OUT / f"failed-{stage.name}-{time.strftime('%Y%m%d-%H%M%S')}.json"
    path.write_bytes(msgspec.json.encode(seen, enc_hook=str))
    return path


def _timed(line: dict[str, Any], started: float) -> dict[str, Any]:
    return line | {"at": round(line["at"] - started, 3)}
