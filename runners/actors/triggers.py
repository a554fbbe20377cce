"""Triggers that are woken by what happens: events that they listen for, and mailboxes and calendars that they wait for."""

from uuid import UUID

from core.workflows.match import AT_ONCE, match
from runners.watching import look
from runners.wiring import storage


def matched(workspace_id: UUID, user_id: UUID, trigger_id: UUID) -> None:
    """Looks at the events that wait for a trigger, until none is left."""
    looked_at = AT_ONCE
    while looked_at == AT_ONCE:
        with storage().work(workspace_id, user_id) as work:
            looked_at, _ = match(work, trigger_id)
            work.commit()


def watch(workspace_id: UUID, user_id: UUID, trigger_id: UUID) -> None:
    """Looks into the mailboxes or calendars that a trigger waits for; what is new is an event."""
    look(workspace_id, user_id, trigger_id)
