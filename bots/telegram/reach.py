"""Whether a person can be reached at Telegram, and what follows when they cannot."""

from uuid import UUID

from bots.kit.outbound import Letter
from bots.kit.parts import Parts
from core.approvals import stop
from core.messaging.rooms import moved_room


def blocked(parts: Parts, workspace_id: UUID, user_id: UUID, link_id: UUID) -> None:
    """They blocked the bot: as core.approvals.stop.unreached, in a transaction of its own."""
    with parts.storage.work(workspace_id, user_id) as work:
        stop.unreached(work, link_id, "telegram.blocked")
        work.commit()


def moved(parts: Parts, letter: Letter, address: str) -> None:
    """The chat has another number from now on (a group that became a supergroup)."""
    link = letter.link
    with parts.storage.work(link.workspace_id, link.user_id) as work:
        if letter.room is not None:
            moved_room(work, letter.room.id, address)
        else:
            work.people.link(link.id).address = address
        work.commit()
