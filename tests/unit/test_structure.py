"""What holds the code together: who imports whom, and how long things are."""

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("fanout", "bench", "tests")
MODULE_LINES = 250
FUNCTION_LINES = 50

# Both sides of the link may import these, and nothing else of `fanout` but what is their own.
SHARED = {
    "fanout", "fanout.advice", "fanout.client", "fanout.counters", "fanout.errors", "fanout.link", "fanout.log",
    "fanout.metrics.catalogue", "fanout.metrics.tallies", "fanout.settings",
}  # fmt: skip

# What the replica says of itself, and to whom, is the supervisor's alone.
LOOKED_AT_BY = {"fanout.supervisor": ("fanout.http.server", "fanout.status.")}

# The client library is known here and nowhere else in the package.
KNOWS_THE_CLIENT = {
    "fanout.client": "the configuration of all clients, and the question which protocol a broker serves",
    "fanout.metrics.exposition": "its version",
    "fanout.replay.gate": "the admin client",
    "fanout.replay.outbox": "the transactional producer",
    "fanout.supervisor.membership": "the member of the group",
    "fanout.supervisor.committer": "its commits",
    "fanout.supervisor.app": "its errors",
    "fanout.supervisor.lag": "offsets of the source",
    "fanout.supervisor.peek": "timestamps of its records",
    "fanout.supervisor.protocol": "its errors",
    "fanout.supervisor.seat": "its errors",
    "fanout.supervisor.serving": "its errors",
    "fanout.supervisor.source": "the source topic's identity",
    "fanout.supervisor.objection": "whether a broker serves us, with these credentials",
    "fanout.worker.main": "makes the worker's clients",
    "fanout.worker.source": "the consumer",
    "fanout.worker.sink": "the type of the producers",
    "fanout.worker.shard": "the producers",
    "fanout.worker.hold": "the type of its errors",
    "fanout.worker.limits": "what a topic takes",
    "fanout.worker.redelivery": "the producer for what is sent alone",
    "fanout.worker.stranded": "the type of what a client raises",
    "fanout.worker.topics": "the admin client",
    "fanout.worker.destination": "the type of its errors",
    "fanout.worker.faults": "what its errors mean",
    "fanout.worker.health": "what its errors mean for the worker",
}
KNOW_THE_CLIENT_AS_A_WHOLE = ("fanout.cluster.", "fanout.config.", "fanout.demo.")

# Modules and functions that are longer than they should be, each with the reason.
LONG_MODULES: dict[str, str] = {
    "fanout.worker.redelivery": "one state machine; parted, its states would be told in two places",
}
LONG_FUNCTIONS: dict[str, str] = {}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {
    module_name(path): ast.parse(path.read_text())
    for package in PACKAGES
    for path in sorted((ROOT / package).rglob("*.py"))
}
FANOUT = {name: tree for name, tree in TREES.items() if name.split(".")[0] == "fanout"}


def package_of(module: str) -> str:
    return module if any(name.startswith(f"{module}.") for name in TREES) else module.rpartition(".")[0]


