"""Prepare a load: an instrument with a last price, and users. Print its figures."""

import asyncio
import secrets
from collections import Counter
from decimal import Decimal
from typing import Any

from cift import bootstrap
from cift.kernel.ids import uuid7
from cift.kernel.money import NANOS
from cift.platform.stores import Platform
from tests.faults.conftest import SEED
from tests.faults.killer import Kill, refused_s
from tests.faults.traders import Load
from tests.target import Target, User

PRICE = Decimal(100)
USERS = 4
TASKS = 8
STEADY = 2
"""Tasks that only place orders, for targets where reads may take long (a function that starts from zero). A
gap in their answers is a gap of the order path."""
FEED = 9
_instruments: Counter[Target] = Counter()


async def new_symbol(target: Target, symbol: str) -> None:
    """Define an instrument with a last price of 100, and fees, so that the fee account has postings."""
    platform = Platform(target.settings())
    submit = platform.engine.submit
    try:
        if not _instruments[target]:
            house_account = uuid7()
            await submit(
                {
                    "type": "open_account",
                    "account": house_account,
                    "kind": "margin",
                    "role": "house",
                    "currency": "USD",
                }
            )
            await submit(
                {"type": "define_feed", "feed": FEED, "house": house_account, "silence_ns": 3600 * NANOS}
            )
            await submit({"type": "set_fees", "maker_ppm": 100, "taker_ppm": 350})
        await submit(bootstrap.instrument(symbol))
        _instruments[target] += 1
        outside: dict[str, Any] = {
            "type": "outside_trade",
            "feed": FEED,
            "source_sequence": _instruments[target],
            "symbol": symbol,
            "price": int(PRICE) * NANOS,
            "quantity": NANOS,
        }
        await submit(outside)
    finally:
        await platform.close()


async def loaded(target: Target, name: str, *, symbol: str = "", price: Decimal = PRICE, **more: Any) -> Load:
    """A load on `symbol`, or on a new instrument, with new users."""
    if not symbol:
        symbol = f"{name.upper()[:10]}{secrets.token_hex(2).upper()}"
        await new_symbol(target, symbol)
    users: list[User] = [await asyncio.to_thread(target.new_user) for _ in range(USERS)]
    return Load(target.url, users, symbol, price, name=name, seed=f"{name}:{SEED}", tasks=TASKS, **more)


def report(what: str, load: Load, kills: list[Kill], figures: str) -> str:
    """The figures of a test, as lines."""
    lines = [
        f"    killed {' + '.join(kill.names)} ({kill.times} signals):"
        f" recovered after {kill.recovered_s:.2f} s;"
        f" no order acknowledged for {refused_s(load.placed_at, kill):.2f} s,"
        f" nothing read for {refused_s(load.read_at, kill):.2f} s"
        for kill in kills
    ]
    answers = ", ".join(f"{n} x {answer}" for answer, n in sorted(load.counts.items()))
    return "\n".join([f"{what}: {figures}", *lines, f"    answers: {answers}"])
