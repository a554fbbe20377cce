"""Packs, workflows and how far their runs are; triggers and what became of them."""

from typing import Any

from sqlalchemy import ARRAY, Column, Index, Table, Uuid
from sqlalchemy import text as sql

from core.catalog.graph import Graph
from core.workflows.models import Pack, Question, Trigger, TriggerFiring, Workflow, WorkflowExecution, WorkflowVersion
from core.workflows.steps import Choice, Steps
from storage.tables.access import AT_THE_DOOR, RUN_IS_GONE, access
from storage.tables.base import (
    belongs,
    flag,
    holds,
    key,
    metadata,
    number,
    one_of,
    refers,
    sealed,
    text,
    uid,
    unique,
    value,
    when,
)

packs = Table(
    "packs",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    text("name"),
    text("description"),
    Column("agent_ids", ARRAY(Uuid), nullable=False),
    text("mode"),
    flag("is_shared"),
    flag("is_public"),
    text("status"),
    when("created_at"),
    number("version"),
    key("packs"),
    belongs("packs", "workspace_id", "workspaces"),
    one_of("packs", Pack, "mode"),
    one_of("packs", Pack, "status"),
    holds("packs", "cardinality(agent_ids) >= 1", "of_someone"),
)

workflows = Table(
    "workflows",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    uid("pack_id", null=True),
    text("name"),
    text("description"),
    text("type"),
    text("status"),
    uid("latest_version_id", null=True),
    when("created_at"),
    number("version"),
    key("workflows"),
    belongs("workflows", "workspace_id", "workspaces"),
    refers("workflows", ["pack_id"], "packs"),
    refers("workflows", ["latest_version_id", "id"], "workflow_versions", ["id", "workflow_id"], in_a_ring=True),
    one_of("workflows", Workflow, "type"),
    one_of("workflows", Workflow, "status"),
)

workflow_versions = Table(
    "workflow_versions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("workflow_id"),
    text("semantic_version"),
    text("type"),
    value("steps", Steps),
    uid("author_id", null=True),
    text("note", null=True),
    uid("parent_run_id", null=True),
    when("created_at"),
    key("workflow_versions"),
    unique("workflow_versions", "workspace_id", "workflow_id", "semantic_version"),
    unique("workflow_versions", "workspace_id", "id", "workflow_id"),
    refers("workflow_versions", ["workflow_id"], "workflows"),
    one_of("workflow_versions", WorkflowVersion, "type"),
)

workflow_executions = Table(
    "workflow_executions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("run_id"),
    uid("pack_id", null=True),
    uid("workflow_id", null=True),
    uid("workflow_version_id", null=True),
    value("graph", Graph),
    text("status"),
    text("current_step", null=True),
    value("step_results", dict[str, dict[str, Any]]),
    value("final_result", Any, null=True),
    when("created_at"),
    when("finished_at", null=True),
    number("version"),
    key("workflow_executions"),
    unique("workflow_executions", "workspace_id", "run_id"),
    refers("workflow_executions", ["pack_id"], "packs"),
    refers("workflow_executions", ["workflow_version_id", "workflow_id"], "workflow_versions", ["id", "workflow_id"]),
    one_of("workflow_executions", WorkflowExecution, "status"),
    holds("workflow_executions", "num_nonnulls(pack_id, workflow_version_id) = 1", "of_one_thing"),
)
Index("workflow_executions_of_pack", workflow_executions.c.workspace_id, workflow_executions.c.pack_id)
Index("workflow_executions_of_workflow", workflow_executions.c.workspace_id, workflow_executions.c.workflow_id)

questions = Table(
    "questions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("run_id"),
    text("node_id"),
    number("index"),
    text("question"),
    value("choices", list[Choice]),
    value("about", Any, null=True),
    Column("to", ARRAY(Uuid), nullable=False),
    when("until"),
    text("default", null=True),
    text("status"),
    text("answer", null=True),
    uid("answered_by", null=True),
    when("answered_at", null=True),
    text("surface", null=True),
    when("created_at"),
    number("version"),
    key("questions"),
    one_of("questions", Question, "status"),
)
Index("questions_of_run", questions.c.workspace_id, questions.c.run_id)
Index("questions_open", questions.c.workspace_id, questions.c.id, postgresql_where=sql("status = 'open'"))

