"""Items of UPDATES as clients see them. Pure.

A message for many clients is serialized once: `Published` keeps its frame of each format.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson
import ormsgpack

from cift.kernel.clock import rfc3339
from cift.kernel.money import NANOS, format_nanos
from cift.platform.socket import binary_frame, text_frame
from cift.streams.messages import BarUpdate, FillUpdate, Gap, OrderUpdate, QuoteUpdate, TradeUpdate
from cift.streams.rules import Id, id_text

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages
    from cift.streams.orders import Terms

EXACT_MAX = 2**53
"""The largest integer that every reader of JSON reads exactly."""
NANOS_PER_PPM = 100_000
"""One part per million in nanos of a percent."""


class Published:
    """One message to clients, serialized in each format when it is first needed."""

    __slots__ = ("_event", "_packed", "_text", "at", "body", "id")

    def __init__(self, body: Mapping[str, Any], id: Id | None, at: int = 0) -> None:
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
            self._text = text_frame(dumps(self.body))
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
            self._event = b"%sevent: %s\ndata: %s\n\n" % (id, kind, dumps(self.body))
        return self._event


def dumps(body: Mapping[str, Any]) -> bytes:
    """A message as JSON. An integer beyond 2^53 becomes a string: many readers of JSON would round it."""
    try:
        return orjson.dumps(body, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError:
        return orjson.dumps(_exact(body))


def _exact(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _exact(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(each) for each in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT_MAX:
        return str(value)
    return value


def _amount(nanos: int | None) -> str | None:
    return None if nanos is None else format_nanos(nanos)


def _time(nanoseconds: int | None) -> str | None:
    return None if nanoseconds is None else rfc3339(nanoseconds)


def quote(id: Id, message: messages.QuoteMessage) -> Published:
    """The fields of `GET quote/{symbol}`."""
    body = QuoteUpdate(
        type="quote",
        id=id_text(id),
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
    return Published(body, id, message["timestamp"])


def quote_now(response: messages.QuoteAnswer) -> Published:
    """The engine's response to a query for one quote: the first message of the channel."""
    quote = response["quotes"][0]
    body = QuoteUpdate(
        type="quote",
        id=None,
        symbol=quote["symbol"],
        bid=quote["bid"],
        bid_quantity=quote["bid_quantity"],
        ask=quote["ask"],
        ask_quantity=quote["ask_quantity"],
        last=quote["last"],
        last_quantity=quote["last_quantity"],
        last_at=_time(quote["last_at"]),
        halted=quote["halted"],
        sequence=response["sequence"],
        at=_time(response["at"]),
    )
    return Published(body, None, response["at"] or 0)


def as_state(quote: Published) -> Published:
    """A quote as the current state: a message without an id, which may come after later ones."""
    return quote if quote.id is None else Published({**quote.body, "id": None}, None, quote.at)


def trade(id: Id, message: messages.TradeMessage) -> Published:
    """A trade on this exchange, or a print of the outside market."""
    here = message["trade"] != 0
    body = TradeUpdate(
        type="trade",
        id=id_text(id),
        symbol=message["symbol"],
        source="exchange" if here else "outside",
        price=format_nanos(message["price"]),
        quantity=format_nanos(message["quantity"]),
        aggressor=message["aggressor"] if here else None,
        trade_id=message["trade"] if here else None,
        at=rfc3339(message["timestamp"]),
    )
    return Published(body, id, message["timestamp"])


def bar(id: Id, message: messages.BarMessage) -> Published:
    """One minute of trades here and of outside prints: a bar of `GET bars/{symbol}` with its defaults."""
    volume = message["volume"]
    body = BarUpdate(
        type="bar",
        id=id_text(id),
        symbol=message["symbol"],
        interval="1m",
        start=rfc3339(message["start"]),
        open=format_nanos(message["open"]),
        high=format_nanos(message["high"]),
        low=format_nanos(message["low"]),
        close=format_nanos(message["close"]),
        volume=format_nanos(volume),
        vwap=format_nanos((2 * message["turnover"] + volume) // (2 * volume)),
        trades=message["trades"],
    )
    return Published(body, id, message["timestamp"])


def order(id: Id, message: messages.OrderMessage, terms: Terms | None) -> Published:
    """An order after a change, with the fields of `GET orders/{id}`."""
    quantity, filled, notional = message["quantity"], message["filled"], message["filled_notional"]
    trail = message["trail"]
    amount = trail[1] if trail is not None and trail[0] == "amount" else None
    ppm = trail[1] if trail is not None and trail[0] == "ppm" else None
    view = {
        **(terms.fields if terms is not None else {"id": message["order"], "account_id": message["account"]}),
        "quantity": format_nanos(quantity),
        "filled_quantity": format_nanos(filled),
        "remaining_quantity": format_nanos(quantity - filled),
        # To the nano, half away from zero as in the read model.
        "average_fill_price": format_nanos((notional * NANOS * 2 + filled) // (filled * 2))
        if filled
        else None,
        "limit_price": _amount(message["limit_price"]),
        "stop_price": _amount(message["stop_price"]),
        "trail_amount": _amount(amount),
        "trail_percent": None if ppm is None else format_nanos(ppm * NANOS_PER_PPM),
        "status": message["status"],
        "reason": message["reason"] or message["refusal"],
        "updated_at": rfc3339(message["timestamp"]),
        "sequence": id[0],
    }
    body = OrderUpdate(
        type="order",
        id=id_text(id),
        change=message["change"],
        order_id=message["order"],
        status=message["status"],
        order=view,
        at=view["updated_at"],
    )
    return Published(body, id, message["timestamp"])


def fill(id: Id, message: messages.FillMessage, terms: Terms | None) -> Published:
    """The account's side of a trade, with the fields of `GET fills`."""
    price, quantity = message["price"], message["quantity"]
    at = rfc3339(message["timestamp"])
    body = FillUpdate(
        type="fill",
        id=id_text(id),
        order_id=message["order"],
        client_order_id=terms.client_order_id if terms is not None else None,
        trade_id=message["trade"],
        symbol=message["symbol"],
        side=message["side"],
        liquidity="maker" if message["maker"] else "taker",
        price=format_nanos(price),
        quantity=format_nanos(quantity),
        notional=format_nanos(price * quantity // NANOS),
        fee=format_nanos(message["fee"]),
        realized_pnl=format_nanos(message["realized"]),
        position_after=format_nanos(message["position"]),
        filled_quantity=format_nanos(message["filled"]),
        remaining_quantity=format_nanos(message["leaves"]),
        executed_at=at,
        sequence=id[0],
        at=at,
    )
    return Published(body, id, message["timestamp"])


def gap(since: Id) -> Published:
    """A notice: messages after `since` are missing, because they are no longer stored, or because the
    exchange never had this id."""
    return Published(Gap(type="gap", id=None, since=id_text(since)), None)
