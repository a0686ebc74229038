"""Delete expired tokens and old mails, and restore Valkey's list of revoked tokens if it was lost."""

import logging

from cift.auth import mail_store, store
from cift.function import every
from cift.kernel.errors import CiftError
from cift.platform.identity import Identity
from cift.platform.postgres import Database
from cift.platform.valkey import ValkeyUnavailable

REUSE_DETECTED_DAYS = 7
"""Used refresh tokens are kept this long, so that a second use is detected."""
log = logging.getLogger("cift.auth")


@every("60s")
async def expire_tokens(database: Database, identity: Identity) -> None:
    try:
        async with database.write() as connection:
            await store.delete_expired_tokens(connection, REUSE_DETECTED_DAYS)
            await mail_store.delete_old(connection)
        await identity.restore_deny_list()
    except (CiftError, ValkeyUnavailable) as error:
        log.info("expired tokens cannot be deleted now", extra={"reason": repr(error)})
