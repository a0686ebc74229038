"""One function alone, under functions-framework, answers as it does among all."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from cift.run.servers import free_port
from tests.stack import ROOT, Stack, User, eventually


@contextmanager
def hosted(function: str, exchange: Stack) -> Iterator[str]:
    run, port = exchange.run_file, free_port()
    environment = os.environ | {
        "CIFT_FUNCTION": function,
        "CIFT_HTTP_PORT": str(port),
        "CIFT_DATA": str(exchange.folder),
        "CIFT_POSTGRES_URL": run["postgres_url"],
        "CIFT_NATS_URL": run["nats_url"],
        "CIFT_VALKEY_URL": run["valkey_url"],
    }
    process = subprocess.Popen([sys.executable, "-m", "cift.host"], cwd=ROOT, env=environment)
    try:
        url = f"http://127.0.0.1:{port}"
        eventually(lambda: httpx.get(f"{url}/openapi.json").status_code == 200, f"{function} alone answers")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_one_function_alone(exchange: Stack, user: User) -> None:
    with hosted("auth.me", exchange) as url:
        answer = httpx.get(f"{url}/api/v1/auth/me", headers=user.key)
        assert answer.status_code == 200 and answer.json()["user_id"] == user.user_id
        assert answer.headers["x-cift-origin"] == "auth.me"
        assert list(httpx.get(f"{url}/openapi.json").json()["paths"]) == ["/api/v1/auth/me"]
        assert httpx.get(f"{url}/api/v1/auth/me").json()["code"] == "credential_required"
        assert httpx.get(f"{url}/health").json()["code"] == "not_found"
        assert httpx.post(f"{url}/api/v1/auth/me").json()["code"] == "method_not_allowed"
        assert "swagger-ui" in httpx.get(f"{url}/docs").text


def test_a_function_with_a_body_alone(exchange: Stack, user: User) -> None:
    with hosted("auth.login", exchange) as url:
        path = f"{url}/api/v1/auth/login"
        good = httpx.post(path, json={"username": user.username, "password": user.password})
        assert good.status_code == 200 and good.json()["token_type"] == "bearer"
        bad = httpx.post(path, content=b"{", headers={"content-type": "application/json"})
        assert (bad.status_code, bad.json()["code"]) == (400, "invalid_json")


def test_an_unknown_function_is_said_in_one_sentence(exchange: Stack) -> None:
    for name, words in (("auth.nope", "there is no functions/auth/nope.py"), ("", "must name the function")):
        done = subprocess.run(
            [sys.executable, "-m", "cift.host"],
            cwd=ROOT,
            env=os.environ | {"CIFT_FUNCTION": name},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == 1 and words in done.stderr and "Traceback" not in done.stderr
