"""Send the mails that are due: tokens for new passwords, and for the verification of addresses."""

import logging

from cift.auth import mails
from cift.function import every
from cift.kernel.errors import CiftError
from cift.platform.mail import Mail
from cift.platform.postgres import Database

log = logging.getLogger("cift.auth")


@every("3s")
async def send_mails(database: Database, mail: Mail) -> None:
    try:
        await mails.send_due(database, mail)
    except CiftError as error:
        log.info("mails cannot be sent now", extra={"reason": error.code})
