"""The account's orders, as far as messages need them: the terms of an order that never change.

An update carries an order's terms when it is accepted or refused, and afterwards only what changes. The
terms of orders from before come from the read model.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cift.kernel.clock import rfc3339
from cift.kernel.errors import ReadModelBehind, Unavailable
from cift.kernel.money import format_nanos
from cift.platform.postgres import Database

if TYPE_CHECKING:
    from cift.contracts import messages_gen as messages

ENDED_MAX = 10_000
"""Terms of ended orders that are kept, so that late fills of the same record have them."""
CATCH_UP_TRIES_MAX = 5

_COLUMNS = """id::text, client_order_id, account_id::text, symbol, side, type, time_in_force,
    (extract(epoch FROM expire_at) * 1000000)::bigint * 1000 AS expire_ns,
    (display_quantity * 1000000000)::bigint AS display_nanos, post_only, reduce_only, self_trade_prevention,
    order_class, parent_id::text, legs::text[],
    (extract(epoch FROM created_at) * 1000000)::bigint * 1000 AS created_ns, is_open"""
_OPEN = f"SELECT {_COLUMNS} FROM orders WHERE account_id = $1 AND is_open"  # noqa: S608
_NAMED = f"SELECT {_COLUMNS} FROM orders WHERE account_id = $1 AND id = ANY($2::uuid[])"  # noqa: S608


@dataclass(frozen=True, slots=True)
class Terms:
    """The fields of `OrderView` that never change."""

    client_order_id: str | None
    fields: dict[str, Any]


def accepted(message: messages.OrderMessage) -> Terms | None:
    """The terms that a message carries."""
    terms = message["terms"]
    if terms is None:
        return None
    time_in_force = terms["time_in_force"]
    name, expires = time_in_force if isinstance(time_in_force, tuple) else (time_in_force, None)
    client_order_id = terms["client_order_id"]
    if client_order_id is not None:  # as in the read model: PostgreSQL's text cannot hold NUL
        client_order_id = client_order_id.replace("\x00", "\ufffd")
    return _terms(
        id=message["order"],
        client_order_id=client_order_id,
        account_id=message["account"],
        symbol=terms["symbol"],
        side=terms["side"],
        type=terms["kind"],
        time_in_force=name,
        expire_ns=expires,
        display_nanos=terms["display_quantity"],
        post_only=terms["post_only"],
        reduce_only=terms["reduce_only"],
        self_trade_prevention=terms["self_trade_prevention"],
        order_class=terms["order_class"],
        parent_id=terms["parent"],
        legs=terms["legs"],
        created_ns=message["timestamp"],
    )


def _terms(**row: Any) -> Terms:
    expires, display, created = row.pop("expire_ns"), row.pop("display_nanos"), row.pop("created_ns")
    row["expire_at"] = None if expires is None else rfc3339(expires)
    row["display_quantity"] = None if display is None else format_nanos(display)
    row["created_at"] = rfc3339(created)
    row["legs"] = list(row["legs"])
    return Terms(row["client_order_id"], row)


class AccountOrders:
    """The terms of one account's orders: those that were open at the beginning, and those accepted since."""

    def __init__(self, account: str, database: Database) -> None:
        self.account = account
        self._database = database
        self._terms: dict[str, Terms] = {}
        self._ended: dict[str, None] = {}

    async def open(self) -> None:
        """Read the open orders. Later updates carry the terms of later orders.

        Raises:
            Unavailable: the read model does not respond, or is behind.
        """
        for left in reversed(range(CATCH_UP_TRIES_MAX)):
            try:
                await self._database.caught_up(self.account, "project_orders")
                break
            except ReadModelBehind:
                if not left:
                    raise Unavailable(
                        "read_model_behind", "Your open orders cannot be read at the moment; try again"
                    ) from None
        async with self._database.read(self.account) as c:
            self._add(await c.fetch(_OPEN, self.account))

    def _add(self, rows: Iterable[Any]) -> None:
        for row in rows:
            values = dict(row)
            if not values.pop("is_open"):
                self._forget_later(row["id"])
            self._terms[row["id"]] = _terms(**values)

    def learn(self, message: messages.OrderMessage) -> None:
        """Keep the terms that a message carries, and forget those of orders that ended some time ago."""
        order = message["order"]
        terms = accepted(message)
        if terms is not None:
            self._terms[order] = terms
        if message["status"] in ("filled", "canceled", "expired", "rejected"):
            self._forget_later(order)

    def _forget_later(self, order: str) -> None:
        self._ended[order] = None
        if len(self._ended) > ENDED_MAX:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._terms.pop(oldest, None)

    def find(self, order: str) -> Terms | None:
        return self._terms.get(order)

    async def load(self, orders: Iterable[str]) -> None:
        """Read the terms of these orders, as far as they are not known. Raises Unavailable."""
        missing = [order for order in orders if order not in self._terms]
        if missing:
            async with self._database.read(self.account) as c:
                self._add(await c.fetch(_NAMED, self.account, missing))
