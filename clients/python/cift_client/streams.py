"""The streams over a WebSocket as an async iterator that reconnects and misses nothing.

    async with client.stream(trades=["SPY"], book="SPY", orders=True, fills=True) as stream:
        async for message in stream:
            ...

Inside `async with` the subscription is live, unless READY_MAX messages were missed: then it is live when the
caller has read them. After a lost connection, a silent one, or a restart of the exchange the stream connects
again with `since`, the id of the last message that it received, and continues after it. What is older than
the exchange stores is reported by a `Gap`. Without an id, on the first connection, the exchange names the id
from which the subscription is complete.

`stream.books` has the book of each subscribed symbol, checked against the exchange's checksum. A book that is
out of step is requested again; its changes are returned only when they fit.
"""

import asyncio
import json
import random
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from cift_client.book import Book, OutOfStep
from cift_client.errors import ApiError, Closed, NotReachable
from cift_client.models_gen import (
    MESSAGES,
    BarUpdate,
    BookUpdate,
    Error,
    FillUpdate,
    Gap,
    OrderUpdate,
    QuoteUpdate,
    Subscribed,
    TradeUpdate,
)
from cift_client.retry import BACKOFF_MAX_S, BACKOFF_S

PATH = "/api/v1/market-data/ws/stream"
MARKET_CHANNELS = ("quotes", "trades", "bars", "book")
ACCOUNT_CHANNELS = ("orders", "fills")
SYMBOLS_MAX = 100
"""Of a channel in one stream; use several streams for more."""
OPEN_TIMEOUT_S = 10.0
SILENCE_MAX_S = 40.0
"""The exchange sends a heartbeat every 15 s. After this silence the connection is considered lost."""
MESSAGE_BYTES_MAX = 4 * 1024 * 1024
READY_MAX = 10_000
"""Missed messages that `async with` receives before the caller reads the first one."""
TRANSIENT = {"rate_limited", "slow_reader", "too_many_replays", "too_many_connections", "read_model_behind"}
"""Errors after which the stream connects again; so are those that end in `_unavailable`."""

Update = QuoteUpdate | TradeUpdate | BarUpdate | BookUpdate | OrderUpdate | FillUpdate | Gap
_UPDATES = (QuoteUpdate, TradeUpdate, BarUpdate, BookUpdate, OrderUpdate, FillUpdate, Gap)


