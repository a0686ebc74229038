"""One function alone, under functions-framework, responds as it does in the process with all functions."""

import os
import subprocess
import sys
from pathlib import Path

import httpx

from cift.platform.tokens import public_parts
from tests.host.alone import alone
from tests.stack import ROOT, Stack, User
from tests.target import DEADLINE_S


def test_one_function_alone(exchange: Stack, user: User) -> None:
    with alone("auth.me", exchange) as url:
        response = httpx.get(f"{url}/api/v1/auth/me", headers=user.key, timeout=DEADLINE_S)
        assert response.status_code == 200 and response.json()["user_id"] == user.user_id
        assert response.headers["x-cift-origin"] == "auth.me"
        assert list(httpx.get(f"{url}/openapi.json", timeout=DEADLINE_S).json()["paths"]) == [
            "/api/v1/auth/me"
        ]
        assert httpx.get(f"{url}/api/v1/auth/me", timeout=DEADLINE_S).json()["code"] == "credential_required"
        assert httpx.get(f"{url}/health", timeout=DEADLINE_S).json() == {"status": "ok"}
        metrics = httpx.get(f"{url}/metrics", timeout=DEADLINE_S).text
        assert 'cift_requests_total{function="auth.me",status="401"} 1.0' in metrics
        assert httpx.get(f"{url}/", timeout=DEADLINE_S).json()["code"] == "not_found"
        assert httpx.post(f"{url}/api/v1/auth/me", timeout=DEADLINE_S).json()["code"] == "method_not_allowed"
        assert "swagger-ui" in httpx.get(f"{url}/docs", timeout=DEADLINE_S).text


def test_a_function_with_a_body_alone(exchange: Stack, user: User) -> None:
    with alone("auth.login", exchange) as url:
        path = f"{url}/api/v1/auth/login"
        good = httpx.post(
            path, json={"username": user.username, "password": user.password}, timeout=DEADLINE_S
        )
        assert good.status_code == 200 and good.json()["token_type"] == "bearer"
        bad = httpx.post(path, content=b"{", headers={"content-type": "application/json"}, timeout=DEADLINE_S)
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid_json")


def test_a_function_alone_verifies_tokens_with_public_keys(
    exchange: Stack, user: User, tmp_path: Path
) -> None:
    """As in a cluster, where only the functions that start sessions have private keys."""
    private = {path.name: path.read_text() for path in (exchange.folder / "keys").glob("*.pem")}
    for name, pem in public_parts(private).items():
        (tmp_path / name).write_text(pem)
    with alone("auth.me", exchange, CIFT_TOKEN_KEYS=str(tmp_path)) as url:
        response = httpx.get(f"{url}/api/v1/auth/me", headers=user.bearer, timeout=DEADLINE_S)
        assert response.status_code == 200 and response.json()["credential"] == "session"


def test_an_unknown_function_is_reported_in_one_sentence(exchange: Stack) -> None:
    for name, words in (
        ("auth.nope", "there is no functions/auth/nope.py"),
        ("", "CIFT_FUNCTION is not set"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "cift.host"],
            cwd=ROOT,
            env=os.environ | {"CIFT_FUNCTION": name},
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
