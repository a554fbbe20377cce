"""What the shared loop of arrivals has to know of Telegram's updates: their order, their chat, and which troubles pass."""

from typing import Any

from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter

from bots.kit.arrivals import PATIENT_TRIES, TRIES, later
from bots.telegram.limits import seconds_of
from core.kernel.errors import Unavailable
from core.messaging.models import InboundEvent


def number_of(event: InboundEvent) -> int:
    """Telegram counts its updates."""
    return int(event.external_id)


def pause(trouble: Exception, attempt: int) -> float | None:
    """How long to wait before the next try; None: none."""
    if isinstance(trouble, RetryAfter):
        return seconds_of(trouble) if attempt < PATIENT_TRIES else None
    weather = isinstance(trouble, Unavailable | NetworkError) and not isinstance(trouble, BadRequest)
    return later(attempt, 1 if isinstance(trouble, BadRequest | Forbidden) else PATIENT_TRIES if weather else TRIES)


def is_tap(payload: dict[str, Any] | None) -> bool:
    """Whether somebody's client shows that it waits for the answer."""
    return "callback_query" in (payload or {})


def sender_of(payload: dict[str, Any]) -> int | None:
    """The account that an update is from."""
    for told in payload.values():
        person = told.get("from") if isinstance(told, dict) else None
        number = person.get("id") if isinstance(person, dict) else None
        if isinstance(number, int):
            return number
    return None


def lane_of(payload: dict[str, Any] | None) -> int:
    """The chat that an update is of; updates of one chat are handled one after the other."""
    for kind in ("message", "callback_query", "my_chat_member"):
        told = (payload or {}).get(kind)
        if isinstance(told, dict):
            within = told.get("message") if kind == "callback_query" else told
            chat = within.get("chat") if isinstance(within, dict) else None
            whose = chat if isinstance(chat, dict) else told.get("from")
            number = whose.get("id") if isinstance(whose, dict) else None
            return number if isinstance(number, int) else 0
    return 0
