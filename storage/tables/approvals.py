"""Suggestions, their revisions, decisions, and the executions that a decision allows."""

from typing import Any

from sqlalchemy import ARRAY, Column, Computed, Index, Table, Text, Uuid
from sqlalchemy import text as sql

from core.approvals.models import ActionExecution, Approval, ExecutionAttempt, Rewrite, Suggestion, SuggestionRevision
from storage.tables.access import AT_THE_DOOR, MINE, WORKSPACE, access
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
    texts,
    uid,
    unique,
    value,
    when,
)

suggestions = Table(
    "suggestions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("run_id"),
    uid("agent_id"),
    text("type"),
    text("kind"),
    text("priority"),
    value("why", dict[str, Any]),
    value("evidence", list[dict[str, Any]]),
    texts("influenced_by"),
    text("dedupe_key"),
    text("status"),
    number("revision"),
    when("expires_at", null=True),
    when("snoozed_until", null=True),
    when("reminded_at", null=True),
    number("rung"),
    when("next_rung_at", null=True),
    when("counts_from", null=True),
    when("decided_at", null=True),
    text("reason", null=True),
    uid("snoozed_context", null=True),
    uid("undoes", null=True),
    Column("assignees", ARRAY(Uuid), nullable=False),
    text("trace", null=True),
    when("created_at"),
    number("version"),
    key("suggestions"),
    unique("suggestions", "workspace_id", "agent_id", "dedupe_key"),
    refers("suggestions", ["agent_id"], "agents"),
    refers("suggestions", ["id", "revision"], "suggestion_revisions", ["suggestion_id", "number"], in_a_ring=True),
    refers("suggestions", ["undoes"], "action_executions", in_a_ring=True),
    one_of("suggestions", Suggestion, "type"),
    one_of("suggestions", Suggestion, "priority"),
    one_of("suggestions", Suggestion, "status"),
    holds("suggestions", "status <> 'snoozed' OR snoozed_until IS NOT NULL", "snoozed_until_when"),
)
Index("suggestions_by_status", suggestions.c.workspace_id, suggestions.c.status, suggestions.c.id)
Index("suggestions_of_run", suggestions.c.workspace_id, suggestions.c.run_id)
Index("suggestions_expiring", suggestions.c.expires_at, postgresql_where=sql("status = 'pending'"))
Index(
    "suggestions_undoing", suggestions.c.workspace_id, suggestions.c.undoes, postgresql_where=sql("undoes IS NOT NULL")
)
Index(
    "suggestions_of_context",
    suggestions.c.workspace_id,
    suggestions.c.snoozed_context,
    postgresql_where=sql("snoozed_context IS NOT NULL"),
)
Index("suggestions_snoozed", suggestions.c.snoozed_until, postgresql_where=sql("status = 'snoozed'"))

suggestion_revisions = Table(
    "suggestion_revisions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("suggestion_id"),
    number("number"),
    sealed("action"),
    text("payload_sha256"),
    text("author"),
    uid("author_id"),
    when("created_at"),
    key("suggestion_revisions"),
    unique("suggestion_revisions", "workspace_id", "suggestion_id", "number"),
    unique("suggestion_revisions", "workspace_id", "suggestion_id", "number", "payload_sha256"),
    refers("suggestion_revisions", ["suggestion_id"], "suggestions"),
    one_of("suggestion_revisions", SuggestionRevision, "author"),
    holds("suggestion_revisions", "payload_sha256 ~ '^[0-9a-f]{64}$'", "payload_sha256_is_one"),
)

approvals = Table(
    "approvals",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("suggestion_id"),
    number("revision"),
    text("payload_sha256"),
    uid("user_id"),
    text("decision"),
    when("decided_at"),
    text("surface"),
    text("reason", null=True),
    uid("delivery_id", null=True),
    uid("for_user_id", null=True),
    key("approvals"),
    unique("approvals", "workspace_id", "id", "suggestion_id", "decision"),
    refers(
        "approvals",
        ["suggestion_id", "revision", "payload_sha256"],
        "suggestion_revisions",
        ["suggestion_id", "number", "payload_sha256"],
    ),
    refers("approvals", ["user_id"], "memberships", ["user_id"]),
    refers("approvals", ["for_user_id"], "memberships", ["user_id"]),
    holds("approvals", "for_user_id <> user_id", "for_somebody_else"),
    one_of("approvals", Approval, "decision"),
)
Index("approvals_of_suggestion", approvals.c.workspace_id, approvals.c.suggestion_id, approvals.c.id)

