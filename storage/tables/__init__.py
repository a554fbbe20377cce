"""Every table, with its constraints, indexes and row-level rules, by context."""

from storage.tables import (
    answered,
    approvals,
    billing,
    catalog,
    connectors,
    identity,
    messaging,
    orchestration,
    preferences,
    privacy,
    workflows,
)
from storage.tables import batches as batches  # the rights of two doors, over what the others declare
from storage.tables.access import declared, forgets
from storage.tables.base import SCHEMA, metadata

__all__ = [
    "SCHEMA",
    "answered",
    "approvals",
    "billing",
    "catalog",
    "connectors",
    "declared",
    "identity",
    "messaging",
    "metadata",
    "orchestration",
    "preferences",
    "privacy",
    "workflows",
]

FORGOTTEN = (
    "privacy_requests", "action_executions", "agent_versions", "agents", "answered_requests", "api_keys", "approval_policies", "approvals", "connections",
    "connector_executions", "conversations", "credentials", "data_keys", "data_snapshots", "delegations", "deliveries", "event_matches",
    "execution_attempts", "given_up", "identity_links", "invitations", "link_codes", "memberships", "packs", "questions", "rewrites", "room_agents", "rooms", "run_steps", "runs",
    "sessions", "sign_ins", "skill_versions", "skills", "subscriptions", "suggestion_batch_items", "suggestion_batches", "suggestion_revisions",
    "suggestions", "tasks", "trigger_firings", "triggers", "usage_counters", "usage_ledger", "user_consents", "user_contexts", "user_preferences",
    "user_profiles", "users", "workflow_executions", "workflow_versions", "workflows", "workspaces",
)  # fmt: skip
"""What is emptied of somebody who is forgotten (nod.erase_me). `messages` and `events` are append-only: their keys are destroyed, and what stays is unreadable."""
forgets(*FORGOTTEN)
