"""An event of a platform that could not be handled is noted in the workspace of whoever sent it, so that its admins see it."""

from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.messaging.models import InboundEvent, SetAside
from core.messaging.ports import MessagingWork


def note_event(work: MessagingWork, sender: Actor, event: InboundEvent, error: str) -> None:
    """Keeps that it was given up, when and why; nothing of its content."""
    work.given_up.keep(
        SetAside(
            id=new_id(), workspace_id=sender.workspace_id, user_id=sender.user_id, kind="event", subject_id=event.id,
            at=work.now, created_at=work.now, channel=event.channel, error=error,
        )
    )  # fmt: skip
