"""E-mail: by SMTP, or on one machine as files in the data folder."""

import asyncio
import os
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from urllib.parse import unquote, urlsplit

from cift.kernel.errors import Refused, Unavailable
from cift.kernel.ids import uuid7
from cift.platform.settings import Settings

TIMEOUT_S = 15.0


class Mail:
    """Sends e-mail in the way that the settings choose."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def require(self) -> None:
        """Raises Refused: `mail_unavailable`: this exchange sends no e-mail."""
        if not self._settings.sends_mail:
            raise Refused(
                "mail_unavailable", "This exchange sends no e-mail: ask its administrator", status=501
            )

    async def send(self, to: str, subject: str, text: str) -> None:
        """Send a message. Raises Unavailable: it was not accepted; try again later."""
        message = EmailMessage()
        message["From"] = self._settings.mail_from or "cift@localhost"
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=message["From"].rpartition("@")[2].strip(">") or None)
        message.set_content(text)
        try:
            await asyncio.to_thread(self._deliver, message)
        except (OSError, smtplib.SMTPException) as error:
            raise Unavailable(
                "mail_unavailable", f"The mail server did not accept the mail: {error}"
            ) from error

    def _deliver(self, message: EmailMessage) -> None:
        if not self._settings.smtp_url:
            self._write(message)
            return
        url = urlsplit(self._settings.smtp_url)
        host = url.hostname or ""
        context = ssl.create_default_context()
        if url.scheme == "smtps":
            client: smtplib.SMTP = smtplib.SMTP_SSL(host, url.port or 465, timeout=TIMEOUT_S, context=context)
        else:
            client = smtplib.SMTP(host, url.port or 587, timeout=TIMEOUT_S)
        with client:
            client.ehlo()
            if url.scheme == "smtp" and client.has_extn("starttls"):
                client.starttls(context=context)
                client.ehlo()
            if url.username:
                client.login(unquote(url.username), unquote(url.password or ""))
            client.send_message(message)

    def _write(self, message: EmailMessage) -> None:
        folder = self._settings.data / "mail"
        folder.mkdir(mode=0o700, exist_ok=True)
        path = folder / f"{uuid7()}.eml"
        partial = path.with_suffix(".partial")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(message.as_bytes())
        partial.rename(path)

    async def close(self) -> None:
        """Nothing is open."""
