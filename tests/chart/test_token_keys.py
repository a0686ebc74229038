"""Only the functions that start sessions get the private keys of access tokens; others get public keys."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from cift.install.api import Api
from cift.install.secrets import publish_keys
from cift.platform.tokens import Tokens, Verifier, make_key
from tests.chart.helm import Object, render, templates

SIGNERS = {
    "auth-login",
    "auth-refresh",
    "auth-renew-browser-session",
    "auth-start-browser-session",
    "auth-start-demo-session",
}
USER, ACCOUNT = "01a1fd17-0fff-7000-8149-74f7c02275c7", "6ba7b810-9dad-51d1-80b4-00c04fd430c8"


def mounted(pod: Object, secret: str) -> bool:
    """Whether a volume of the pod contains something of the Secret, in any form."""
    return f'"{secret}"' in json.dumps(pod["spec"].get("volumes", []))


@pytest.mark.parametrize(
    ("values", "private", "public"),
    [
        ({}, "cift-token-keys", "cift-token-public-keys"),
        ({"tokenKeys": {"existingSecret": "mine"}}, "mine", "cift-token-public-keys"),
        ({"tokenKeys": {"existingSecret": "mine", "existingPublicSecret": "ours"}}, "mine", "ours"),
    ],
)
def test_only_functions_that_start_sessions_mount_private_keys(
    values: dict[str, Any], private: str, public: str
) -> None:
    pods = dict(templates(render(**values)))
    assert {name for name, pod in pods.items() if mounted(pod, private)} == SIGNERS
    verifiers = {name for name, pod in pods.items() if mounted(pod, public)}
    assert verifiers > SIGNERS and "trading-place-order" in verifiers and "auth-jwks" in verifiers
    (job,) = pods["cift-secrets"]["spec"]["containers"]
    assert (f"token-public-keys={private}" in job["args"]) == (public != "ours")


class FakeApi(BaseHTTPRequestHandler):
    """The Secrets of one namespace, as far as `cift.install` uses them."""

    secrets: dict[str, dict[str, Any]]

    def _reply(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["content-length"])))

    def do_GET(self) -> None:
        found = self.secrets.get(self.path.rpartition("/")[2])
        self._reply(404 if found is None else 200, found or {})

    def do_POST(self) -> None:
        secret = self._body()
        self.secrets[secret["metadata"]["name"]] = secret
        self._reply(201, secret)

    def do_PUT(self) -> None:
        self.secrets[self.path.rpartition("/")[2]] = secret = self._body()
        self._reply(200, secret)

    def log_message(self, format: str, *args: Any) -> None: ...


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    FakeApi.secrets = {}
    server = ThreadingHTTPServer(("127.0.0.1", 0), FakeApi)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    token = tmp_path / "token"
    token.write_text("token")
    yield Api(f"http://127.0.0.1:{server.server_address[1]}", token, None, "cift")
    server.shutdown()
    thread.join()
    server.server_close()


def stored(folder: Path) -> dict[str, Any]:
    """The files of a folder as a Secret."""
    files = folder.glob("*.pem")
    return {"data": {path.name: base64.b64encode(path.read_bytes()).decode() for path in files}}


def test_an_installation_publishes_the_public_keys_and_adds_those_of_new_keys(
    api: Api, tmp_path: Path
) -> None:
    private, public = tmp_path / "private", tmp_path / "public"
    first = make_key(private)
    FakeApi.secrets["mine"] = stored(private)
    assert publish_keys(api, "cift", "mine") == "created"
    assert publish_keys(api, "cift", "mine") == "exists"
    first.unlink()  # replaced: tokens of the first key are still valid
    make_key(private)
    FakeApi.secrets["mine"] = stored(private)
    assert publish_keys(api, "cift", "mine") == "has 1 new"
    (second,) = private.iterdir()
    make_key(tmp_path / "other").replace(second)  # another key under the same name
    FakeApi.secrets["mine"] = stored(private)
    assert publish_keys(api, "cift", "mine") == "has 1 new"
    assert publish_keys(api, "cift", "mine") == "exists"
    data = FakeApi.secrets["cift-token-public-keys"]["data"]
    public.mkdir()
    for name, value in data.items():
        (public / name).write_bytes(base64.b64decode(value))
        assert b"PRIVATE" not in base64.b64decode(value)
    assert len(data) == 2
    token, _, _ = Tokens(private, "cift", "cift-markets", 1800).sign(USER, ACCOUNT)
    assert Verifier(public, "cift", "cift-markets", 1800).verify(token).user_id == USER
