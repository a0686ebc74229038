"""An order book that is kept and checked.

`stream.books` holds the book after each message. Its checksum is compared with the engine's; a book that is
out of step is requested again.
"""

import asyncio
import sys

from cift_client import AsyncClient


async def main(symbol: str, changes: int) -> None:
    async with AsyncClient() as client, client.stream(book=symbol) as stream:
        for _ in range(changes):
            await anext(stream)
            book = stream.books[symbol]
            bid, ask = book.best_bid, book.best_ask
            depth = sum(level.quantity for level in book.bids[:5])
            print(f"{bid.price if bid else '-'} to {ask.price if ask else '-'}, bids {depth}", flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
