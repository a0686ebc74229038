"""Keep the journal's id in the ConfigMap RELEASE-journal. With it matchd never begins another journal."""

import asyncio
import time

from cift.install.api import Api, ApiError
from cift.kernel.errors import Unavailable
from cift.platform.nats import Nats
from cift.platform.settings import Settings

WAIT_S = 540.0
"""How long matchd may need to create the journal after the installation."""
POLL_S = 1.0


class AnotherJournal(Exception):
    """NATS holds another journal than the ConfigMap; the text names both and the remedy."""


async def id_of(settings: Settings, timeout_s: float = WAIT_S) -> str:
    """Wait until there is a journal. Returns its id.

    Raises:
        Unavailable: there is none after `timeout_s`.
    """
    nats = Nats(settings)
    deadline = time.monotonic() + timeout_s
    try:
        while True:
            try:
                return (await nats.journal())[0]
            except Unavailable:
                if time.monotonic() >= deadline:
                    raise
            await asyncio.sleep(POLL_S)
    finally:
        await nats.close()


def keep(api: Api, release: str, id: str) -> bool:
    """Create the ConfigMap if it is missing; returns whether this call created it. It is never changed.

    Raises:
        AnotherJournal, ApiError.
    """
    name, path = f"{release}-journal", f"/api/v1/namespaces/{api.namespace}/configmaps"
    config = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "labels": {"app.kubernetes.io/part-of": "cift"}},
        "data": {"id": id},
    }
    try:
        api.call("POST", path, config)
        return True
    except ApiError as error:
        if error.status != 409:
            raise
    known = api.call("GET", f"{path}/{name}").get("data", {}).get("id", "")
    if known != id:
        raise AnotherJournal(
            f"NATS holds the journal {id}, but the ConfigMap {name} names {known or 'none'}. matchd serves"
            " only the named one. Give NATS its data back, or restore a backup. To begin a new exchange on"
            f" purpose, delete the ConfigMap {name}"
        )
    return False
