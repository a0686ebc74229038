"""Events of an account's orders in Alpaca's form: over the WebSocket `/stream` and the events of
`/v2/events/trades`.

The bus sends one message per change of an order and one per fill. What they lack of the order comes from the
read model, which has caught up by then. A replacement gives two updates: `replaced` with the old id, `new`
with the new one. An update's id is its place in the journal, by which a client resumes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from cift.alpaca import assets, orders, trading
from cift.alpaca.assets import Directory
from cift.contracts.amounts import decimal_text, required_text
from cift.kernel.errors import NotFound
from cift.kernel.ids import uuid5
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.streams.views import Published
from cift.trading import store

CHANNELS = ("orders", "fills")
_CLOSED = {"canceled": "canceled", "expired": "expired", "rejected": "rejected", "filled": "fill"}


@dataclass(frozen=True, slots=True)
class Update:
    """One event."""

    id: str
    body: dict[str, Any]


class Updates:
    """The updates of one account."""

    def __init__(self, trader: Trader, database: Database) -> None:
        self._trader, self._database = trader, database
        self._instruments: Directory | None = None
        self._sent: set[str] = set()
        """Replacements whose updates were sent."""

    async def of(self, published: Published) -> list[Update]:
        """The updates that a message of the channels `orders` and `fills` gives.

        Raises:
            Unavailable, ReadModelBehind: the read model cannot complete them now.
        """
        message = published.body
        if published.id is None:
            return []
        order_id = message["order_id"]
        try:
            found = await trading.resolve(order_id, self._trader, self._database)
        except NotFound:  # of a reset account
            return []
        instruments = self._instruments
        if instruments is None or instruments.find(found.view.symbol) is None:
            instruments = self._instruments = await assets.directory(self._database)
        present = orders.body(found.view, instruments, found.revisions)
        id = message["id"]
        if message["type"] == "fill":
            return [Update(id, await self._fill(message, dict(present)))]
        change, at = message["change"], message["at"]
        if change == "filled":  # its fill has its own message
            return []
        if change == "refused":
            return [Update(id, _update("rejected", at, {**present, "status": "rejected"}))]
        if change == "replaced":
            return [Update(id, body) for body in self._replaced(found, instruments, at)]
        if change == "closed":
            event = _CLOSED.get(message["status"], message["status"])
            return [Update(id, _update(event, at, {**present, "status": message["status"]}))]
        if change == "adjusted":
            return [Update(id, _update("restated", at, dict(present)))]
        status = message["status"]
        if status == "held":
            return []
        # The read model may have a later replacement already: the order had its earlier id then.
        later = next((n for n, each in enumerate(found.revisions) if each.replaced_at >= at), None)
        accepted: dict[str, Any] = dict(present)
        if later is not None:
            accepted = dict(orders.replaced_body(found.view, instruments, found.revisions, later))
            accepted |= {"replaced_at": None, "replaced_by": None}
        opened = {
            **accepted,
            "status": "new",
            "filled_qty": "0",
            "filled_avg_price": None,
            "filled_at": None,
            "canceled_at": None,
            "expired_at": None,
        }
        return [Update(id, _update("new", at, opened))]

    def _replaced(self, found: trading.Found, instruments: Directory, at: str) -> list[dict[str, Any]]:
        """The two updates of the oldest replacement of that time that was not sent yet."""
        for number, revision in enumerate(found.revisions):
            if revision.replaced_at == at and revision.id not in self._sent:
                self._sent.add(revision.id)
                view, revisions = found.view, found.revisions
                old = orders.replaced_body(view, instruments, revisions, number)
                if number + 1 < len(revisions):
                    new = dict(orders.replaced_body(view, instruments, revisions, number + 1))
                    new |= {"status": "new", "replaced_at": None, "replaced_by": None}
                else:
                    new = dict(orders.body(view, instruments, revisions))
                    new["status"] = "partially_filled" if view.filled_quantity != "0" else "new"
                return [_update("replaced", at, dict(old)), _update("new", at, new)]
        return []

    async def _fill(self, message: Mapping[str, Any], order: dict[str, Any]) -> dict[str, Any]:
        async with self._database.read(self._trader.account_id) as c:
            rows = await store.fills(
                c,
                self._trader.account_id,
                order_id=message["order_id"],
                symbol=None,
                before=None,
                limit=1_000,
            )
        until = [row for row in rows if row["trade_id"] <= message["trade_id"]]
        quantity = sum((row["quantity"] for row in until), Decimal(0))
        notional = sum((row["notional"] for row in until), Decimal(0))
        whole = message["remaining_quantity"] == "0"
        order["status"] = "filled" if whole else "partially_filled"
        order["filled_qty"] = message["filled_quantity"]
        if quantity:
            order["filled_avg_price"] = decimal_text(round(notional / quantity, 9))
        order["filled_at"] = message["at"]
        order["canceled_at"] = order["expired_at"] = None
        found = _update("fill" if whole else "partial_fill", message["at"], order)
        own = next((row for row in until if row["trade_id"] == message["trade_id"]), None)
        found["execution_id"] = uuid5(message["order_id"], f"trade:{message['trade_id']}")
        found["price"], found["qty"] = message["price"], message["quantity"]
        if own is not None:
            found["position_qty"] = required_text(own["position_after"])
        return found


def _update(event: str, at: str, order: dict[str, Any]) -> dict[str, Any]:
    return {
        "event": event,
        "execution_id": uuid5(order["id"], f"{event}:{at}"),
        "timestamp": at,
        "order": order,
    }
