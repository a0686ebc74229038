"""An account below its maintenance margin is liquidated, and everything about it is visible over HTTP."""

from __future__ import annotations

from decimal import Decimal

from cift.kernel.money import NANOS
from tests.target import until
from tests.venue import HOUSE_ACCOUNT, Venue, number

LEVERAGED = "2000"


async def test_an_account_below_its_maintenance_margin_is_liquidated(venue: Venue) -> None:
    symbol, other, user = await venue.instrument(), venue.user(), venue.user()
    terms = {"type": "set_margin", "insurance": HOUSE_ACCOUNT, "interval_ns": NANOS // 10}
    await venue.command(**terms, maintenance_percent=50)
    try:
        await venue.order(other, symbol, side="sell", quantity=LEVERAGED)
        await venue.order(user, symbol, quantity=LEVERAGED)
        open_order = await venue.order(user, symbol, side="sell", quantity="5", limit_price="109")
        power = await venue.get(user, "account/buying-power")
        assert number(power["maintenance_margin"]) == Decimal(50_000)
        await venue.print(symbol, "40")

        async def liquidated() -> bool:
            # The check is due with the next command, whatever it is.
            await venue.print(symbol, "40")
            return bool((await venue.get(user, "portfolio"))["positions"] == [])

        await until(liquidated, "the account is liquidated")
        portfolio = await venue.get(user, "portfolio")
        assert number(portfolio["equity"]) == number(portfolio["cash"]) == 0
        assert (await venue.get_order(user, open_order["id"]))["reason"] == "liquidation"
        newest = (await venue.get(user, "orders"))["items"][0]
        assert (newest["type"], newest["side"], newest["quantity"]) == ("market", "sell", LEVERAGED)
        assert newest["reduce_only"]
        kinds = [item["kind"] for item in (await venue.get(user, "transactions"))["items"]]
        assert kinds[:2] == ["deficit", "liquidation"]
    finally:
        await venue.command(**terms, maintenance_percent=0)
