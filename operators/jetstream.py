"""JetStream's own API, as JSON. nats-py's typed calls would drop configuration fields that they do not know.

The journal, the stream of updates and the engine's snapshots cannot be changed through this module, whatever
a resource declares. In the cluster the operator's NATS user has no permission for them either.
"""

from typing import Any

import orjson

from cift.kernel.errors import Refused, Unavailable
from cift.platform.nats import BusError, Nats

TIMEOUT_S = 5.0
PAGES_MAX = 100
NOT_FOUND = {10059, 10014}
"""JetStream's error codes for an unknown stream and an unknown consumer."""


class JetStream:
    """Streams and consumers of one account of the NATS server."""

    def __init__(self, nats: Nats) -> None:
        self._nats = nats

    async def _call(self, subject: str, body: Any = None) -> dict[str, Any] | None:
        """The response, None for an unknown stream or consumer. Raises Unavailable, Refused."""
        payload = b"" if body is None else orjson.dumps(body)
        try:
            reply = await self._nats.request(f"$JS.API.{subject}", payload, TIMEOUT_S)
        except (BusError, OSError) as error:
            raise Unavailable("nats_unavailable", "JetStream does not answer") from error
        response: dict[str, Any] = orjson.loads(reply.data)
        problem: dict[str, Any] | None = response.get("error")
        if problem is None:
            return response
        if problem.get("err_code") in NOT_FOUND:
            return None
        if problem.get("code", 500) >= 500:
            raise Unavailable("nats_unavailable", f"JetStream failed: {problem.get('description')}")
        raise Refused("nats_refused", f"JetStream rejected the request: {problem.get('description')}")

    async def stream(self, name: str) -> dict[str, Any] | None:
        """Configuration and state of a stream, None if there is none. Raises Unavailable, Refused."""
        return await self._call(f"STREAM.INFO.{name}")

    async def create_stream(self, config: dict[str, Any]) -> None:
        _allowed(config["name"])
        await self._call(f"STREAM.CREATE.{config['name']}", config)

    async def update_stream(self, config: dict[str, Any]) -> None:
        _allowed(config["name"])
        await self._call(f"STREAM.UPDATE.{config['name']}", config)

    async def delete_stream(self, name: str) -> None:
        _allowed(name)
        await self._call(f"STREAM.DELETE.{name}")

    async def consumers(self, stream: str) -> list[dict[str, Any]]:
        """All consumers of a stream, including those that others made."""
        found: list[dict[str, Any]] = []
        for _ in range(PAGES_MAX):
            page = await self._call(f"CONSUMER.LIST.{stream}", {"offset": len(found)})
            items = (page or {}).get("consumers") or []
            found += items
            if not items or len(found) >= int((page or {}).get("total", 0)):
                break
        return found

    async def put_consumer(self, stream: str, config: dict[str, Any], *, create: bool) -> None:
        """Create or update a durable consumer."""
        _allowed(stream)
        request = {"stream_name": stream, "config": config, "action": "create" if create else "update"}
        await self._call(f"CONSUMER.DURABLE.CREATE.{stream}.{config['durable_name']}", request)

    async def delete_consumer(self, stream: str, name: str) -> None:
        _allowed(stream)
        await self._call(f"CONSUMER.DELETE.{stream}.{name}")


def _allowed(stream: str) -> None:
    if stream in ("ORDERS", "UPDATES") or stream.startswith(("ORDERS_", "UPDATES_", "OBJ_", "KV_")):
        raise Refused("reserved_stream", f"The stream {stream} belongs to the engine and cannot be changed")
