"""Complete interrupted registrations: open the account and deposit the starting cash."""

import logging

from cift.auth import opening
from cift.function import every
from cift.kernel.errors import CiftError
from cift.platform.engine import Engine
from cift.platform.postgres import Database

log = logging.getLogger("cift.auth")


@every("15s")
async def complete_registrations(database: Database, engine: Engine) -> None:
    try:
        count = await opening.complete_pending(database, engine)
    except CiftError as error:
        log.info("registrations cannot be completed now", extra={"reason": error.code})
    else:
        if count:
            log.info("registrations completed", extra={"users": count})
