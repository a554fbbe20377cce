"""Takes updates by webhook: 200 only once the update is stored. Whoever does not know the secret is refused before anything is read."""

import hmac
import json
import logging
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response

from bots.kit.body import body_of
from bots.kit.parts import Parts
from bots.kit.rings import Ringer
from bots.telegram.updates import is_tap
from core.kernel.errors import Unavailable
from core.kernel.faults import fault
from core.kernel.settings import Settings
from core.kernel.telemetry import count, span

log = logging.getLogger(__name__)
PATH = "/telegram/webhook"
"""Where the web process mounts `take`."""
CHANNEL = "telegram"
SECRET_HEADER = "x-telegram-bot-api-secret-token"  # noqa: S105 - the header's name
LIMIT = 512 * 1024
LARGEST_ID = 2**63


class NoUpdate(ValueError):
    """The body is no update."""


def wanted(settings: Settings) -> bool:
    """Whether updates come by webhook here; else they are asked for."""
    return (
        settings.telegram_token is not None
        and settings.public_url is not None
        and settings.telegram_webhook_secret is not None
    )


async def take(parts: Parts, settings: Settings, request: Request) -> Response:
    """404 where no webhook is configured, 401 for a wrong secret, 413 and 400 for what is no update, 503 while it cannot be stored:
    Telegram then comes again."""
    if not wanted(settings) or settings.telegram_webhook_secret is None:
        return _answer(404)
    secret = settings.telegram_webhook_secret.get_secret_value()
    given = request.headers.get(SECRET_HEADER, "")
    if not hmac.compare_digest(given.encode("utf-8", "replace"), secret.encode()):
        count("inbound_events", channel=CHANNEL, outcome="refused")
        return _answer(401)
    body = await body_of(request, LIMIT)
    if body is None:
        return _answer(413)
    try:
        update = read(body)
    except NoUpdate:
        count("inbound_events", channel=CHANNEL, outcome="malformed")
        return _answer(400)
    try:
        with span("telegram.intake"):
            new = await parts.intake(parts.storage.inbox.store, CHANNEL, str(update["update_id"]), update)
    except Unavailable as away:
        log.warning("an update waits at Telegram: %s", away.code)
        return _answer(503)
    fault("after_intake")
    count("inbound_events", channel=CHANNEL, outcome="stored" if new else "repeated")
    await _ringer(request, parts.redis_url).ring(is_tap(update))
    return _answer(200)


def read(body: bytes) -> dict[str, Any]:
    """The update in a body. Raises NoUpdate."""
    try:
        update = json.loads(body, parse_constant=_refuse)
        json.dumps(update, allow_nan=False)
    except (ValueError, RecursionError):
        raise NoUpdate from None
    number = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < LARGEST_ID:
        raise NoUpdate
    return update


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _ringer(request: Request, redis_url: str | None) -> Ringer:
    """One for the application."""
    state = request.app.state
    if not hasattr(state, "telegram_ringer"):
        state.telegram_ringer = Ringer(redis_url, CHANNEL)
    return state.telegram_ringer


def _answer(status: int) -> Response:
    return PlainTextResponse("ok\n" if status == 200 else "no\n", status)
