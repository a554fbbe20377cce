"""What people are called on a screen."""

from uuid import UUID

from bots.kit.dialog import Chat
from core.identity.models import User
from core.kernel.errors import NotFound


def called(user: User) -> str:
    """The name that a person chose, else the one they came with, else their address."""
    return user.preferred_name or user.name or user.email


def made_by(chat: Chat, user_id: UUID, for_user_id: UUID | None) -> str:
    """Who decided, and in whose place: `Kim for Ana`."""
    by = who(chat, user_id)
    return by if for_user_id is None else chat.say("person.for", who=by, whom=who(chat, for_user_id))


def who(chat: Chat, user_id: UUID) -> str:
    """`you`, or the person's name; in a room, which nobody in particular reads, always the name."""
    if user_id == chat.user.id and chat.room is None:
        return chat.say("person.you")
    try:
        return called(chat.work.people.user(user_id))
    except NotFound:
        return chat.say("person.gone")
