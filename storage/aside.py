"""What a restored system must not do by itself: between the backup and the loss everything may have happened that was due, so it is looked up, asked, or left out."""

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, text

from core.kernel.errors import Invalid
from core.workflows.due import first_fire

# What was approved may have been done: the connector looks, and where it cannot see, the person says.
EXECUTIONS = text("""
    UPDATE nod.action_executions SET status = 'unknown', fence = fence + 1, version = version + 1, lease_until = NULL, lookups = 0,
        due_at = now() + interval '5 seconds', error = CAST(:why AS jsonb)
    WHERE status IN ('held', 'ready', 'claimed', 'sending')
    RETURNING workspace_id, suggestion_id
""")
# A tap or a call may have had its effect; an administrator can have it tried again.
EVENTS = text("""
    UPDATE nod.inbound_events SET status = 'failed', error = 'messaging.restored', lease_until = NULL, fence = fence + 1
    WHERE status IN ('pending', 'processing')
""")
# What was never sent to a platform may have been; an edit of what was sent says the truth however often.
DELIVERIES = text("""
    UPDATE nod.deliveries SET shown = wanted, status = 'failed', failure_reason = 'restored', lease_until = NULL, fence = fence + 1, version = version + 1
    WHERE wanted > shown AND status <> 'failed' AND remote_ref IS NULL AND channel <> 'web'
""")
REFRESH = text("""
    UPDATE nod.deliveries SET wanted = wanted + 1, status = 'pending', due_at = now(), version = version + 1
    WHERE workspace_id = :workspace AND subject_id = :subject AND (remote_ref IS NOT NULL OR channel = 'web') AND status <> 'failed'
""")
SCHEDULES = text("""
    SELECT workspace_id, id, cron, timezone, spread_seconds, now() AS now FROM nod.triggers
    WHERE type = 'schedule' AND status = 'active' AND cron IS NOT NULL AND (next_fire_at <= now() OR waiting_since IS NOT NULL)
""")
SCHEDULE = text("""
    UPDATE nod.triggers SET next_fire_at = :next, waiting_since = NULL, version = version + 1 WHERE workspace_id = :workspace AND id = :id
""")
# Whoever was signed out since would be signed in again.
SESSIONS = text("UPDATE nod.sessions SET revoked_at = now() WHERE revoked_at IS NULL")
LINK_CODES = text("UPDATE nod.link_codes SET used_at = now() WHERE used_at IS NULL")
SIGN_INS = text("UPDATE nod.sign_ins SET used_at = now() WHERE used_at IS NULL")
INVITATIONS = text("UPDATE nod.invitations SET revoked_at = now() WHERE used_at IS NULL AND revoked_at IS NULL")
STATES = text("DELETE FROM nod.oauth_states")


@dataclass(frozen=True)
class Aside:
    """How many of each were set aside."""

    executions: int
    events: int
    deliveries: int
    schedules: int
    sessions: int


def set_aside(connection: Connection) -> Aside:
    """Sets aside, in the caller's transaction and as a role that sees every row, what would act by itself."""
    executions = connection.execute(EXECUTIONS, {"why": json.dumps({"code": "approvals.restored", "data": {}})}).all()
    deliveries = connection.execute(DELIVERIES).rowcount
    for workspace_id, suggestion_id in executions:
        connection.execute(REFRESH, {"workspace": workspace_id, "subject": suggestion_id})
    schedules = connection.execute(SCHEDULES).all()
    for row in schedules:
        following = _next(row.id, row.cron, row.timezone, row.spread_seconds, row.now)
        connection.execute(SCHEDULE, {"workspace": row.workspace_id, "id": row.id, "next": following})
    sessions = connection.execute(SESSIONS).rowcount
    for statement in (LINK_CODES, INVITATIONS, SIGN_INS, STATES):
        connection.execute(statement)
    return Aside(len(executions), connection.execute(EVENTS).rowcount, deliveries, len(schedules), sessions)


def _next(*schedule: object) -> datetime | None:
    try:
        return first_fire(*schedule)  # type: ignore[arg-type]
    except Invalid:
        return None
