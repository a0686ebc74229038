"""JetStream's own snapshots of streams, over NATS (`$JS.API.STREAM.SNAPSHOT` and `RESTORE`).

The server checks the stream's blocks, packs them, and sends chunks as fast as they are acknowledged. Its
consumers are not in it: those of the journal are made again, and projectors know where they stood.
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
ANSWER_TIMEOUT_S = 60.0  # the server first checks a whole journal
SILENCE_TIMEOUT_S = 60.0
NOT_FOUND = 404
_DONE = "204"


async def save(client: "Client", stream: str, write: Callable[[bytes], None]) -> dict[str, Any] | None:
    """Write the stream; its configuration and state, or None where there is no such stream.

    Raises BackupError."""
    arrived: asyncio.Queue[Msg] = asyncio.Queue()

    async def arrive(message: "Msg") -> None:
        arrived.put_nowait(message)

    inbox = client.new_inbox()
    subscription = await client.subscribe(inbox, cb=arrive)
    try:
        asked = {"deliver_subject": inbox, "no_consumers": True, "jsck": True, "chunk_size": CHUNK_BYTES}
        answer = await _ask(client, f"$JS.API.STREAM.SNAPSHOT.{stream}", json.dumps(asked).encode())
        if answer.get("error", {}).get("code") == NOT_FOUND:
            return None
        _refuse(stream, answer)
        while True:
            try:
                message = await asyncio.wait_for(arrived.get(), SILENCE_TIMEOUT_S)
            except TimeoutError:
                raise BackupError(f"{stream}: NATS fell silent in the middle of the stream") from None
            if not message.data:
                status = (message.headers or {}).get("Status", _DONE)
                if status != _DONE:
                    raise BackupError(f"{stream}: NATS broke off: {message.headers}")
                return {"config": answer["config"], "state": answer["state"]}
            write(message.data)
            if message.reply:
                await client.publish(message.reply, b"")
    finally:
        await subscription.unsubscribe()


async def state(client: "Client", stream: str) -> dict[str, Any] | None:
    """The stream's present configuration and state; None where there is none. Raises BackupError."""
    answer = await _ask(client, f"$JS.API.STREAM.INFO.{stream}", b"")
    if answer.get("error", {}).get("code") == NOT_FOUND:
        return None
    _refuse(stream, answer)
    return {"config": answer["config"], "state": answer["state"]}


async def load(
    client: "Client", stream: str, saved: dict[str, Any], chunks: Iterable[bytes], replicas: int | None
) -> None:
    """Make the stream again, with all its messages and their sequences.

    Raises BackupError."""
    config = {**saved["config"], **({"num_replicas": replicas} if replicas else {})}
    answer = await _ask(
        client,
        f"$JS.API.STREAM.RESTORE.{stream}",
        json.dumps({"config": config, "state": saved["state"]}).encode(),
    )
    _refuse(stream, answer)
    subject = answer["deliver_subject"]
    for chunk in chunks:
        reply = await _request(client, subject, chunk)
        if reply:
            _refuse(stream, json.loads(reply))
    done = json.loads(await _request(client, subject, b""))
    _refuse(stream, done)
    if done["state"]["last_seq"] != saved["state"]["last_seq"]:
        raise BackupError(
            f"{stream} ends at {done['state']['last_seq']}, not at {saved['state']['last_seq']}"
        )


def _refuse(stream: str, answer: dict[str, Any]) -> None:
    if "error" in answer:
        raise BackupError(f"{stream}: NATS says {answer['error'].get('description', answer['error'])}")


async def _ask(client: "Client", subject: str, body: bytes) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(await _request(client, subject, body))
    return answer


async def _request(client: "Client", subject: str, body: bytes) -> bytes:
    import nats.errors

    try:
        return (await client.request(subject, body, timeout=ANSWER_TIMEOUT_S)).data
    except (nats.errors.Error, TimeoutError) as error:
        raise BackupError(f"NATS does not answer {subject}: {error or type(error).__name__}") from None
