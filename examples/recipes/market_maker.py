"""A market maker that quotes both sides.

It follows the last price and moves its two orders with it. An order that was filled or canceled is placed
anew. When the loop ends, also by Ctrl-C or an error, its orders are canceled. There is no request for many
quotes at once yet: each order is moved by its own.
"""

import asyncio
import sys
from decimal import Decimal
from typing import Literal

from cift_client import ApiError, AsyncClient

Side = Literal["buy", "sell"]
HALF_SPREAD, SIZE, TICK = Decimal("0.05"), 5, Decimal("0.01")


async def quote(client: AsyncClient, symbol: str, side: Side, id: str | None, price: Decimal) -> str:
    """Move the order `id`, or place a new one; returns the id of the open order."""
    if id is not None:
        try:
            return (await client.trading.replace_order(id, limit_price=price)).id
        except ApiError as refused:
            if refused.code == "nothing_to_replace":  # it has this price already
                return id
            if refused.code != "order_not_open":  # it may be open: a new order would be one too many
                raise
    placed = await client.trading.place_order(
        symbol=symbol, side=side, type="limit", quantity=SIZE, limit_price=price, time_in_force="gtc"
    )
    return placed.id


async def main(symbol: str, rounds: int) -> None:
    ids: dict[Side, str | None] = {"buy": None, "sell": None}
    quoted = Decimal(0)
    async with AsyncClient() as client, client.stream(quotes=symbol, fills=True) as stream:
        try:
            async for message in stream:
                if message.type == "fill":
                    print(f"{message.side} {message.quantity} at {message.price}")
                if message.type != "quote" or message.last is None or message.last == quoted:
                    continue
                middle = message.last.quantize(TICK)
                prices: dict[Side, Decimal] = {"buy": middle - HALF_SPREAD, "sell": middle + HALF_SPREAD}
                # The order that moves away from the other one moves first, so that they never cross.
                sides: tuple[Side, ...] = ("sell", "buy") if middle > quoted else ("buy", "sell")
                for side in sides:
                    ids[side] = await quote(client, symbol, side, ids[side], prices[side])
                quoted = message.last
                print(f"quoting {middle - HALF_SPREAD} to {middle + HALF_SPREAD}", flush=True)
                rounds -= 1
                if not rounds:
                    break
        finally:
            await client.trading.cancel_all(symbol=symbol)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
