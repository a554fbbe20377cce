"""A screen that is too long for one message: *Read all* sends it in as many as it takes, and what can be decided stands under the last one only. *As a file* hands it over
as one text, which decides nothing."""

from datetime import timedelta

from bots.kit import plain
from bots.kit.dialog import Chat, Reply, Tap, action
from bots.kit.screen import Paragraph, Screen
from bots.telegram.pieces import pieces
from core.messaging.post import answer


@action("telegram.read")
def read_all(chat: Chat) -> Reply:
    """Sends the parts of what the tapped message stands for, in order."""
    place = chat.input.delivery_id if isinstance(chat.input, Tap) else None
    shown = _shown(chat, place) if place is not None else None
    if shown is None:
        return Reply(toast=chat.say("telegram.read_gone"), alert=True)
    parts = pieces(shown.model_copy(update={"picture": None, "document": None}), chat.say)
    for number, part in enumerate(parts, 1):
        note = Paragraph(text=chat.say("telegram.part", part=number, parts=len(parts)), muted=True)
        screen = part.model_copy(update={"blocks": (*part.blocks, note)})
        delivery = answer(chat.work, chat.link, {"screen": screen.model_dump(mode="json")}, chat.trace)
        delivery.due_at += timedelta(microseconds=number)  # They are due at one moment, and must come in order.
    return Reply(toast=chat.say("telegram.reading", n=len(parts)))


@action("telegram.file")
def as_file(chat: Chat) -> Reply:
    """The whole of what the tapped message stands for, as a file of plain text."""
    place = chat.input.delivery_id if isinstance(chat.input, Tap) else None
    shown = _shown(chat, place) if place is not None else None
    if shown is None:
        return Reply(toast=chat.say("telegram.read_gone"), alert=True)
    return plain.handed_over(chat, shown)


def _shown(chat: Chat, place: object) -> Screen | None:
    """The whole of what the place showed last."""
    delivery = chat.work.messages.delivery(place)
    payload = chat.work.messages.get(delivery.message_id).payload if delivery.message_id else {}
    return Screen.model_validate(payload["screen"]) if "screen" in payload else None
