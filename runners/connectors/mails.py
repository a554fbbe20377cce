"""What holds for every mailbox: what is too large or too broken to hand on, and how much fits into a page."""

from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.policy import compat32
from email.utils import parsedate_to_datetime

MAIL_LIMIT = 10 * 1024 * 1024
"""Bytes of one mail that are still read."""

PAGE_LIMIT = 32 * 1024 * 1024
"""Bytes of mails in one page; the page ends with the mail that passes it."""

_HEADERS = 256 * 1024


def defect(raw: bytes) -> str | None:
    """The code of what makes these bytes no mail at all, or None. A mail that is merely ugly is handed on."""
    if not raw.strip(b"\0\r\n\t "):
        return "connectors.mail_empty"
    if not BytesHeaderParser(policy=compat32).parsebytes(raw[:_HEADERS]).keys():
        return "connectors.mail_broken"
    return None


def received_at(raw: bytes) -> datetime | None:
    """When a mail arrived by its own account: its newest Received field, else its Date; None if neither can be read."""
    headers = BytesHeaderParser(policy=compat32).parsebytes(raw[:_HEADERS])
    for stated in (str(headers.get("Received", "")).rpartition(";")[2], str(headers.get("Date", ""))):
        try:
            moment = parsedate_to_datetime(stated)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            continue
    return None
