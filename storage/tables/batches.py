"""What claiming and ending light runs of several workspaces at once needs of each table, and no more (docs/adr/0020): the rights of `nod_batches`, which owns the doors that do so."""

from storage.tables.access import HERE, batched

COLLEAGUES = f"(SELECT m.user_id FROM nod.memberships m WHERE m.{HERE})"  # noqa: S608 - all of it is ours

batched(
    "runs",
    "id workspace_id user_id agent_id agent_version_id trigger_id trigger_type status light attempt fence input due_at lease_until started_at trace version",
    changed="status attempt fence lease_until started_at finished_at output error version",
)
batched(
    "run_steps",
    "",
    made="id workspace_id run_id node_id index skill status inputs outputs usage started_at finished_at attempt",
)
batched(
    "usage_counters",
    "workspace_id scope day runs tokens cost",
    made="workspace_id scope day runs tokens cost told",
    changed="runs",
)
batched(
    "usage_ledger",
    "id workspace_id",
    made="id workspace_id user_id run_id agent_id kind tokens_prompt tokens_completion cost at",
)
batched(
    "events",
    "id workspace_id kind",
    made="id workspace_id user_id kind schema_version payload occurred_at ingested_at",
)
batched(
    "event_matches",
    "workspace_id trigger_id",
    made="workspace_id trigger_id event_id user_id created_at",
)
batched("triggers", "id workspace_id type status event_kind owner_id")
batched(
    "deliveries",
    "id workspace_id link_id channel subject_kind subject_id status wanted version",
    changed="status wanted version",
)
batched("agents", "id workspace_id name status last_run_at failures", changed="last_run_at failures")
batched("subscriptions", "workspace_id tier status")
batched("memberships", "workspace_id user_id")
batched("users", "id name preferred_name email", rows=f"id IN {COLLEAGUES}")
batched("user_profiles", "user_id timezone language", rows=f"user_id IN {COLLEAGUES}")
batched("data_keys", "user_id wrapped", rows=f"user_id IN {COLLEAGUES}")
