"""Delete tokens that have expired, and keep Valkey's deny list whole."""

import logging

from cift.auth import store
from cift.function import every
from cift.kernel.errors import CiftError
from cift.platform.identity import Identity
from cift.platform.postgres import Database
from cift.platform.valkey import ValkeyGone

REUSE_DETECTED_DAYS = 7
log = logging.getLogger("cift.auth")


@every("60s")
async def expire_tokens(database: Database, identity: Identity) -> None:
    try:
        async with database.write() as connection:
            await store.delete_expired_tokens(connection, REUSE_DETECTED_DAYS)
        await identity.restore_deny_list()
    except (CiftError, ValkeyGone) as error:
        log.info("expired tokens stay for another minute", extra={"reason": repr(error)})