action_executions = Table(
    "action_executions",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("suggestion_id"),
    uid("approval_id"),
    Column("decision", Text, Computed("'approve'", persisted=True), nullable=False),
    uid("connection_id"),
    text("key"),
    text("status"),
    number("fence"),
    when("due_at"),
    when("lease_until", null=True),
    number("attempts"),
    number("lookups"),
    text("external_ref", null=True),
    value("result", dict[str, Any]),
    value("error", dict[str, Any], null=True),
    when("executed_at", null=True),
    text("trace", null=True),
    when("created_at"),
    number("version"),
    key("action_executions"),
    unique("action_executions", "workspace_id", "key"),
    unique("action_executions", "workspace_id", "approval_id"),
    refers(
        "action_executions",
        ["approval_id", "suggestion_id", "decision"],
        "approvals",
        ["id", "suggestion_id", "decision"],
    ),
    refers("action_executions", ["connection_id"], "connections"),
    one_of("action_executions", ActionExecution, "status"),
    holds("action_executions", "status NOT IN ('claimed', 'sending') OR lease_until IS NOT NULL", "taken_under_lease"),
)
Index("action_executions_of_suggestion", action_executions.c.workspace_id, action_executions.c.suggestion_id)
Index(
    "action_executions_due",
    action_executions.c.due_at,
    postgresql_where=sql("status IN ('held', 'ready', 'unknown')"),
)
Index(
    "action_executions_taken",
    action_executions.c.lease_until,
    postgresql_where=sql("status IN ('claimed', 'sending')"),
)
Index(
    "action_executions_unsettled",
    action_executions.c.workspace_id,
    action_executions.c.id,
    postgresql_where=sql("status IN ('held', 'ready', 'claimed', 'sending', 'failed', 'unknown')"),
)

execution_attempts = Table(
    "execution_attempts",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("execution_id"),
    number("fence"),
    text("outcome"),
    value("detail", dict[str, Any]),
    when("at"),
    key("execution_attempts"),
    refers("execution_attempts", ["execution_id"], "action_executions"),
    one_of("execution_attempts", ExecutionAttempt, "outcome"),
)
Index("execution_attempts_of_execution", execution_attempts.c.workspace_id, execution_attempts.c.execution_id)

approval_policies = Table(
    "approval_policies",
    metadata,
    uid("id"),
    uid("workspace_id"),
    text("operation"),
    number("quorum"),
    texts("allowed_roles"),
    Column("allowed_people", ARRAY(Uuid), nullable=False),
    uid("escalate_to", null=True),
    flag("own_request"),
    number("undo_seconds", null=True),
    number("expiry_seconds"),
    number("reminder_seconds", null=True),
    number("amount_limit", null=True),
    when("created_at"),
    number("version"),
    key("approval_policies"),
    unique("approval_policies", "workspace_id", "operation"),
    belongs("approval_policies", "workspace_id", "workspaces"),
    refers("approval_policies", ["escalate_to"], "memberships", ["user_id"]),
    holds("approval_policies", "quorum >= 1", "quorum_is_someone"),
)

