"""An event that was given up is noted in the workspace of whoever sent it, for those who lead it (core.workflows.given_up)."""

import logging
from collections.abc import Callable
from typing import Any

from bots.kit.arrivals import Note
from bots.kit.parts import Parts
from core.kernel.actor import Actor
from core.messaging.given_up import note_event
from core.messaging.models import InboundEvent

log = logging.getLogger(__name__)


def noted_for(parts: Parts, whose: Callable[[dict[str, Any]], Actor | None]) -> Note:
    """What arrivals note by; `whose` says who sent an event, None for a stranger, whom nobody here leads. Never raises: the operator sees every event (`nod events`)."""

    def note(event: InboundEvent, reason: str) -> None:
        try:
            sender = whose(event.payload or {})
            if sender is None:
                return
            with parts.storage.work(sender.workspace_id, sender.user_id) as work:
                note_event(work, sender, event, reason)
                work.commit()
        except Exception:
            log.exception("an event that was given up is in nobody's list", extra={"event": str(event.id)})

    return note