triggers = Table(
    "triggers",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("owner_id"),
    uid("agent_id", null=True),
    uid("pack_id", null=True),
    uid("workflow_id", null=True),
    text("type"),
    text("name"),
    text("status"),
    text("cron", null=True),
    text("timezone"),
    text("misfire_policy"),
    text("overlap"),
    number("spread_seconds"),
    text("event_kind", null=True),
    text("filter", null=True),
    text("phrase", null=True),
    value("input", dict[str, Any]),
    text("source", null=True),
    sealed("secret", null=True),
    number("failures"),
    when("next_fire_at", null=True),
    when("waiting_since", null=True),
    when("last_fired_at", null=True),
    uid("last_run_id", null=True),
    when("removed_at", null=True),
    when("created_at"),
    number("version"),
    key("triggers"),
    refers("triggers", ["agent_id"], "agents"),
    refers("triggers", ["pack_id"], "packs"),
    refers("triggers", ["workflow_id"], "workflows"),
    one_of("triggers", Trigger, "type"),
    one_of("triggers", Trigger, "status"),
    one_of("triggers", Trigger, "misfire_policy"),
    one_of("triggers", Trigger, "overlap"),
    holds("triggers", "num_nonnulls(agent_id, pack_id, workflow_id) = 1", "of_one_thing"),
    holds(
        "triggers",
        "next_fire_at IS NULL OR (type = 'schedule' AND cron IS NOT NULL) OR type = 'event'",
        "due_by_schedule",
    ),
    holds("triggers", "type <> 'webhook' OR source IN ('standard', 'github', 'stripe')", "webhook_of_a_source"),
    holds("triggers", "type <> 'event' OR event_kind IS NOT NULL", "event_of_a_kind"),
    holds("triggers", "removed_at IS NULL OR (status = 'paused' AND secret IS NULL)", "removed_for_good"),
)
Index("triggers_due", triggers.c.next_fire_at, postgresql_where=sql("status = 'active' AND next_fire_at IS NOT NULL"))
Index(
    "triggers_due_here",
    triggers.c.workspace_id,
    triggers.c.next_fire_at,
    postgresql_where=sql("status = 'active' AND next_fire_at IS NOT NULL"),
)
Index("triggers_of_agent", triggers.c.workspace_id, triggers.c.agent_id)
Index("triggers_of_pack", triggers.c.workspace_id, triggers.c.pack_id, postgresql_where=sql("pack_id IS NOT NULL"))
Index(
    "triggers_of_workflow",
    triggers.c.workspace_id,
    triggers.c.workflow_id,
    postgresql_where=sql("workflow_id IS NOT NULL"),
)
Index(
    "triggers_listening",
    triggers.c.workspace_id,
    triggers.c.event_kind,
    postgresql_where=sql("status = 'active' AND type = 'event'"),
)
Index(
    "triggers_waiting",
    triggers.c.workspace_id,
    triggers.c.last_run_id,
    postgresql_where=sql("waiting_since IS NOT NULL"),
)

trigger_firings = Table(
    "trigger_firings",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("trigger_id"),
    text("key"),
    text("outcome"),
    uid("run_id", null=True),
    value("detail", dict[str, Any]),
    when("at"),
    key("trigger_firings"),
    unique("trigger_firings", "workspace_id", "trigger_id", "key"),
    refers("trigger_firings", ["trigger_id"], "triggers"),
    one_of("trigger_firings", TriggerFiring, "outcome"),
)
Index("trigger_firings_newest", trigger_firings.c.workspace_id, trigger_firings.c.trigger_id, trigger_firings.c.id)

event_matches = Table(
    "event_matches",
    metadata,
    uid("workspace_id"),
    uid("trigger_id"),
    uid("event_id"),
    uid("user_id"),
    when("created_at"),
    key("event_matches", "workspace_id", "trigger_id", "event_id"),
)
Index("event_matches_oldest", event_matches.c.created_at)

access(packs)
access(workflows)
access(workflow_versions, append_only=True)
access(
    workflow_executions,
    fixed=("run_id", "pack_id", "workflow_id", "workflow_version_id", "graph"),
    delete=RUN_IS_GONE.format(table="workflow_executions"),
)
access(
    questions,
    fixed=("run_id", "node_id", "index", "question", "choices", "about", "to", "default"),
    delete=f"status <> 'open' AND {RUN_IS_GONE.format(table='questions')}",
)
access(
    triggers,
    doors=("id", "workspace_id", "owner_id", "status", "next_fire_at", "type", "source"),
    door_rows=f"status = 'active' AND {AT_THE_DOOR}",
)
access(trigger_firings, append_only=True, delete="id < nod.first_id(now() - interval '30 days')")
access(
    event_matches,
    append_only=True,
    delete=True,
    doors=("workspace_id", "trigger_id", "event_id", "user_id", "created_at"),
    door_rows=AT_THE_DOOR,
)
