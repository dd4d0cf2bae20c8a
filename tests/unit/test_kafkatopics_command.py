"""How `topics` and `topics sync` are called, without a cluster."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from fanout.cli import commands

SYNC = ("topics", "sync", "--cluster", "events", "--endpoint", "127.0.0.1:1", "--topic", "source")


def call(*args: str, **environ: str) -> Result:
    return CliRunner().invoke(commands, args, env=environ, prog_name="events-fanout")


def test_options_before_the_name_of_the_command_are_refused() -> None:
    refused = call("topics", "--prune", "sync", "--cluster", "events")
    assert refused.exit_code == 2
    assert "give the options of sync after it" in refused.output


def test_the_name_of_the_cluster_is_needed() -> None:
    assert "--cluster NAME is needed" in call("topics", "sync").output
    assert "--as kafkatopics goes with --cluster NAME" in call("topics", "--as", "kafkatopics").output


def test_what_is_printed_is_not_deleted_too() -> None:
    prune = ("topics", "--prune", "--live", "/dev/null", "--as", "kafkatopics", "--cluster", "events")
    assert "not with --yes: it only prints" in call(*prune, "--yes").output


def test_nothing_that_the_topic_operator_manages_is_deleted() -> None:
    refused = call(*SYNC, "--delete")
    assert refused.exit_code == 2
    assert "deletes the topic, with all events in it" in " ".join(refused.output.replace("│", "").split())


def test_without_the_extra_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("fanout.kafkatopics.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "lightkube", None)
    refused = call(*SYNC)
    assert refused.exit_code == 2
    assert "pip install 'events-fanout[kubernetes]'" in refused.output


def test_without_a_way_to_the_api_server_it_says_so(tmp_path: Path) -> None:
    missing = tmp_path / "none"
    refused = call(*SYNC, "--once", KUBECONFIG=str(missing))
    assert refused.exit_code == 2
    assert f"{missing} not found" in refused.output


def test_an_api_server_that_does_not_answer_is_told(tmp_path: Path) -> None:
    refused = call(*SYNC, "--once", KUBECONFIG=str(kubeconfig(tmp_path, "https://127.0.0.1:1")))
    assert refused.exit_code == 5
    assert "the API server at https://127.0.0.1:1 does not answer: [Errno 111] Connection refused" in refused.output


def kubeconfig(folder: Path, server: str) -> Path:
    path = folder / "kubeconfig"
    path.write_text(f"""
current-context: x
clusters: [{{name: x, cluster: {{server: "{server}", insecure-skip-tls-verify: true}}}}]
users: [{{name: x, user: {{token: invented}}}}]
contexts: [{{name: x, context: {{cluster: x, user: x}}}}]
""")
    return path
