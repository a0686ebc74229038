"""helm uninstall leaves the data: volumes, Secrets, accounts. Installed again, everything is there."""

from collections.abc import Callable

import httpx

from tests.cluster.release import NAME, NAMESPACE, Release
from tests.target import PASSWORD, eventually

CLAIMS = {f"data-{NAME}-postgres-0", f"data-{NAME}-nats-0"}


def test_the_data_stays(release: Release, tell: Callable[[str], None]) -> None:
    release.wait_ready()
    user = release.new_user()
    with httpx.Client(base_url=release.url, timeout=60) as http:
        deposit = http.post("/api/v1/trading/account/deposit", json={"amount": "77.5"}, headers=user.key)
        assert deposit.status_code == 201, deposit.text
    secrets = {
        name: release.secret(f"{NAME}-{name}") for name in ("postgres", "nats", "valkey", "token-keys")
    }
    release.helm("uninstall", NAME, "--namespace", NAMESPACE, "--wait", "--timeout", "5m")
    eventually(lambda: not release.pods(leaving=True), "no pod is left", 240, poll_s=2)
    left = {each["metadata"]["name"] for each in release.get("pvc")["items"]}
    assert left == CLAIMS
    for name, before in secrets.items():
        assert release.secret(f"{NAME}-{name}") == before
    tell(f"helm install upon the data of before: {release.install():.1f} s to everything ready")
    with httpx.Client(base_url=release.url, timeout=60) as http:
        login = http.post("/api/v1/auth/login", json={"username": user.username, "password": PASSWORD})
        assert login.status_code == 200, login.text
        portfolio = http.get("/api/v1/trading/portfolio", headers=user.key)
        assert portfolio.status_code == 200, portfolio.text
        assert portfolio.json()["cash"] == "100077.5"


def test_unless_told(release: Release) -> None:
    """Deleting the namespace is telling."""
    release.helm("uninstall", NAME, "--namespace", NAMESPACE, "--wait", "--timeout", "5m")
    release.kubectl("delete", "pvc", "--all", "--wait=true", "--timeout=120s")
    assert release.get("pvc")["items"] == []
    release.cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=true", "--timeout=110s")
