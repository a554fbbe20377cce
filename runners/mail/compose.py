"""The bytes of an approved mail. The same input, key and date give the same bytes, so an attempt can be recognised."""

import re
from datetime import datetime
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from hashlib import sha256

from core.connectors.operations import MailSend
from core.kernel.errors import Invalid

_POLICY = policy.SMTP.clone(cte_type="7bit")
_POLICY_UTF8 = policy.SMTPUTF8.clone(cte_type="7bit")
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,900}>")
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_INTERNATIONAL = re.compile(r"[^\x00-\x20\x7f-\xa0()<>\[\]:;@\\,\"\u2028\u2029]+")


def key_hash(key: str) -> str:
    """What stands for an idempotency key outside: 128 bits, hexadecimal. The key itself stays inside."""
    return sha256(key.encode()).hexdigest()[:32]


def message_id(key: str, sender: str) -> str:
    """The Message-ID of the mail that `key` sends, with angle brackets (RFC 5322, 3.6.4)."""
    return f"<nod.{key_hash(key)}@{_address(sender, 'sender').domain}>"


def needs_utf8(mail: MailSend) -> bool:
    """Whether an address has letters that only SMTPUTF8 can carry (RFC 6531)."""
    return any(not _address(a, "to").username.isascii() for a in (mail.sender, *mail.to, *mail.cc))


def wire_address(address: str) -> str:
    """An address as SMTP wants it: its domain in ASCII (RFC 5890). Raises Invalid `connectors.address_invalid`."""
    return _address(address, "to").addr_spec


def compose(mail: MailSend, key: str, date: datetime) -> bytes:
    """One RFC 5322 message with CRLF lines of at most 998 bytes, plain text, seven bits but for SMTPUTF8 addresses.

    Control characters in the subject become spaces; what is no id in `in_reply_to` and `references` is left out. Raises Invalid `connectors.address_invalid` naming the field."""
    message = EmailMessage(policy=_POLICY_UTF8 if needs_utf8(mail) else _POLICY)
    message["From"] = _address(mail.sender, "sender")
    message["To"] = [_address(a, "to") for a in mail.to]
    if mail.cc:
        message["Cc"] = [_address(a, "cc") for a in mail.cc]
    message["Subject"] = _line(mail.subject)
    message["Date"] = format_datetime(date)
    message.set_content(mail.body, charset="utf-8")
    # Written by hand: the library folds a long id as an encoded word, which breaks the thread.
    ids = [f"Message-ID: {message_id(key, mail.sender)}"]
    if answered := _MESSAGE_ID.findall(mail.in_reply_to or "")[:1]:
        ids.append(f"In-Reply-To: {answered[0]}")
    if thread := [i for r in mail.references for i in _MESSAGE_ID.findall(r)]:
        ids.append("References: " + "\r\n ".join(thread))
    return "\r\n".join(ids).encode("ascii") + b"\r\n" + message.as_bytes()


def _line(text: str) -> str:
    return _NOT_IN_A_LINE.sub(" ", text).strip()


def _address(text: str, field: str) -> Address:
    local, _, domain = text.rpartition("@")
    try:
        domain = domain if domain.isascii() else domain.encode("idna").decode()
        if local.isascii():
            return Address(addr_spec=f"{local}@{domain}")
        if not _INTERNATIONAL.fullmatch(local):
            raise ValueError
        return Address(username=local, domain=domain)
    except (MessageError, ValueError, IndexError, UnicodeError):
        raise Invalid("connectors.address_invalid", field=field, address=text) from None
