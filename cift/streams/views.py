"""Messages of the bus as clients see them. Pure.

A message for many clients is serialized once: `Published` keeps its frame of each format.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import orjson
import ormsgpack

from cift.kernel.clock import rfc3339
from cift.kernel.money import format_nanos
from cift.platform.socket import binary_frame, text_frame
from cift.streams.rules import Id, id_text

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

    Message: TypeAlias = (
        messages.TradeMessage
        | messages.QuoteMessage
        | messages.BookDeltaMessage
        | messages.OrderMessage
        | messages.FillMessage
    )


class Published:
    """One message to clients, serialized in each format when it is first needed."""

    __slots__ = ("_event", "_packed", "_text", "at", "body", "id")

    def __init__(self, body: dict[str, Any], id: Id | None, at: int = 0) -> None:
        self.body = body
        self.id = id
        """None: a state or a notice, which is not part of the stream."""
        self.at = at
        """The engine's time: ns since the Unix epoch."""
        self._text = self._packed = self._event = b""

    @property
    def text(self) -> bytes:
        """A WebSocket frame with JSON."""
        if not self._text:
            self._text = text_frame(orjson.dumps(self.body))
        return self._text

    @property
    def packed(self) -> bytes:
        """A WebSocket frame with MessagePack."""
        if not self._packed:
            self._packed = binary_frame(ormsgpack.packb(self.body))
        return self._packed

    @property
    def event(self) -> bytes:
        """A Server-Sent Event."""
        if not self._event:
            id = b"id: %s\n" % id_text(self.id).encode() if self.id is not None else b""
            kind = self.body["type"].encode()
            self._event = b"%sevent: %s\ndata: %s\n\n" % (id, kind, orjson.dumps(self.body))
        return self._event


def _amount(nanos: int | None) -> str | None:
    return None if nanos is None else format_nanos(nanos)


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds)


def _id(message: messages.Origin) -> Id:
    return message["sequence"], message["index"]


def _event(kind: str, message: messages.Origin, **fields: Any) -> Published:
    id = _id(message)
    return Published({"type": kind, "id": id_text(id), **fields}, id, message["timestamp"])


def quote(message: messages.QuoteMessage) -> Published:
    """`market.quote.<symbol>`: the fields of `GET quote/{symbol}`."""
    return _event(
        "quote",
        message,
        symbol=message["symbol"],
        bid=_amount(message["bid"]),
        bid_quantity=_amount(message["bid_quantity"]),
        ask=_amount(message["ask"]),
        ask_quantity=_amount(message["ask_quantity"]),
        last=_amount(message["last"]),
        last_quantity=_amount(message["last_quantity"]),
        last_at=_time(message["last_at"]),
        halted=message["halted"],
        sequence=message["sequence"],
        at=rfc3339(message["timestamp"]),
    )


def quote_now(response: messages.QuoteAnswer) -> Published:
    """The engine's response to a query for one quote: the first message of the channel."""
    quote = response["quotes"][0]
    body = {
        "type": "quote",
        "id": None,
        **quote,
        "last_at": _time(quote["last_at"]),
        "at": _time(response["at"]),
        "sequence": response["sequence"],
    }
    return Published(body, None, response["at"] or 0)


def trade(message: messages.TradeMessage) -> Published:
    """`market.trade.<symbol>`."""
    here = message["trade"] != 0
    return _event(
        "trade",
        message,
        symbol=message["symbol"],
        source="exchange" if here else "outside",
        price=format_nanos(message["price"]),
        quantity=format_nanos(message["quantity"]),
        aggressor=message["aggressor"] if here else None,
        trade_id=message["trade"] if here else None,
        at=rfc3339(message["timestamp"]),
    )


def order(message: messages.OrderMessage) -> Published:
    """`events.<account>.order`: one change; fields that it does not affect are null."""
    return _event(
        "order",
        message,
        change=message["change"],
        order_id=message["order"],
        client_order_id=message["client_order_id"],
        symbol=message["symbol"],
        side=message["side"],
        order_type=message["kind"],
        time_in_force=message["time_in_force"],
        status=message["status"],
        reason=message["reason"],
        quantity=_amount(message["quantity"]),
        limit_price=_amount(message["limit_price"]),
        stop_price=_amount(message["stop_price"]),
        at=rfc3339(message["timestamp"]),
    )


def fill(message: messages.FillMessage) -> Published:
    """`events.<account>.fill`: the account's side of a trade."""
    return _event(
        "fill",
        message,
        order_id=message["order"],
        trade_id=message["trade"],
        symbol=message["symbol"],
        side=message["side"],
        liquidity="maker" if message["maker"] else "taker",
        price=format_nanos(message["price"]),
        quantity=format_nanos(message["quantity"]),
        fee=format_nanos(message["fee"]),
        filled_quantity=format_nanos(message["filled"]),
        remaining_quantity=format_nanos(message["leaves"]),
        at=rfc3339(message["timestamp"]),
    )


def gap(channel: str, symbol: str | None, since: Id) -> Published:
    """A notice: the messages between `since` and the next one are no longer stored."""
    body = {"type": "gap", "channel": channel, "symbol": symbol, "since": id_text(since)}
    return Published(body, None)


def notice(kind: str, **fields: Any) -> Published:
    """A response to one client, or a heartbeat to all."""
    return Published({"type": kind, **fields}, None)
