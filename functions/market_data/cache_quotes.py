"""Keep the latest quote of each symbol in Valkey for one second, for `GET quote`.

Idempotent: a newer quote is never replaced by an older one, and an outdated quote is not written."""

from cift.function import on
from cift.market_data import cache
from cift.platform.journal import Batch
from cift.platform.valkey import Valkey


@on("UPDATES", batch=500)
async def cache_quotes(batch: Batch, valkey: Valkey) -> None:
    await cache.write((message.data for message in batch), valkey)