suggestion_batches = Table(
    "suggestion_batches",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("agent_id"),
    when("decided_at", null=True),
    when("created_at"),
    number("version"),
    key("suggestion_batches"),
    refers("suggestion_batches", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    refers("suggestion_batches", ["agent_id"], "agents"),
)
Index(
    "suggestion_batches_open", suggestion_batches.c.workspace_id, suggestion_batches.c.user_id, suggestion_batches.c.id
)

suggestion_batch_items = Table(
    "suggestion_batch_items",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("batch_id"),
    number("number"),
    uid("suggestion_id"),
    number("revision"),
    text("payload_sha256"),
    flag("ticked"),
    text("outcome"),
    when("created_at"),
    number("version"),
    key("suggestion_batch_items"),
    unique("suggestion_batch_items", "workspace_id", "batch_id", "number"),
    refers("suggestion_batch_items", ["batch_id"], "suggestion_batches", on_delete="CASCADE"),
    refers(
        "suggestion_batch_items",
        ["suggestion_id", "revision", "payload_sha256"],
        "suggestion_revisions",
        ["suggestion_id", "number", "payload_sha256"],
    ),
)
Index(
    "suggestion_batch_items_of_suggestion",
    suggestion_batch_items.c.workspace_id,
    suggestion_batch_items.c.suggestion_id,
)

access(suggestion_batches, made=f"{WORKSPACE} AND {MINE}", fixed=("agent_id",))
access(suggestion_batch_items, fixed=("batch_id", "number", "suggestion_id", "revision", "payload_sha256"))
rewrites = Table(
    "rewrites",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("suggestion_id"),
    number("revision"),
    sealed("words", null=True),
    text("status"),
    number("fence"),
    number("attempts"),
    when("lease_until", null=True),
    value("error", dict[str, Any], null=True),
    when("ended_at", null=True),
    when("created_at"),
    number("version"),
    key("rewrites"),
    refers("rewrites", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    refers("rewrites", ["suggestion_id"], "suggestions", on_delete="CASCADE"),
    one_of("rewrites", Rewrite, "status"),
    holds("rewrites", "status <> 'working' OR lease_until IS NOT NULL", "taken_under_lease"),
)
Index("rewrites_of_suggestion", rewrites.c.workspace_id, rewrites.c.suggestion_id, rewrites.c.id)
Index(
    "rewrites_open",
    rewrites.c.workspace_id,
    rewrites.c.suggestion_id,
    unique=True,
    postgresql_where=sql("status IN ('asked', 'working')"),
)
Index("rewrites_due", rewrites.c.created_at, postgresql_where=sql("status IN ('asked', 'working')"))

access(
    rewrites,
    made=f"{WORKSPACE} AND {MINE}",
    fixed=("suggestion_id", "revision"),
    doors=("id", "workspace_id", "user_id", "status", "created_at", "lease_until"),
    door_rows=f"status IN ('asked', 'working') AND {AT_THE_DOOR}",
)

delegations = Table(
    "delegations",
    metadata,
    uid("id"),
    uid("workspace_id"),
    uid("user_id"),
    uid("to_user_id"),
    when("until"),
    uid("agent_id", null=True),
    text("operation", null=True),
    when("revoked_at", null=True),
    when("created_at"),
    number("version"),
    key("delegations"),
    refers("delegations", ["user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    refers("delegations", ["to_user_id"], "memberships", ["user_id"], on_delete="CASCADE"),
    refers("delegations", ["agent_id"], "agents", on_delete="CASCADE"),
    holds("delegations", "user_id <> to_user_id", "to_somebody_else"),
    holds("delegations", "until > created_at", "until_later"),
)
Index("delegations_active", delegations.c.workspace_id, delegations.c.until, postgresql_where=sql("revoked_at IS NULL"))

access(
    suggestions,
    fixed=("run_id", "agent_id", "dedupe_key", "undoes"),
    doors=(
        "id",
        "workspace_id",
        "user_id",
        "status",
        "expires_at",
        "snoozed_until",
        "reminded_at",
        "rung",
        "next_rung_at",
    ),
    door_rows=f"status IN ('pending', 'snoozed') AND {AT_THE_DOOR}",
)
access(suggestion_revisions, append_only=True)
access(
    approvals,
    append_only=True,
    doors=("id", "workspace_id", "user_id", "decision"),
    door_rows=f"decision = 'approve' AND {AT_THE_DOOR}",
)
access(
    action_executions,
    fixed=("suggestion_id", "approval_id", "decision", "connection_id", "key"),
    doors=("id", "workspace_id", "suggestion_id", "approval_id", "status", "due_at", "lease_until"),
    door_rows=f"status IN ('held', 'ready', 'claimed', 'sending', 'unknown') AND {AT_THE_DOOR}",
)
access(execution_attempts, append_only=True)
access(
    approval_policies,
    fixed=("operation",),
    delete=True,
    doors=("workspace_id", "reminder_seconds"),
    door_rows=AT_THE_DOOR,
)
access(
    delegations,
    made=f"{WORKSPACE} AND {MINE}",
    changed=f"{WORKSPACE} AND (user_id = (SELECT nod.current_user_id()) OR to_user_id = (SELECT nod.current_user_id()))",
    fixed=("user_id", "to_user_id", "until", "agent_id", "operation"),
)
