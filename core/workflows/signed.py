"""Who sent it: signatures of Standard Webhooks, of GitHub (`X-Hub-Signature-256`) and of Stripe, over the bytes as they came."""

import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from standardwebhooks import Webhook

from core.kernel.errors import Unauthenticated
from core.workflows.models import WebhookSource

TOLERANCE_SECONDS = 300
LONGEST_HEADER = 4096
LONGEST_ID = 200
SIGNATURES: dict[WebhookSource, str] = {
    "standard": "webhook-signature",
    "github": "x-hub-signature-256",
    "stripe": "stripe-signature",
}


@dataclass(frozen=True)
class Sent:
    """A verified delivery. `key` is the same when the sender sends it again; `event` is the sender's name of what happened, where a header says it."""

    source: WebhookSource
    key: str
    event: str | None = None


def verified(
    source: WebhookSource, secrets: Sequence[str], headers: Mapping[str, str], body: bytes, now: datetime
) -> Sent:
    """Who signed with one of `secrets`: in the way of `source`, or in another of the three when only that is given. `headers` by their names in lower case. Every secret is tried, in
    constant time. Raises Unauthenticated `workflows.hook_refused`, whatever is wrong."""
    ways: tuple[WebhookSource, ...] = (source, "standard", "github", "stripe")
    given: list[WebhookSource] = [kind for kind in ways if SIGNATURES[kind] in headers]
    if not given or any(len(headers[SIGNATURES[kind]]) > LONGEST_HEADER for kind in given):
        raise Unauthenticated("workflows.hook_refused")
    verify = _VERIFIERS[given[0]]
    found = [verify(secret, headers, body, now) for secret in secrets]
    sent = next((each for each in found if each is not None), None)
    if sent is None:
        raise Unauthenticated("workflows.hook_refused")
    return sent


def _standard(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Sent | None:
    """https://www.standardwebhooks.com: the library raises whatever its parsing raises, and reads a time with a fraction as the one without."""
    id, at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    if not 0 < len(id) <= LONGEST_ID or not _is_recent(at, now):
        return None
    signed = {"webhook-id": id, "webhook-timestamp": at, "webhook-signature": headers["webhook-signature"]}
    try:
        Webhook(secret).verify(body, signed, json_parse=False)
    except Exception:
        return None
    return Sent("standard", f"id:{id}")


def _github(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Sent | None:
    """https://docs.github.com/webhooks: HMAC-SHA256 of the body. A sender without delivery ids is taken to repeat itself when the same body comes again within five minutes."""
    algorithm, _, given = headers["x-hub-signature-256"].partition("=")
    if algorithm != "sha256" or not _is_signature(secret, body, given):
        return None
    delivery = headers.get("x-github-delivery", "")
    if len(delivery) > LONGEST_ID:
        return None
    window = int(now.timestamp()) // TOLERANCE_SECONDS
    key = f"id:{delivery}" if delivery else f"body:{sha256(body).hexdigest()}:{window}"
    return Sent("github", key, headers.get("x-github-event", "")[:LONGEST_ID] or None)


def _stripe(secret: str, headers: Mapping[str, str], body: bytes, now: datetime) -> Sent | None:
    """https://docs.stripe.com/webhooks: HMAC-SHA256 of time and body, any of several `v1`; the event's own id is in the body."""
    parts = [part.partition("=")[::2] for part in headers["stripe-signature"].split(",")]
    times = [value for name, value in parts if name.strip() == "t"]
    if len(times) != 1 or not _is_recent(times[0], now):
        return None
    signed = times[0].encode() + b"." + body
    matches = [_is_signature(secret, signed, value) for name, value in parts if name.strip() == "v1"]
    if not any(matches):
        return None
    try:
        event = json.loads(body)
    except (ValueError, RecursionError):
        event = None
    id, kind = (event.get("id"), event.get("type")) if isinstance(event, dict) else (None, None)
    known = isinstance(id, str) and 0 < len(id) <= LONGEST_ID
    key = f"id:{id}" if known else f"body:{sha256(body).hexdigest()}"
    return Sent("stripe", key, kind[:LONGEST_ID] if isinstance(kind, str) else None)


_VERIFIERS: dict[WebhookSource, Callable[[str, Mapping[str, str], bytes, datetime], Sent | None]] = {
    "standard": _standard,
    "github": _github,
    "stripe": _stripe,
}


def _is_signature(secret: str, content: bytes, given: str) -> bool:
    wanted = hmac.new(secret.encode(), content, sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), given.strip().lower().encode("utf-8", "replace"))


def _is_recent(at: str, now: datetime) -> bool:
    if not 0 < len(at) <= 12 or not at.isascii() or not at.isdigit():
        return False
    return abs(int(at) - now.timestamp()) <= TOLERANCE_SECONDS
