"""`topics sync` that hangs ends: nobody asks it over HTTP whether it is well."""

import subprocess
import sys
from pathlib import Path

_HANGING = """
import time
from fanout.cli import commands
from fanout.kafkatopics import keeping
from fanout.kafkatopics.kube import KafkaTopics

keeping.HANGING_S = 0.1
KafkaTopics.list = lambda resources: time.sleep(3600)
commands()
"""


def test_one_that_hangs_ends_and_shows_where(tmp_path: Path) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(
        "{current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}], users: [{name: x, user: {}}],"
        " clusters: [{name: x, cluster: {server: 'http://127.0.0.1:1'}}]}"
    )
    arguments = ("topics", "sync", "--cluster", "x", "--patience", "0.1s", "--every", "0.1s")
    ended = subprocess.run(
        [sys.executable, "-c", _HANGING, *arguments],
        env={"KUBECONFIG": str(path), "ENDPOINT": "127.0.0.1:1", "TOPIC": "source"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert "Timeout (0:00:00.3" in ended.stderr
    assert "keeping.py" in ended.stderr
