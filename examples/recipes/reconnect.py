"""A stream that continues after your program restarts.

While the program runs, the stream reconnects by itself. This one also keeps the last id in a file. The next
start returns what happened in between; a `Gap` reports that some of it is no longer stored.
"""

import asyncio
import sys
from pathlib import Path

from cift_client import AsyncClient


async def main(symbol: str, count: int, since: str | None) -> str:
    """Print trades after `since`; returns the id to continue after."""
    async with AsyncClient() as client, client.stream(trades=symbol, since=since) as stream:
        print(f"live after {stream.last_id}", flush=True)
        while count:
            message = await anext(stream)
            if message.type == "gap":
                print("some trades are no longer stored")
                continue
            print(f"{message.id} {message.type}", flush=True)
            count -= 1
        return stream.last_id or ""


place = Path(sys.argv[3])
last = place.read_text() if place.exists() else None
place.write_text(asyncio.run(main(sys.argv[1], int(sys.argv[2]), last)))
