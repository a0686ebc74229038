"""A lost journal is not replaced by a new one. This destroys the exchange, so it is the last test."""

from collections.abc import Callable

import httpx

from tests.cluster.release import NAME, Release
from tests.target import eventually


def test_without_its_journal_the_exchange_is_not_ready(
    release: Release, add_figure: Callable[[str], None]
) -> None:
    release.wait_ready()
    servers = release.get("statefulset", f"{NAME}-nats")["spec"]["replicas"]
    release.kubectl("scale", "statefulset", f"{NAME}-nats", "--replicas=0")
    eventually(lambda: not release.pods("nats", leaving=True), "NATS has stopped", 120, poll_s=1)
    claims = [f"data-{NAME}-nats-{at}" for at in range(servers)]
    release.kubectl("delete", "pvc", *claims, "--wait=true", "--timeout=60s")
    release.kubectl("scale", "statefulset", f"{NAME}-nats", f"--replicas={servers}")
    eventually(
        lambda: any("does not begin another journal" in log_of(release, pod) for pod in engines(release)),
        "matchd states the reason",
        240,
        poll_s=2,
    )
    response = httpx.get(f"{release.url}/ready", timeout=60, verify=False)  # noqa: S501 (its own certificate)
    assert response.status_code == 503, response.text
    add_figure("without its journal: matchd halts, /ready 503")


def engines(release: Release) -> list[str]:
    return [pod["metadata"]["name"] for pod in release.pods("matchd")]


def log_of(release: Release, pod: str) -> str:
    """The log of the pod's current and previous container."""
    return release.kubectl("logs", pod, "--tail=20", check=False) + release.kubectl(
        "logs", pod, "--previous", "--tail=20", check=False
    )
