"""A text that does not fit into one message is read in parts; Approve stands under the last one and nowhere else."""

from uuid import UUID

from bots.dialogs.card.action import shown, title
from bots.kit import clean, plain
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button, Facts, Heading, Quote, Screen
from core.approvals.deciders import need_to_see
from core.approvals.models import Suggestion, SuggestionRevision
from core.messaging.post import answer
from core.preferences.choose import prefer

ROOM = {"telegram": 2400, "slack": 2400}
"""How many UTF-16 units of an action's text one message takes beside all else that a card says; a door that is not named shows all."""


def parts_of(chat: Chat, text: str) -> list[str]:
    """The text in the parts that this chat takes."""
    room = ROOM.get(chat.link.provider)
    return [text] if room is None or clean.utf16(text) <= room else clean.parts(text, room, clean.utf16)


def has_read(chat: Chat, suggestion: Suggestion) -> bool:
    """Whether the person was shown every part of the newest revision; in a room nobody can say so of all who read there."""
    if chat.room is not None:
        return False
    known = chat.work.preferences.preference(chat.user.id, "orchestrator", _key(suggestion.id))
    return known is not None and known.value == suggestion.revision


def _key(suggestion_id: UUID) -> str:
    return f"read:{suggestion_id}"


def read_all(chat: Chat, suggestion: Suggestion, parts: int) -> Button:
    """The button that stands where Approve would."""
    return Button(
        label=chat.say("card.read_all", n=parts), action="suggestion.read", args=(str(suggestion.id), str(suggestion.revision)),
        style="primary",
    )  # fmt: skip


def as_file(chat: Chat, suggestion: Suggestion) -> Button:
    """Beside it: the same to take along. It is no reading, and unlocks nothing."""
    return Button(label=chat.say("plain.as_file"), action="suggestion.text", args=(str(suggestion.id),))


@action("suggestion.text")
def hand_over(chat: Chat, suggestion_id: str) -> Reply:
    """Everything that would happen, with the whole text, as a file."""
    suggestion = chat.work.suggestions.get(UUID(suggestion_id))
    need_to_see(chat.work, chat.actor, suggestion)
    current: SuggestionRevision = chat.work.suggestions.revision(suggestion.id, suggestion.revision)
    rows, text = shown(chat, current.action, chat.work.connections.get(current.action.connection_id))
    heading = Heading(text=title(chat, suggestion.kind, current.action))
    return plain.handed_over(chat, clean.screen(Screen(blocks=(heading, Facts(rows=tuple(rows)), Quote(text=text)))))


@action("suggestion.read")
def read(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """Shows every part but the last as messages of their own, then the card itself again, with the last part and the decision under it."""
    suggestion = chat.work.suggestions.get(UUID(suggestion_id))
    need_to_see(chat.work, chat.actor, suggestion)
    if suggestion.revision != int(revision):
        return Reply(toast=chat.say("decided.stale"))
    current: SuggestionRevision = chat.work.suggestions.revision(suggestion.id, suggestion.revision)
    _, text = shown(chat, current.action, chat.work.connections.get(current.action.connection_id))
    parts = parts_of(chat, text)
    for number, part in enumerate(parts[:-1], 1):
        heading = chat.say(
            "card.part", part=number, parts=len(parts), title=title(chat, suggestion.kind, current.action)
        )
        screen = clean.screen(Screen(blocks=(Heading(text=heading), Quote(text=part))))
        answer(chat.work, chat.link, {"screen": screen.model_dump(mode="json")}, chat.trace, chat.thread)
    prefer(chat.work, chat.actor, "orchestrator", _key(suggestion.id), suggestion.revision)
    return Reply(subject=("suggestion", suggestion.id), toast=chat.say("card.reading", n=len(parts)))
