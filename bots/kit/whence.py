"""Which of a person's workspaces something is of: said where they are in more than one, and never where they are in one."""

from typing import Any
from uuid import UUID

from bots.kit.dialog import Chat
from bots.kit.screen import Heading, Paragraph, Screen
from bots.kit.words import Say


def place_of(work: Any, directory: Any, user_id: UUID, say: Say) -> str | None:
    """What the workspace of `work` is called to that person; None where they are in no other."""
    place = work.people.workspace()
    # Everybody has one that is just theirs: who stands in another is in two at least.
    if place.kind != "personal":
        return place.name
    return say("workspace.personal") if directory is not None and directory.shares(user_id) else None


def with_place(chat: Chat, screen: Screen) -> Screen:
    """The card, with its workspace beneath the first line where that tells something. A shared chat belongs to one workspace, and needs none."""
    name = place_of(chat.work, chat.directory, chat.user.id, chat.say) if chat.room is None else None
    if name is None or not screen.blocks:
        return screen
    said = Paragraph(text=chat.say("card.workspace", name=name), muted=True)
    first = 1 if isinstance(screen.blocks[0], Heading) else 0
    return screen.model_copy(update={"blocks": (*screen.blocks[:first], said, *screen.blocks[first:])})
