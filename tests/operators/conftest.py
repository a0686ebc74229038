"""Fixtures: a control plane with our kinds, an exchange, and an operator with just its own permissions."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cift.platform.stores import Platform
from tests.operators.cluster import Cluster, Running
from tests.operators.control_plane import ControlPlane, kube_binary
from tests.operators.trader import Desk
from tests.stack import Stack
from tests.venue import Venue, venue

__all__ = ["venue"]


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, exchange: Stack) -> Iterator[Cluster]:
    """The cluster of the session, with our kinds defined: CIFT_KUBECONFIG's, or one of our own."""
    given = os.environ.get("CIFT_KUBECONFIG")
    if given:
        found = Cluster(Path(given), None, tmp_path_factory.mktemp("operator"))
        found.install()
        yield found
        return
    binary = kube_binary()
    if binary is None:
        sentence = (
            "THE OPERATOR IS NOT TESTED: no Kubernetes API server here. Name one with CIFT_KUBE (the test"
            " cluster builds it), or a cluster with CIFT_KUBECONFIG"
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
    """The session's operator. Leave it running."""
    with cluster.operator(exchange) as running:
        yield running


@pytest.fixture
def namespace(cluster: Cluster) -> Iterator[str]:
    """A namespace of the test's own, deleted afterwards with all that is in it."""
    with cluster.namespace() as name:
        yield name


@pytest.fixture
def another_operator(cluster: Cluster, exchange: Stack) -> Iterator[Callable[..., Running]]:
    """A function that starts an operator that the test may kill; it has ended afterwards."""
    started: list[Running] = []

    def start(**settings: str) -> Running:
        started.append(cluster.operator(exchange, **settings))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def desk(cluster: Cluster, namespace: str, venue: Venue, platform: Platform) -> Desk:
    """The exchange's side of the test's namespace."""
    return Desk(cluster, namespace, venue, platform)
