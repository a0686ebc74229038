"""Requests about the account and its positions: what they need, and their answers in Alpaca's form."""

from __future__ import annotations

from cift.alpaca import account as translation
from cift.alpaca import bodies
from cift.platform.engine import Engine
from cift.platform.identity import Trader
from cift.platform.postgres import Database
from cift.portfolio import store


async def account(trader: Trader, engine: Engine, database: Database) -> bodies.Account:
    """The account. Raises Unavailable."""
    answer = await engine.query({"account": trader.account_id})
    async with database.read(trader.account_id) as c:
        opened_at = await store.opened_at(c, trader.account_id)
    return translation.body(answer, opened_at, suspended_by_user=False, no_shorting=False)
