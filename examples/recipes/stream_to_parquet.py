"""Trades from the stream to a Parquet file.

The stream reconnects by itself. A `Gap` among its messages reports trades that are no longer stored.
`exact=True` keeps prices as decimals.
"""

import asyncio
import sys

from cift_client import AsyncClient, to_polars
from cift_client.models_gen import TradeUpdate


async def main(symbol: str, count: int, path: str) -> None:
    trades: list[TradeUpdate] = []
    async with AsyncClient() as client, client.stream(trades=symbol) as stream:
        print("live", flush=True)
        async for message in stream:
            if isinstance(message, TradeUpdate):
                trades.append(message)
            if len(trades) == count:
                break
    frame = to_polars(trades, exact=True)
    frame.write_parquet(path)
    print(frame.select("at", "price", "quantity"))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3]))
