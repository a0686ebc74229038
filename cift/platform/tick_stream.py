"""The stream TICKS: raw ticks of outside feeds and of loaders, on their way to the tick stores.

One message is many ticks of one symbol (`cift_core.ticks`), on `ticks.<feed>.<symbol>`. Its id is feed,
symbol, kind and first sequence, so that a batch sent again within two minutes is dropped by the stream; what
comes later is dropped by the stores, whose keys hold the same.

The stream is bounded and lets the oldest go when it is full, for a feed cannot be told to wait. That is not
done silently: `archive_ticks` counts what it never saw (`cift_ticks_lost_messages`). Who can wait (a loader)
looks at `waiting` and does.
"""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

import orjson

from cift.kernel.errors import Unavailable
from cift.platform.nats import Nats
from cift.platform.settings import Settings

if TYPE_CHECKING:
    from nats.js import JetStreamContext

STREAM = "TICKS"
FACTORS = "factors."
"""Beside ticks: a symbol's split and dividend factors, as JSON, on `factors.<symbol>`."""
SUBJECTS = ("ticks.>", f"{FACTORS}>")
DUPLICATE_WINDOW_S = 120
PUBLISH_TIMEOUT_S = 5.0
ARCHIVE = "archive_ticks"


def _token(symbol: str) -> str:
    """A symbol as one token of a subject, as the wire has it."""
    return symbol.replace(".", "-").replace("/", "-")


class Ticks:
    """Publishes batches of ticks."""

    def __init__(self, settings: Settings, nats: Nats) -> None:
        self._settings, self._nats = settings, nats
        self._js: JetStreamContext | None = None

    @property
    def are_kept(self) -> bool:
        """Whether any store takes them: without one nobody would."""
        return (self._settings.clickhouse_url, self._settings.questdb_url) != ("none", "none")

    async def publish(self, feed: str, symbol: str, kind: str, first: int, batch: bytes) -> None:
        """Put one batch into the stream; returns when it is on the disk.

        Raises:
            Unavailable: it may be there or not: send it again.
        """
        await self._put(f"ticks.{feed}.{_token(symbol)}", batch, f"{feed}:{symbol}:{kind}:{first}")

    async def publish_factors(self, symbol: str, factors: Sequence[tuple[date, Decimal, Decimal]]) -> None:
        """Tell a symbol's factors: up to which day, price factor, split factor. Raises Unavailable."""
        told = [[day.isoformat(), str(price), str(split)] for day, price, split in factors]
        data = orjson.dumps({"symbol": symbol, "factors": told})
        await self._put(f"{FACTORS}{_token(symbol)}", data, None)

    async def _put(self, subject: str, data: bytes, id: str | None) -> None:
        import nats.errors

        js = await self._stream()
        headers = None if id is None else {"Nats-Msg-Id": id}
        try:
            await js.publish(subject, data, timeout=PUBLISH_TIMEOUT_S, stream=STREAM, headers=headers)
        except (nats.errors.Error, OSError, TimeoutError) as error:
            self._js = None  # it may be another server, without the stream
            raise Unavailable("ticks_unavailable", f"The stream {STREAM} does not answer: {error}") from error

    async def waiting(self) -> int:
        """How many messages the archive has not dealt with yet. Raises Unavailable."""
        import nats.errors
        import nats.js.errors

        js = await self._stream()
        try:
            info = await js.consumer_info(STREAM, ARCHIVE)
        except nats.js.errors.NotFoundError:
            return (await js.stream_info(STREAM)).state.messages
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise Unavailable("ticks_unavailable", f"The stream {STREAM} does not answer") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def _stream(self) -> "JetStreamContext":
        if self._js is not None:
            return self._js
        import nats.errors
        from nats.js.api import DiscardPolicy, StorageType, StreamConfig

        js = await self._nats.jetstream()
        config = StreamConfig(
            name=STREAM,
            description="Raw ticks on their way to the tick stores",
            subjects=list(SUBJECTS),
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=self._settings.ticks_max_bytes,
            duplicate_window=DUPLICATE_WINDOW_S,
        )
        try:
            await js.add_stream(config)
        except nats.errors.Error as error:
            # There with another configuration (an operator's, say): it is used as it is.
            try:
                await js.stream_info(STREAM)
            except nats.errors.Error:
                raise Unavailable("ticks_unavailable", f"The stream {STREAM} cannot be made") from error
        self._js = js
        return js

    async def close(self) -> None:
        """The connection is `Nats`' own."""
