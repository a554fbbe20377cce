"""The installation's mail server (`NOD_SMTP_URL`): one mail to one address, over one connection (RFC 5321)."""

import smtplib
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.utils import formataddr
from typing import Literal
from urllib.parse import unquote, urlsplit

from core.kernel.settings import Settings

SECONDS = 20.0
PORTS = {"smtps": 465, "smtp": 587, "smtp+plain": 25}
SECURITY: dict[str, Literal["tls", "starttls", "none"]] = {"smtps": "tls", "smtp": "starttls", "smtp+plain": "none"}


class NeverTaken(Exception):
    """The server said that it will not take this mail, whoever tries again."""


@dataclass(frozen=True)
class MailServer:
    """Where and as whom. `tls` decides which certificates are believed."""

    host: str
    port: int
    security: Literal["tls", "starttls", "none"]
    username: str
    password: str
    sender: str
    tls: ssl.SSLContext

    def send(self, to: str, subject: str, body: str, message_id: str) -> None:
        """Returns when the server has answered for it. Raises NeverTaken, SMTPException, OSError. Silence after the last dot is an OSError too: the mail goes again, under
        the same Message-ID."""
        raw = _written(self.sender, to, subject, body, message_id)
        server = self._connected()
        try:
            if self.username:
                server.login(self.username, self.password)
            server.sendmail(self.sender, [to], raw)
        except smtplib.SMTPRecipientsRefused as refused:
            if all(500 <= status < 600 for status, _ in refused.recipients.values()):
                raise NeverTaken from None
            raise
        except smtplib.SMTPNotSupportedError:
            raise NeverTaken from None
        except smtplib.SMTPDataError as refused:
            if 500 <= refused.smtp_code < 600:
                raise NeverTaken from None
            raise
        finally:
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def check(self) -> None:
        """Connects and signs in. Raises SMTPException, OSError."""
        server = self._connected()
        try:
            if self.username:
                server.login(self.username, self.password)
        finally:
            server.close()

    def _connected(self) -> smtplib.SMTP:
        # A fixed name: smtplib would look this machine's up and tell it to the server.
        me = "[127.0.0.1]"
        if self.security == "tls":
            return smtplib.SMTP_SSL(self.host, self.port, me, timeout=SECONDS, context=self.tls)
        server = smtplib.SMTP(self.host, self.port, me, timeout=SECONDS)
        if self.security == "starttls":
            try:
                server.starttls(context=self.tls)
            except BaseException:
                server.close()
                raise
        return server


def mail_server(settings: Settings, tls: ssl.SSLContext | None = None) -> MailServer | None:
    """The one that is set up; None where none is."""
    if settings.smtp_url is None:
        return None
    parts = urlsplit(settings.smtp_url.get_secret_value())
    username, host = unquote(parts.username or ""), parts.hostname or ""
    sender = settings.mail_from or (username if "@" in username else f"nod@{host}")
    return MailServer(
        host, parts.port or PORTS[parts.scheme], SECURITY[parts.scheme], username, unquote(parts.password or ""), sender,
        tls or ssl.create_default_context(),
    )  # fmt: skip


def _written(sender: str, to: str, subject: str, body: str, message_id: str) -> bytes:
    message = EmailMessage(policy=policy.SMTP.clone(cte_type="7bit"))
    message["From"] = formataddr(("Nod", sender))
    message["To"] = to
    message["Subject"] = " ".join(subject.split())
    message["Message-ID"] = message_id
    # Nobody is there to answer (RFC 3834, 5).
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(body, charset="utf-8")
    return message.as_bytes()