def imported(module: str, nodes: Iterator[ast.AST]) -> Iterator[str]:
    """The modules that are imported there, by their full names."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            for _ in range(node.level - 1):
                base = f"{package_of(module).rpartition('.')[0]}.{base}"
            for alias in node.names:
                name = f"{base}.{alias.name}"
                yield name if name in TREES else base


def at_import(tree: ast.Module) -> Iterator[ast.AST]:
    """What runs when the module is imported: neither functions nor what is only for the type checker."""
    waiting: list[ast.AST] = list(tree.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            waiting += node.orelse
            continue
        yield node
        waiting += ast.iter_child_nodes(node)


def all_imports(module: str) -> set[str]:
    return set(imported(module, ast.walk(TREES[module])))


def test_supervisor_and_worker_know_only_what_they_share() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in FANOUT
        for side in ("fanout.supervisor", "fanout.worker")
        if module == side or module.startswith(f"{side}.")
        for name in all_imports(module)
        if name.split(".")[0] == "fanout"
        and name not in SHARED
        and name != side
        and not name.startswith((f"{side}.", *LOOKED_AT_BY.get(side, ())))
    ]
    assert wrong == []


def test_what_both_sides_share_knows_neither() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in SHARED
        for name in all_imports(module)
        if name.startswith("fanout.") and name not in SHARED
    ]
    assert wrong == []


def test_the_program_imports_neither_its_bench_nor_its_tests() -> None:
    wrong = [
        f"{module} imports {name}"
        for module in FANOUT
        for name in all_imports(module)
        if name.split(".")[0] in ("bench", "tests")
    ]
    assert wrong == []


def test_the_bench_does_not_import_the_tests() -> None:
    wrong = [f"{module} imports {n}" for module in TREES if module.startswith("bench") for n in all_imports(module)
             if n.split(".")[0] == "tests"]  # fmt: skip
    assert wrong == []


def test_the_client_library_is_known_to_few() -> None:
    knowing = {
        module
        for module in FANOUT
        if any(name.split(".")[0] == "confluent_kafka" for name in all_imports(module))
        and not module.startswith(KNOW_THE_CLIENT_AS_A_WHOLE)
    }
    assert knowing == set(KNOWS_THE_CLIENT)


def test_the_client_of_kubernetes_is_known_to_one_module() -> None:
    kubernetes = {"lightkube", "httpx2"}  # an extra: all else must run without
    knowing = {module for module in FANOUT if kubernetes & {name.split(".")[0] for name in all_imports(module)}}
    assert knowing == {"fanout.kafkatopics.kube"}


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_imports_itself_through_others(package: str) -> None:
    graph = {
        module: {name for name in imported(module, at_import(tree)) if name in TREES and name != module}
        for module, tree in TREES.items()
        if module.split(".")[0] == package
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"import cycle: {' -> '.join(error.args[1])}")


def test_modules_are_short() -> None:
    lines = {name: len((path).read_text().splitlines()) for name, path in sources()}
    long = {name: count for name, count in lines.items() if count > MODULE_LINES and not name.startswith("tests.")}
    for name, reason in LONG_MODULES.items():
        print(f"{name}: {lines[name]} lines: {reason}")
    assert {name: count for name, count in long.items() if name not in LONG_MODULES} == {}
    assert LONG_MODULES.keys() <= long.keys(), "an exception that is none any more"


def sources() -> Iterator[tuple[str, Path]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield module_name(path), path


def test_functions_are_short() -> None:
    long = {
        f"{module}.{node.name}": length
        for module, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (length := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    }
    for name, reason in LONG_FUNCTIONS.items():
        print(f"{name}: {long.get(name)} lines: {reason}")
    assert {name: length for name, length in long.items() if name not in LONG_FUNCTIONS} == {}
    assert LONG_FUNCTIONS.keys() <= long.keys(), "an exception that is none any more"


LOG_METHODS = {"debug", "info", "warning", "error", "critical", "exception", "log"}


def test_what_is_logged_is_a_fixed_text_with_fields_and_never_put_together() -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in FANOUT.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in LOG_METHODS
        and node.args
        and is_put_together(node.args[0])
        and is_logger(node.func.value)
    ]
    assert wrong == []


def is_logger(node: ast.expr) -> bool:
    """Whether this is named like a logger: `_log`, `self._log`, `_repeats`, `logger`."""
    name = ast.unparse(node).rpartition(".")[2].lstrip("_")
    return name in {"log", "logger", "repeats"}


def is_put_together(node: ast.expr) -> bool:
    """Whether a text is an f-string, a sum, a formatting or a call."""
    return isinstance(node, ast.JoinedStr | ast.BinOp | ast.Call)


def test_no_duration_is_taken_from_a_clock_that_can_jump() -> None:
    wrong = [
        f"{module}:{node.lineno}"
        for module, tree in FANOUT.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and node.attr in {"time", "utcnow"} and ast.unparse(node) == "time.time"
    ]
    assert wrong == []
