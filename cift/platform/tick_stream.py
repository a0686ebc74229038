"""The stream TICKS: raw ticks from outside feeds and loaders to the tick stores.

One message holds many ticks of one symbol (`cift_core.ticks`), on `ticks.<feed>.<symbol>`. Its id is feed,
symbol, kind and first sequence. The stream drops a batch that is sent again within two minutes; the stores,
which have the same keys, drop it later.

A full stream drops its oldest messages, because a feed cannot wait. `archive_ticks` counts the messages
that it missed (`cift_ticks_lost_messages`). A loader can wait, and does so depending on `pending`.
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
"""A symbol's split and dividend factors are sent as JSON on `factors.<symbol>`."""
REBUILD = "rebuild"
"""Last token of the subject of a request to compute bars again: `ticks.<feed>.<symbol>.rebuild`, as JSON."""
SUBJECTS = ("ticks.>", f"{FACTORS}>")
DUPLICATE_WINDOW_S = 120
PUBLISH_TIMEOUT_S = 5.0
ARCHIVE = "archive_ticks"


def _token(symbol: str) -> str:
    """A symbol as one token of a subject, in the same form as in `rust_core/crates/wire`."""
    return symbol.replace(".", "-").replace("/", "-")


class Ticks:
    """Publishes batches of ticks."""

    def __init__(self, settings: Settings, nats: Nats) -> None:
        self._settings, self._nats = settings, nats
        self._js: JetStreamContext | None = None

    @property
    def are_kept(self) -> bool:
        """Whether there is a tick store to archive them."""
        return (self._settings.clickhouse_url, self._settings.questdb_url) != ("none", "none")

    async def publish(self, feed: str, symbol: str, kind: str, first: int, batch: bytes) -> None:
        """Publish one batch; returns when the stream has stored it.

        Raises:
            Unavailable: the batch may have been stored or not: publish it again.
        """
        await self._put(f"ticks.{feed}.{_token(symbol)}", batch, f"{feed}:{symbol}:{kind}:{first}")

    async def publish_loaded(self, feed: str, symbol: str, batch: bytes, id: str) -> int:
        """Publish one batch of a load; returns its sequence in the stream. `id` is unique to the load, so
        that a corrected file is not taken for a repetition.

        Raises:
            Unavailable: the batch may have been stored or not.
        """
        return await self._put(f"ticks.{feed}.{_token(symbol)}", batch, id)

    async def publish_rebuild(self, feed: str, symbol: str, first_ns: int, last_ns: int) -> int:
        """Have the bars of a feed and symbol computed again from the ticks of these days; returns the
        message's sequence in the stream. Raises Unavailable."""
        data = orjson.dumps({"feed": feed, "symbol": symbol, "first_ns": first_ns, "last_ns": last_ns})
        return await self._put(f"ticks.{feed}.{_token(symbol)}.{REBUILD}", data, None)

    async def publish_factors(self, symbol: str, factors: Sequence[tuple[date, Decimal, Decimal]]) -> int:
        """Publish all factors of a symbol: last day, price factor, split factor. They replace the stored
        ones. Returns the message's sequence in the stream. Raises Unavailable."""
        rows = [[day.isoformat(), str(price), str(split)] for day, price, split in factors]
        data = orjson.dumps({"symbol": symbol, "factors": rows})
        return await self._put(f"{FACTORS}{_token(symbol)}", data, None)

    async def _put(self, subject: str, data: bytes, id: str | None) -> int:
        import nats.errors

        js = await self._stream()
        headers = None if id is None else {"Nats-Msg-Id": id}
        try:
            answer = await js.publish(
                subject, data, timeout=PUBLISH_TIMEOUT_S, stream=STREAM, headers=headers
            )
        except (nats.errors.Error, OSError, TimeoutError) as error:
            self._js = None  # after a reconnect the server may not have the stream
            raise Unavailable(
                "ticks_unavailable", f"The stream {STREAM} does not respond: {error}"
            ) from error
        return answer.seq

    async def archived(self) -> int:
        """The sequence up to which all messages are archived; 0 if nothing was. Raises Unavailable."""
        import nats.errors
        import nats.js.errors

        js = await self._stream()
        try:
            info = await js.consumer_info(STREAM, ARCHIVE)
        except nats.js.errors.NotFoundError:
            return 0
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise Unavailable("ticks_unavailable", f"The stream {STREAM} does not respond") from error
        return info.ack_floor.stream_seq if info.ack_floor is not None else 0

    async def pending(self) -> int:
        """The number of messages that are not archived yet. Raises Unavailable."""
        import nats.errors
        import nats.js.errors

        js = await self._stream()
        try:
            info = await js.consumer_info(STREAM, ARCHIVE)
        except nats.js.errors.NotFoundError:
            return (await js.stream_info(STREAM)).state.messages
        except (nats.errors.Error, OSError, TimeoutError) as error:
            raise Unavailable("ticks_unavailable", f"The stream {STREAM} does not respond") from error
        return (info.num_pending or 0) + (info.num_ack_pending or 0)

    async def _stream(self) -> "JetStreamContext":
        if self._js is not None:
            return self._js
        import nats.errors
        from nats.js.api import DiscardPolicy, StorageType, StreamConfig

        js = await self._nats.jetstream()
        config = StreamConfig(
            name=STREAM,
            description="Raw ticks to be archived in the tick stores",
            subjects=list(SUBJECTS),
            storage=StorageType.FILE,
            discard=DiscardPolicy.OLD,
            max_bytes=self._settings.ticks_max_bytes,
            duplicate_window=DUPLICATE_WINDOW_S,
        )
        try:
            await js.add_stream(config)
        except nats.errors.Error as error:
            # It exists with another configuration, for example from the operator: use it unchanged.
            try:
                await js.stream_info(STREAM)
            except nats.errors.Error:
                raise Unavailable("ticks_unavailable", f"The stream {STREAM} cannot be created") from error
        self._js = js
        return js

    async def close(self) -> None:
        """Nothing to close: the connection belongs to `Nats`."""
