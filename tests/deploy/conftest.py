"""A real Kubernetes API server for all tests of this folder. None of them is skipped without it: they fail."""

from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from tests.deploy.apiserver import ApiServer

CRDS = Path(__file__).parent / "crds"


@pytest.fixture(scope="session")
def api() -> Iterator[ApiServer]:
    """One server, shared by the session, which knows the resources in crds/.

    Leave nothing behind that is not in a namespace of your own, or remove it: others apply the same manifests.
    """
    with ApiServer() as running:
        running.install(CRDS)
        yield running


@pytest.fixture
def namespace(api: ApiServer) -> Iterator[str]:
    """A namespace of the test's own, which is removed at its end with all that is in it."""
    name = api.create_namespace()
    yield name
    api.remove_namespace(name)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show beside a failure what the API server wrote last."""
    report = yield
    funcargs = getattr(item, "funcargs", {})
    if report.failed and isinstance(funcargs.get("api"), ApiServer):
        report.sections.append(("kube-apiserver's log", funcargs["api"].tail()))
    return report
