"""Runs and their steps."""

from typing import Any

from sqlalchemy import Column, Index, Numeric, Table
from sqlalchemy import text as sql

from core.orchestration.models import Run, RunStep
from storage.tables.access import AT_THE_DOOR, RUN_IS_GONE, access
from storage.tables.base import by_month, flag, holds, key, metadata, number, one_of, text, uid, value, when

runs = Table(
    "runs",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("agent_id", null=True),
    uid("agent_version_id", null=True),
    uid("pack_id", null=True),
    uid("workflow_id", null=True),
    uid("workflow_version_id", null=True),
    uid("trigger_id", null=True),
    uid("parent_run_id", null=True),
    text("trigger_type"),
    text("status"),
    value("input", dict[str, Any]),
    value("output", dict[str, Any], null=True),
    value("error", dict[str, Any], null=True),
    flag("light"),
    number("depth"),
    number("attempt"),
    number("retries"),
    number("fence"),
    when("due_at"),
    when("lease_until", null=True),
    when("queued_at"),
    when("started_at", null=True),
    when("finished_at", null=True),
    when("cancel_requested_at", null=True),
    number("tokens"),
    Column("cost", Numeric(18, 8), nullable=False),
    text("trace", null=True),
    when("created_at"),
    number("version"),
    key("runs"),
    one_of("runs", Run, "trigger_type"),
    one_of("runs", Run, "status"),
    holds("runs", "status <> 'running' OR lease_until IS NOT NULL", "running_under_lease"),
    holds("runs", "num_nonnulls(agent_version_id, pack_id, workflow_version_id) = 1", "of_one_thing"),
    **by_month(),
)
# For the doors alone: by its last condition, which only they make, no question inside a workspace goes through everybody's runs.
Index("runs_queued", runs.c.due_at, postgresql_where=sql("status IN ('queued', 'waiting') AND due_at < 'infinity'"))
Index(
    "runs_queued_here",
    runs.c.workspace_id,
    runs.c.due_at,
    postgresql_where=sql("status IN ('queued', 'waiting')"),
)
Index("runs_running", runs.c.lease_until, postgresql_where=sql("status = 'running'"))
Index("runs_below", runs.c.workspace_id, runs.c.parent_run_id, postgresql_where=sql("parent_run_id IS NOT NULL"))
Index("runs_failed", runs.c.workspace_id, runs.c.id, postgresql_where=sql("status = 'failed'"))
Index("runs_of_agent", runs.c.workspace_id, runs.c.agent_id, runs.c.id)

run_steps = Table(
    "run_steps",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("run_id"),
    text("node_id"),
    number("index"),
    text("skill"),
    text("status"),
    value("inputs", dict[str, Any]),
    value("outputs", dict[str, Any], null=True),
    value("error", dict[str, Any], null=True),
    value("usage", dict[str, Any]),
    when("started_at"),
    when("finished_at", null=True),
    number("attempt"),
    value("wait", dict[str, Any], null=True),
    key("run_steps", "workspace_id", "run_id", "node_id", "index"),
    one_of("run_steps", RunStep, "status"),
    holds("run_steps", "status <> 'waiting' OR wait IS NOT NULL", "waiting_for_something"),
    **by_month("run_id"),
)

# A run that made a suggestion explains what was asked, decided and done: it stays.
SUGGESTED_NOTHING = "(SELECT s.id FROM nod.suggestions s WHERE s.workspace_id = runs.workspace_id AND s.run_id = runs.id LIMIT 1) IS NULL"
access(
    runs,
    delete=f"status IN ('succeeded', 'failed', 'cancelled') AND id < nod.first_id(now() - interval '1 day') AND {SUGGESTED_NOTHING}",
    doors=("id", "workspace_id", "user_id", "status", "due_at", "lease_until"),
    door_rows=f"status IN ('queued', 'running', 'waiting') AND {AT_THE_DOOR}",
)
access(run_steps, fixed=("run_id", "node_id", "index"), delete=RUN_IS_GONE.format(table="run_steps"))
