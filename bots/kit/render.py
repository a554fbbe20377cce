"""What a delivery shows now: a subject by its renderer, or a message that was said."""

from collections.abc import Mapping
from typing import Any

from bots.kit import clean
from bots.kit.dialog import Chat, notices, renderers
from bots.kit.screen import Block, Button, Paragraph, Screen
from bots.kit.speak import Spoken, failure, speak
from bots.kit.whence import with_place
from core.kernel.errors import Failure, NotFound
from core.messaging.models import Delivery


def render(chat: Chat, delivery: Delivery) -> Screen:
    """The screen of a delivery's subject as it is now, safe to show. A subject that is gone says so."""
    try:
        if delivery.subject_kind == "message":
            return clean.screen(said(chat, chat.work.messages.get(delivery.subject_id).payload))
        return clean.screen(with_place(chat, renderers[delivery.subject_kind](chat, delivery.subject_id)))
    except NotFound as gone:
        return clean.screen(problem(failure(chat.say, gone)))


def said(chat: Chat, payload: Mapping[str, Any]) -> Screen:
    """The screen of a stored payload: `{"screen": …}`, or `{"say": code, "data": …}` put into words."""
    if "screen" in payload:
        return Screen.model_validate(payload["screen"])
    code, data = str(payload["say"]), payload.get("data") or {}
    if code in notices:
        return notices[code](chat, data)
    spoken = speak(chat.say, code, data)
    return Screen(blocks=_paragraphs(spoken))


def problem(spoken: Spoken, *buttons: Button) -> Screen:
    """A screen that says what went wrong and what to do."""
    return Screen(blocks=_paragraphs(spoken), buttons=(buttons,) if buttons else (), tone="problem")


def unfold(failure_: Failure, chat: Chat) -> str:
    """A failure as one line, for a toast."""
    return clean.line(failure(chat.say, failure_).line)


def _paragraphs(spoken: Spoken) -> tuple[Block, ...]:
    first = Paragraph(text=spoken.text)
    return (first, Paragraph(text=spoken.todo, muted=True)) if spoken.todo else (first,)
