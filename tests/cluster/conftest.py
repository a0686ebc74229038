"""The release that these tests share, and the order in which they run.

`make test-cluster` (tests/cluster/__main__.py) starts the cluster and runs them. Without a cluster they are
skipped with a message.
"""

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cluster.machine import TestCluster
from tests.cluster.release import Release
from tests.operators.cluster import Cluster
from tests.venue import venue

__all__ = ["venue"]

ORDER = (
    "test_smoke",
    "test_install",
    "test_security",
    "test_api",
    "test_network",
    "test_scale_to_zero",
    "test_events_from_zero",
    "test_accounts",
    "test_engine",
    "test_kills",
    "test_upgrade",
    "test_stores",
    "test_uninstall",
)
_figures: list[str] = []
_began: dict[str, float] = {}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    ours.sort(key=lambda item: ORDER.index(item.path.stem))
    others = [item for item in items if item not in ours]
    items[:] = others + ours
    if ours and not os.environ.get("CIFT_KUBECONFIG"):
        sentence = "THE CLUSTER IS NOT TESTED HERE: `make test-smoke` and `make test-cluster` do it"
        for item in ours:
            item.add_marker(pytest.mark.skip(reason=sentence))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and os.environ.get("CIFT_KUBECONFIG") and "tests/cluster" in report.nodeid:
        print(f"{report.nodeid.rpartition('::')[2]}: {report.outcome} in {report.duration:.1f} s", flush=True)


@pytest.fixture
def add_figure() -> Callable[[str], None]:
    """A function that adds a line to the figures printed at the end of the run."""

    def add(line: str) -> None:
        print(f"   {line}", flush=True)
        _figures.append(line)

    return add


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _figures:
        terminalreporter.section("cluster (measured, not asserted)")
        for line in _figures:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def machine() -> TestCluster | None:
    """The test cluster of this machine. None if CIFT_KUBECONFIG names another cluster."""
    found = TestCluster()
    if Path(os.environ["CIFT_KUBECONFIG"]).resolve() != found.kubeconfig.resolve():
        return None
    return found


@pytest.fixture
def faults(machine: TestCluster | None) -> TestCluster:
    """A cluster whose nodes and processes the tests may stop."""
    if machine is None:
        pytest.skip("NOT TESTED HERE: the tests may stop only the test cluster's own nodes and processes")
    return machine


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """The release, possibly not installed yet."""
    cluster = Cluster(Path(os.environ["CIFT_KUBECONFIG"]), None, tmp_path_factory.mktemp("cluster"))
    return Release(
        cluster,
        Path(os.environ["CIFT_HELM"]),
        tmp_path_factory.mktemp("release"),
        os.environ["CIFT_TEST_TAG"],
    )


@pytest.fixture(scope="session")
def release(bare: Release) -> Iterator[Release]:
    """The installed release. An installed one with the current images is reused."""
    if not bare.is_current:
        began = time.monotonic()
        bare.install()
        print(f"installed in {time.monotonic() - began:.1f} s", flush=True)
    yield bare


@pytest.fixture(scope="session")
def target(release: Release) -> Release:
    """The exchange that the fixtures `user`, `http`, `platform` and `venue` use."""
    return release


@pytest.fixture
def namespace(release: Release) -> Iterator[str]:
    """A namespace for one test, deleted afterwards with everything in it."""
    with release.cluster.namespace() as name:
        yield name
