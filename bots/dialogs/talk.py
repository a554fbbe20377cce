"""How far a person is in a dialog: a row that any process can go on from, for an hour. A surface that asks a form's questions one by one keeps the
conversation that was going on, and puts it back before the form's handler runs."""

from datetime import timedelta
from typing import Any

from bots.kit.dialog import Chat
from bots.kit.screen import Button
from core.kernel.ids import new_id
from core.messaging.models import Conversation

LAPSES = timedelta(hours=1)


def begin(chat: Chat, dialog: str, step: str, state: dict[str, Any]) -> Conversation:
    """From now on words and files in this chat are heard by `dialog`; whatever was going on before is over."""
    conversation = Conversation(
        id=new_id(), workspace_id=chat.link.workspace_id, user_id=chat.user.id, link_id=chat.link.id, dialog=dialog, step=step,
        state=state, created_at=chat.work.now, expires_at=chat.work.now + LAPSES,
    )  # fmt: skip
    chat.work.conversations.put(conversation)
    return conversation


def current(chat: Chat, dialog: str) -> Conversation | None:
    """The conversation in `dialog`, if it did not lapse."""
    known = chat.work.conversations.current(chat.link.id)
    if known is None or known.dialog != dialog or known.expires_at <= chat.work.now:
        return None
    return known


def keep(chat: Chat, conversation: Conversation, step: str, **state: Any) -> None:
    """Notes how far the person is, and what they answered; the hour begins anew."""
    conversation.step, conversation.state = step, {**conversation.state, **state}
    conversation.expires_at = chat.work.now + LAPSES
    chat.work.conversations.put(conversation)


def end(chat: Chat, dialog: str | None = None) -> bool:
    """Ends the conversation (only the one in `dialog`, when given). Whether there was one."""
    known = chat.work.conversations.current(chat.link.id)
    if known is None or (dialog is not None and known.dialog != dialog):
        return False
    chat.work.conversations.end(chat.link.id)
    return True


def cancel(chat: Chat) -> Button:
    """Leaves what is going on."""
    return Button(label=chat.say("command.cancel"), action="command.run", args=("cancel",))
