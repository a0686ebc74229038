"""Deliver a dead letter to its function again, and to no other.

If the function accepts the event, the dead letter is removed."""

from cift.auth import store
from cift.contracts.admin import Replayed
from cift.function import http
from cift.platform import dead_letters
from cift.platform.identity import Caller, Trader
from cift.platform.nats import Nats
from cift.platform.postgres import Database
from cift.platform.settings import Settings


@http("POST", "/api/v1/admin/dead-letters/{id}/replay", scope="admin")
async def replay_dead_letter(
    id: int, trader: Trader, caller: Caller, nats: Nats, database: Database, settings: Settings
) -> Replayed:
    kept = await dead_letters.find(nats, id)
    async with database.write() as c:
        await store.audit(c, "dead_letter_replayed", caller, user_id=trader.user_id, subject=str(id))
    await dead_letters.replay(nats, settings.shard, kept)
    return Replayed(id=id, function=kept.letter.function)
