"""Leaving a mailing list. Doing it twice has the effect of doing it once, so it may be repeated (RFC 8058)."""

from collections.abc import Callable
from hashlib import sha256
from urllib.parse import urlsplit

from core.connectors.operations import MailSend, MailUnsubscribe
from core.connectors.ports import EffectFailed, EffectUnknown, Receipt
from runners.outbound_http import Outbound, OutboundRefused, OutboundUncertain, OutboundUnreachable


def unsubscribe(
    input: MailUnsubscribe, sender: str, outbound: Outbound, send: Callable[[MailSend], Receipt]
) -> Receipt:
    """One POST to the list's one-click address, else a mail to the list that goes the way of `send`.
    Raises EffectFailed or EffectUnknown."""
    if input.one_click:
        return _one_click(input.one_click, outbound)
    return send(farewell(input, sender))


def farewell(input: MailUnsubscribe, sender: str) -> MailSend:
    """The mail that leaves the list. Raises EffectFailed `connectors.unsubscribe_impossible` without an address."""
    if not input.mailto:
        raise EffectFailed("connectors.unsubscribe_impossible", lasting=True, list=input.list_name)
    subject = input.mailto_subject or "unsubscribe"
    mail = {"sender": input.sender or sender, "to": [input.mailto], "subject": subject, "body": subject}
    return MailSend.model_validate(mail)


def _one_click(url: str, outbound: Outbound) -> Receipt:
    host = urlsplit(url).hostname or ""
    try:
        answer = outbound.post_once(url, b"List-Unsubscribe=One-Click", "application/x-www-form-urlencoded")
    except OutboundRefused as refused:
        raise EffectFailed(refused.code, lasting=True, **refused.data) from None
    except OutboundUnreachable as away:
        raise EffectFailed(away.code, lasting=False, **away.data) from None
    except OutboundUncertain as cut:
        raise EffectUnknown(cut.code, **cut.data) from None
    if not 200 <= answer.status < 300:
        later = answer.status in (408, 425, 429) or answer.status >= 500
        raise EffectFailed("connectors.unsubscribe_refused", lasting=not later, host=host, status=answer.status)
    # The address carries the subscriber's token: its hash is enough to recognise it.
    return Receipt(f"{host}#{sha256(url.encode()).hexdigest()[:16]}", {"host": host, "status": answer.status})