class Stream:
    """See the module. Made by `AsyncClient.stream`.

    Raises, when it is iterated:
        ApiError: the exchange refused the subscription, or ended the credential.
        NotReachable: no exchange answered the first connection. Later the stream tries until it is closed.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], channels: Mapping[str, Any], since: str | None = None
    ) -> None:
        self.subscriptions = subscriptions_of(channels)
        self.last_id = since
        """The id of the last message that was returned: what a later stream continues after."""
        self._received_id = since
        """The same of the last message that was received: it may still wait in `_ready`."""
        self.books = {symbol: Book(symbol) for symbol in self.subscriptions.get("book", ())}
        self.unknown_symbols: list[str] = []
        """Requested symbols that are not traded."""
        self.connections = 0
        """How often it connected."""
        self._address = url.replace("http", "ws", 1) + PATH
        self._headers = dict(headers)
        self._connection: ClientConnection | None = None
        self._live = self._closed = False
        self._after_gap = False
        """No message after a Gap was received yet. Ids of an exchange that was made anew start again."""
        self._failures = 0
        self._ready: deque[Update | Subscribed] = deque()
        """Messages to return. A Subscribed is not returned: its `last` is the place after a Gap."""

    async def __aenter__(self) -> Self:
        while not self._live and len(self._ready) < READY_MAX:
            await self._step()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Update:
        while True:
            while not self._ready:
                if self._closed:
                    raise StopAsyncIteration
                await self._step()
            message = self._ready.popleft()
            if isinstance(message, Subscribed):
                self.last_id = message.last
                continue
            self.last_id = message.id or self.last_id
            return message

    async def close(self) -> None:
        """End the connection; an iteration ends."""
        self._closed = True
        await self._disconnect()

    async def _step(self) -> None:
        """Connect if necessary, and take one message."""
        if self._closed:
            raise Closed("the stream is closed")
        try:
            if self._connection is None:
                await self._connect()
            if self._connection is None:
                return
            raw = await asyncio.wait_for(self._connection.recv(), SILENCE_MAX_S)
            await self._take(json.loads(raw))
        except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
            await self._lost(error)

    async def _connect(self) -> None:
        connection = await connect(
            self._address,
            additional_headers=self._headers,
            open_timeout=OPEN_TIMEOUT_S,
            max_size=MESSAGE_BYTES_MAX,
            compression=None,
        )
        self._connection = connection
        request: dict[str, Any] = {"action": "subscribe", "subscriptions": self.subscriptions}
        if self._received_id is not None:
            request["since"] = self._received_id
        await connection.send(json.dumps(request))
        self.connections += 1
        if self._closed:  # while it connected
            await self._disconnect()

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()

    async def _take(self, message: dict[str, Any]) -> None:
        model = MESSAGES.get(message["type"])
        if model is None:  # of a later version of the exchange
            return
        known = model.model_validate(message)
        if isinstance(known, Error):
            if not _is_transient(known.code):
                await self._disconnect()
                raise ApiError(known.code, known.message, field=known.field, request_id=known.request_id)
            raise ConnectionResetError(known.code)
        if isinstance(known, Subscribed):
            self._live, self._failures = True, 0
            self.unknown_symbols = known.unknown_symbols or self.unknown_symbols
            if self._after_gap:
                self._after_gap, self._received_id = False, known.last
                self._ready.append(known)
            self._received_id = self._received_id or known.last
            self.last_id = self.last_id or known.last
        elif isinstance(known, Gap):
            self._after_gap = True
            self._ready.append(known)
        elif isinstance(known, BookUpdate):
            if await self._applied(known):
                self._return(known)
        elif isinstance(known, _UPDATES):
            self._return(known)

    def _return(self, message: Any) -> None:
        """Return a message to the caller, unless it was returned before the connection was lost."""
        if message.id is not None:
            last = None if self._after_gap else self._received_id
            if last is not None and order_of(message.id) <= order_of(last):
                return
            self._after_gap, self._received_id = False, message.id
        self._ready.append(message)

    async def _applied(self, update: BookUpdate) -> bool:
        book = self.books[update.symbol]
        if book.sequence < 0 and not update.snapshot:
            return False  # a snapshot is on its way
        try:
            book.apply(update)
        except OutOfStep:
            self.books[update.symbol] = Book(update.symbol)
            again = {"action": "subscribe", "subscriptions": {"book": [update.symbol]}}
            assert self._connection is not None
            await self._connection.send(json.dumps(again))
            return False
        return True

    async def _lost(self, error: Exception) -> None:
        """Wait before the next connection.

        Raises:
            ApiError: another connection would be refused too.
            NotReachable: it was the first connection.
        """
        await self._disconnect()
        if self._closed:
            return
        if isinstance(error, InvalidStatus) and error.response.status_code not in (429, 502, 503, 504):
            raise _refusal(error)
        if isinstance(error, ConnectionClosed) and error.rcvd is not None and error.rcvd.code == 1008:
            if not _is_transient(error.rcvd.reason):
                raise ApiError(error.rcvd.reason, "the exchange ended the connection")
        elif not self.connections and not isinstance(error, InvalidStatus):
            raise NotReachable(f"no exchange answers at {self._address} ({error!r})") from None
        wait_s = min(BACKOFF_MAX_S, BACKOFF_S * 2**self._failures)
        self._failures = min(self._failures + 1, 10)
        await asyncio.sleep(wait_s * random.uniform(0.5, 1.0))  # noqa: S311


def subscriptions_of(channels: Mapping[str, Any]) -> dict[str, list[str]]:
    """The symbols of each channel as the exchange wants them. Raises ValueError, with what to change."""
    found: dict[str, list[str]] = {}
    for channel, value in channels.items():
        if channel in ACCOUNT_CHANNELS:
            if value is True:
                found[channel] = []
            elif value not in (False, None):
                raise ValueError(f"{channel}={value!r}: the channel {channel} takes True, for your account")
            continue
        if channel not in MARKET_CHANNELS:
            known = ", ".join(MARKET_CHANNELS + ACCOUNT_CHANNELS)
            raise ValueError(f"there is no channel {channel!r}; the channels are {known}")
        symbols: Iterable[str] = (value,) if isinstance(value, str) else value or ()
        found[channel] = list(dict.fromkeys(symbol.upper() for symbol in symbols))
        if not found[channel]:
            raise ValueError(f"{channel}={value!r}: name at least one symbol")
        if len(found[channel]) > SYMBOLS_MAX:
            raise ValueError(f"{channel} has {len(found[channel])} symbols; a stream takes {SYMBOLS_MAX}")
    if not found:
        raise ValueError("name at least one channel, such as trades=['SPY']")
    return found


def order_of(id: str) -> tuple[int, int]:
    """The place of an id in the stream."""
    command, _, index = id.partition(":")
    return int(command), int(index)


def _is_transient(code: str) -> bool:
    return code in TRANSIENT or code.endswith("_unavailable")


def _refusal(error: InvalidStatus) -> Exception:
    status = error.response.status_code
    try:
        body = json.loads(error.response.body or b"")
        return ApiError(body["code"], body["message"], status=status, request_id=body.get("request_id"))
    except (ValueError, KeyError, TypeError):
        return NotReachable(f"HTTP {status}: there is no exchange at this address")
