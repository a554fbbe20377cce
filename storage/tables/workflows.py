"""Triggers: what starts an agent by itself."""

from sqlalchemy import Index, Table
from sqlalchemy import text as sql

from core.workflows.models import Trigger
from storage.tables.access import AT_THE_DOOR, access
from storage.tables.base import holds, key, metadata, number, one_of, refers, text, uid, when

triggers = Table(
    "triggers",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    uid("agent_id"),
    text("type"),
    text("status"),
    text("cron", null=True),
    text("timezone"),
    text("misfire_policy"),
    when("next_fire_at", null=True),
    when("last_fired_at", null=True),
    when("created_at"),
    number("version"),
    key("triggers"),
    refers("triggers", ["agent_id"], "agents"),
    one_of("triggers", Trigger, "type"),
    one_of("triggers", Trigger, "status"),
    one_of("triggers", Trigger, "misfire_policy"),
    holds("triggers", "next_fire_at IS NULL OR (type = 'schedule' AND cron IS NOT NULL)", "due_by_schedule"),
)
Index("triggers_due", triggers.c.next_fire_at, postgresql_where=sql("status = 'active' AND next_fire_at IS NOT NULL"))
Index("triggers_of_agent", triggers.c.workspace_id, triggers.c.agent_id)

access(
    triggers,
    doors=("id", "workspace_id", "owner_id", "status", "next_fire_at"),
    door_rows=f"status = 'active' AND next_fire_at IS NOT NULL AND {AT_THE_DOOR}",
)
