"""Without Valkey, revoked credentials stay revoked and valid ones stay valid."""

import signal
import time

import httpx
import pytest

from tests.stack import Stack, eventually
from tests.target import DEADLINE_S

AUTH = "/api/v1/auth"
VERDICTS_EXPIRED_S = 1.1
"""A process keeps the result of a check for a second. Waiting longer does no harm."""


def test_without_valkey(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Stack.start(tmp_path_factory.mktemp("valkey") / "data") as stack:
        before, after, other = stack.new_user(), stack.new_user(), stack.new_user()
        with httpx.Client(base_url=stack.url, timeout=DEADLINE_S) as client:
            assert client.post(f"{AUTH}/logout", headers=before.bearer).status_code == 204
            # A stopped process accepts connections and does not answer: the hardest failure to detect.
            pid = stack.kill("valkey-server", signal.SIGSTOP)
            try:
                time.sleep(VERDICTS_EXPIRED_S)
                answer = client.get(f"{AUTH}/me", headers=before.bearer)
                assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
                assert client.get(f"{AUTH}/me", headers=after.bearer).status_code == 200
                assert client.get(f"{AUTH}/me", headers=after.key).status_code == 200
                # Revocation still works immediately.
                assert client.post(f"{AUTH}/logout", headers=after.bearer).status_code == 204
                answer = client.get(f"{AUTH}/me", headers=after.bearer)
                assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
                key_id = other.api_key.split("_")[1]
                path = f"{AUTH}/api-keys/{key_id}"
                assert client.delete(path, headers=other.bearer).status_code == 204
                answer = client.get(f"{AUTH}/me", headers=other.key)
                assert (answer.status_code, answer.json()["code"]) == (401, "api_key_revoked")
                # Login needs no Valkey; /ready reports it as degraded.
                login = {"username": other.username, "password": other.password}
                assert client.post(f"{AUTH}/login", json=login).status_code == 200
                ready = client.get("/ready")
                assert ready.status_code == 200
                assert ready.json()["stores"]["valkey"]["status"] == "degraded"
            finally:
                stack.kill("valkey-server", signal.SIGCONT)
            # A new, empty Valkey must not make revoked credentials valid again.
            stack.kill("valkey-server")
            stack.restarted("valkey-server", pid)
            eventually(
                lambda: client.get("/ready").json()["stores"]["valkey"]["status"] == "ready", "Valkey is back"
            )
            for _ in range(2):
                for user in (before, after):
                    answer = client.get(f"{AUTH}/me", headers=user.bearer)
                    assert (answer.status_code, answer.json()["code"]) == (401, "token_revoked")
                assert client.get(f"{AUTH}/me", headers=other.bearer).status_code == 200
                time.sleep(VERDICTS_EXPIRED_S)
