"""Why an agent suggests something: the reason in words, what it read that led there, and whose words had a say."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from bots.kit import directions
from bots.kit.dialog import Chat
from bots.kit.screen import Block, Paragraph, Quote

QUOTE = 400
"""Longest quote of evidence on a card, in characters; the whole of it stands under Details."""


def blocks(
    chat: Chat, why: Mapping[str, Any], evidence: Iterable[Mapping[str, Any]], influenced_by: Iterable[str]
) -> list[Block]:
    """The reason, the quotes that it rests on, and what outside text had a say."""
    shown: list[Block] = [Paragraph(text=chat.say("card.why", why=reason(chat, why)))]
    for piece in evidence:
        quote = str(piece.get("quote", "")).strip()
        if quote:
            shown.append(Quote(text=_short(quote), source=source(chat, piece.get("source") or {})))
    influences = [str(name) for name in influenced_by]
    if influences:
        shown.append(Paragraph(text=chat.say("card.influenced", who=influences), muted=True))
    if (why.get("data") or {}).get("first_contact"):
        shown.append(Paragraph(text=chat.say("card.first_contact")))
    if (why.get("data") or {}).get("draft") == "offline_after_model":
        shown.append(Paragraph(text=chat.say("card.draft.offline_after_model"), muted=True))
    return shown


def reason(chat: Chat, why: Mapping[str, Any]) -> str:
    """The reason as one sentence; a code without words is named."""
    code = str(why.get("code", ""))
    if not chat.say.knows(code):
        return chat.say("card.why.unknown", code=code)
    return chat.say(code, **(why.get("data") or {}))


def source(chat: Chat, where: Mapping[str, Any]) -> str:
    """Where a quote stands: who wrote it, when, under which subject; as much of it as is known."""
    sender = where.get("from") or where.get("sender") or where.get("author") or ""
    if isinstance(sender, Mapping):
        sender = sender.get("name") or sender.get("address") or ""
    at = _moment(where.get("date") or where.get("at") or where.get("received_at") or where.get("sent_at"))
    told = [directions.apart(str(sender), chat.place.right_to_left)] if sender else []
    if at is not None:
        told.append(chat.place.moment(at))
    if where.get("subject"):
        told.append(directions.apart(str(where["subject"]), chat.place.right_to_left))
    return " · ".join(told)


def _short(quote: str) -> str:
    return quote if len(quote) <= QUOTE else quote[: QUOTE - 1].rstrip() + "…"


def _moment(value: Any) -> datetime | None:
    try:
        return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    except ValueError:
        return None
