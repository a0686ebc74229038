"""Keep the last quote of each symbol in Valkey, for a second: what `GET quote` answers from.

Idempotent: a quote that is there and newer stays, and an old one is not written as if it were new."""

from cift.function import on
from cift.market_data import cache
from cift.platform.journal import Batch
from cift.platform.valkey import Valkey


@on("MARKET_DATA", subject="market.quote.>", batch=500)
async def cache_quotes(batch: Batch, valkey: Valkey) -> None:
    await cache.write((message.data for message in batch), valkey)
