"""One mail by SMTP (RFC 5321): it was sent, surely not sent, or, after silence on the final dot, nobody knows."""

import re
import smtplib
import ssl
from base64 import b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from core.connectors.gate import last_gate
from core.connectors.ports import EffectFailed, EffectUnknown, LoginRefused
from runners.connectors.imap.account import Account

_LINE_START_DOT = re.compile(rb"(?m)^\.")
_GONE = (smtplib.SMTPException, OSError)


@contextmanager
def smtp(account: Account) -> Iterator[smtplib.SMTP]:
    """Connects and signs in. Raises LoginRefused or EffectFailed: nothing was sent."""
    server = _connected(account)
    try:
        _sign_in(server, account)
        yield server
    finally:
        with suppress(*_GONE):
            server.quit()
        server.close()


def transmit(server: smtplib.SMTP, sender: str, recipients: Sequence[str], raw: bytes, *, utf8: bool) -> None:
    """Hands the mail over for all recipients or for none. `raw` has CRLF lines and ends with one; `utf8` asks for
    SMTPUTF8. Raises EffectFailed or EffectUnknown."""
    if utf8 and not server.has_extn("smtputf8"):
        raise EffectFailed("connectors.address_unsupported", lasting=True)
    try:
        _expect((250,), server.mail(sender, ["SMTPUTF8"] if utf8 else ()), "connectors.sender_refused", address=sender)
        for recipient in recipients:
            _expect((250, 251), server.rcpt(recipient), "connectors.recipient_refused", address=recipient)
        _expect((354,), server.docmd("DATA"), "connectors.mail_refused")
        server.send(_LINE_START_DOT.sub(b"..", raw))
    except _GONE:
        raise EffectFailed("connectors.connection_lost", lasting=False) from None
    last_gate()
    try:
        server.send(b".\r\n")
        answer = server.getreply()
    except _GONE:
        raise EffectUnknown("connectors.answer_missing") from None
    if not 200 <= answer[0] < 300 and not 400 <= answer[0] < 600:
        raise EffectUnknown("connectors.answer_missing")
    _expect(range(200, 300), answer, "connectors.mail_refused")


def _connected(account: Account) -> smtplib.SMTP:
    at = account.smtp
    # A fixed name: smtplib would look this machine's up and tell it to the server.
    me = "[127.0.0.1]"
    try:
        if at.security == "tls":
            return smtplib.SMTP_SSL(at.host, at.port, me, timeout=account.seconds, context=account.tls)
        server = smtplib.SMTP(at.host, at.port, me, timeout=account.seconds)
        if at.security == "starttls":
            server.starttls(context=account.tls)
        return server
    except ssl.SSLCertVerificationError:
        raise EffectFailed("connectors.certificate_untrusted", lasting=True, host=at.host) from None
    except smtplib.SMTPNotSupportedError:
        raise EffectFailed("connectors.tls_missing", lasting=True, host=at.host) from None
    except _GONE:
        raise EffectFailed("connectors.server_unreachable", lasting=False, host=at.host) from None


def _sign_in(server: smtplib.SMTP, account: Account) -> None:
    host = account.smtp.host
    try:
        server.ehlo_or_helo_if_needed()
        if "PLAIN" in server.esmtp_features.get("auth", "").upper().split():
            # By hand: smtplib cannot send a password with letters outside ASCII.
            token = b64encode(f"\0{account.username}\0{account.password}".encode()).decode()
            status, _ = server.docmd("AUTH", f"PLAIN {token}")
        else:
            status, _ = server.login(account.username, account.password)
    except smtplib.SMTPAuthenticationError as refused:
        status = refused.smtp_code
    except (smtplib.SMTPNotSupportedError, UnicodeEncodeError):
        raise EffectFailed("connectors.login_unsupported", lasting=True, host=host) from None
    except _GONE:
        raise EffectFailed("connectors.server_unreachable", lasting=False, host=host) from None
    if 500 <= status < 600:
        raise LoginRefused(host=host)
    if status not in (235, 503):
        raise EffectFailed("connectors.login_postponed", lasting=False, host=host, status=status)


def _expect(wanted: Sequence[int], answer: tuple[int, bytes], code: str, *, address: str | None = None) -> None:
    status, text = answer
    if status not in wanted:
        told: dict[str, Any] = {} if address is None else {"address": address}
        said = "".join(c for c in text.decode("utf-8", "replace") if c.isprintable())[:200]
        raise EffectFailed(code, lasting=500 <= status < 600, status=status, answer=said, **told)
