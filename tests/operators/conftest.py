"""Fixtures: a control plane with our kinds, an exchange, and an operator with only its own permissions."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cift.platform.stores import Platform
from tests.operators.account_client import AccountClient
from tests.operators.cluster import Cluster, Running
from tests.operators.control_plane import ControlPlane, kube_binary
from tests.stack import Stack
from tests.venue import Venue, venue

__all__ = ["venue"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, exchange: Stack) -> Iterator[Cluster]:
    """The session's cluster with our kinds defined: the one of CIFT_KUBECONFIG, or a new control plane."""
    given = os.environ.get("CIFT_KUBECONFIG")
    if given:
        found = Cluster(Path(given), None, tmp_path_factory.mktemp("operator"))
        found.install()
        yield found
        return
    binary = kube_binary()
    if binary is None:
        sentence = (
            "THE OPERATOR IS NOT TESTED: there is no Kubernetes API server. Set CIFT_KUBE to a binary (the"
            " test cluster builds one), or CIFT_KUBECONFIG to the kubeconfig of a cluster"
        )
        if os.environ.get("CIFT_REQUIRE_KUBE"):
            pytest.fail(sentence)
        pytest.skip(sentence)
    plane = ControlPlane(binary, tmp_path_factory.mktemp("kube") / "plane")
    try:
        plane.start()
        found = Cluster(plane.kubeconfig, plane, tmp_path_factory.mktemp("operator"))
        found.install()
        yield found
    finally:
        plane.stop()


@pytest.fixture(scope="session")
def operator(cluster: Cluster, exchange: Stack) -> Iterator[Running]:
    """The session's operator. Tests must not stop it."""
    with cluster.operator(exchange) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace for one test, deleted afterwards with everything in it."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture
def another_operator(cluster: Cluster, exchange: Stack) -> Iterator[Callable[..., Running]]:
    """A function that starts another operator, which the test may kill. The fixture stops it afterwards."""
    started: list[Running] = []

    def start(**settings: str) -> Running:
        started.append(cluster.operator(exchange, **settings))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def client(cluster: Cluster, namespace: str, venue: Venue, platform: Platform) -> AccountClient:
    """A client for the accounts of the test's namespace."""
    return AccountClient(cluster, namespace, venue, platform)
