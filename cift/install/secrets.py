"""Create the missing Secrets. An existing Secret is never changed, so that an upgrade keeps all passwords."""

import base64
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path

from cift.install.api import Api, ApiError
from cift.platform.tokens import make_key, public_parts

NATS_USERS = ("engine", "relay", "functions", "operator")
NATS_PEERS = 3
PASSWORD_BYTES = 24


def password() -> str:
    """A random password of letters and digits only: it is used in URLs and configuration files unescaped."""
    return secrets.token_hex(PASSWORD_BYTES)


def postgres(release: str, port: int) -> dict[str, str]:
    word = password()
    return {"password": word, "url": f"postgresql://cift:{word}@{release}-postgres:{port}/cift"}


def nats(release: str, port: int) -> dict[str, str]:
    words = {user: password() for user in NATS_USERS}
    urls = {f"url-{u}": f"nats://{u}:{w}@{release}-nats:{port}" for u, w in words.items()}
    lines = [f'{user.upper()}_PASSWORD: "{word}"\n' for user, word in words.items()]
    # In nats-server's configuration a variable replaces a whole value, so each route is one variable.
    peer = password()
    peers = [f'PEER_PASSWORD: "{peer}"\n']
    peers += [
        f'ROUTE_{at}: "nats://peer:{peer}@{release}-nats-{at}.{release}-nats-peers:6222"\n'
        for at in range(NATS_PEERS)
    ]
    return {**urls, "passwords.conf": "".join(lines), "peers.conf": "".join(peers)}


def valkey(release: str, port: int) -> dict[str, str]:
    word = password()
    return {"password": word, "url": f"redis://:{word}@{release}-valkey:{port}/0"}


def clickhouse(release: str, port: int) -> dict[str, str]:
    word = password()
    return {"password": word, "url": f"http://cift:{word}@{release}-clickhouse:{port}/default"}


def token_keys() -> dict[str, str]:
    with tempfile.TemporaryDirectory() as folder:
        path = make_key(Path(folder))
        return {path.name: path.read_text()}


def publish_keys(api: Api, release: str, private: str) -> str:
    """Add the public keys of the Secret `private` to `<release>-token-public-keys`; returns what was done.
    Keys whose private part is gone stay, because tokens that they signed are valid for half an hour. A key
    that replaced another one under the same name replaces its public part.

    Raises:
        ApiError, NoKeys: the Secret is missing, or has no keys.
    """
    path, name = f"/api/v1/namespaces/{api.namespace}/secrets", f"{release}-token-public-keys"
    stored = api.call("GET", f"{path}/{private}").get("data") or {}
    wanted = public_parts({key: base64.b64decode(value).decode() for key, value in stored.items()})
    if ensure(api, name, lambda: wanted):
        return "created"
    found = api.call("GET", f"{path}/{name}")
    data = found.get("data") or {}
    new = {key: value for key, value in _encoded(wanted).items() if data.get(key) != value}
    if not new:
        return "exists"
    api.call("PUT", f"{path}/{name}", {**found, "data": {**data, **new}})
    return f"has {len(new)} new"


def ensure(api: Api, name: str, make: Callable[[], dict[str, str]]) -> bool:
    """Create the Secret if it is missing; returns whether this call created it. Two jobs may run at the same
    time: one of them creates it. Raises ApiError."""
    path = f"/api/v1/namespaces/{api.namespace}/secrets"
    try:
        api.call("GET", f"{path}/{name}")
        return False
    except ApiError as error:
        if error.status != 404:
            raise
    labels = {"app.kubernetes.io/part-of": "cift"}
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "labels": labels},
        "data": _encoded(make()),
    }
    try:
        api.call("POST", path, secret)
    except ApiError as error:
        if error.status != 409:
            raise
        return False
    return True


def _encoded(files: dict[str, str]) -> dict[str, str]:
    """The texts as the field `data` of a Secret holds them."""
    return {name: base64.b64encode(text.encode()).decode() for name, text in files.items()}
