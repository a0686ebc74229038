"""JetStream's own snapshots of streams, over NATS (`$JS.API.STREAM.SNAPSHOT` and `RESTORE`).

The server checks the stream's blocks, packs them, and sends chunks as fast as they are acknowledged. A
snapshot contains no consumers: those of the journal are created again, and projectors have their own offsets.
"""

import asyncio
import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cift.backup.archive import BackupError

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

CHUNK_BYTES = 512 * 1024  # far below the server's max_payload
RESPONSE_TIMEOUT_S = 60.0  # the server checks the whole journal before it responds
SILENCE_TIMEOUT_S = 60.0
NOT_FOUND = 404
_DONE = "204"


async def save(client: "Client", stream: str, write: Callable[[bytes], None]) -> dict[str, Any] | None:
    """Write the stream; returns its configuration and state, or None if it does not exist. Raises
    BackupError."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def arrive(message: "Msg") -> None:
        arrived.put_nowait(message)

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=arrive)
    try:
        request = {"deliver_subject": inbox, "no_consumers": True, "jsck": True, "chunk_size": CHUNK_BYTES}
        reply = await _call(client, f"$JS.API.STREAM.SNAPSHOT.{stream}", json.dumps(request).encode())
        if reply.get("error", {}).get("code") == NOT_FOUND:
            return None
        _check(stream, reply)
        while True:
            try:
                message = await asyncio.wait_for(arrived.get(), SILENCE_TIMEOUT_S)
            except TimeoutError:
                raise BackupError(
                    f"{stream}: NATS sent nothing for {SILENCE_TIMEOUT_S:g} s in the middle of the stream"
                ) from None
            if not message.data:
                status = (message.headers or {}).get("Status", _DONE)
                if status != _DONE:
                    raise BackupError(f"{stream}: NATS ended the snapshot early: {message.headers}")
                return {"config": reply["config"], "state": reply["state"]}
            write(message.data)
            if message.reply:
                await client.publish(message.reply, b"")
    finally:
        await subscription.unsubscribe()


async def state(client: "Client", stream: str) -> dict[str, Any] | None:
    """The stream's present configuration and state; None if it does not exist. Raises BackupError."""
    reply = await _call(client, f"$JS.API.STREAM.INFO.{stream}", b"")
    if reply.get("error", {}).get("code") == NOT_FOUND:
        return None
    _check(stream, reply)
    return {"config": reply["config"], "state": reply["state"]}


async def load(
    client: "Client", stream: str, saved: dict[str, Any], chunks: Iterable[bytes], replicas: int | None
) -> None:
    """Create the stream with all its messages and their sequences. Raises BackupError."""
    config = {**saved["config"], **({"num_replicas": replicas} if replicas else {})}
    reply = await _call(
        client,
        f"$JS.API.STREAM.RESTORE.{stream}",
        json.dumps({"config": config, "state": saved["state"]}).encode(),
    )
    _check(stream, reply)
    subject = reply["deliver_subject"]
    for chunk in chunks:
        acknowledgement = await _request(client, subject, chunk)
        if acknowledgement:
            _check(stream, json.loads(acknowledgement))
    done = json.loads(await _request(client, subject, b""))
    _check(stream, done)
    if done["state"]["last_seq"] != saved["state"]["last_seq"]:
        raise BackupError(
            f"the restored {stream} ends at {done['state']['last_seq']}, not at {saved['state']['last_seq']}"
        )


def _check(stream: str, reply: dict[str, Any]) -> None:
    """Raises BackupError if NATS reported an error."""
    if "error" in reply:
        raise BackupError(f"{stream}: NATS reports {reply['error'].get('description', reply['error'])}")


async def _call(client: "Client", subject: str, body: bytes) -> dict[str, Any]:
    reply: dict[str, Any] = json.loads(await _request(client, subject, body))
    return reply


async def _request(client: "Client", subject: str, body: bytes) -> bytes:
    import nats.errors

    try:
        return (await client.request(subject, body, timeout=RESPONSE_TIMEOUT_S)).data
    except (nats.errors.Error, TimeoutError) as error:
        raise BackupError(f"NATS does not respond to {subject}: {error or type(error).__name__}") from None
