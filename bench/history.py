"""A past for a measured database: finished runs with step and ledger row, decided suggestions, and schedules that are not due; a year in monthly parts."""

from collections.abc import Iterator

from bench.crowd import filling
from bench.progress import say
from bench.rows import exists, insert
from bench.script import LEDGER, STEP
from bench.world import World

DAYS, CHUNK = 300, 200_000
# Half of everything is the first person's: whoever looks has much.
SOURCE = """
FROM generate_series(%d, %d) AS g (i)
CROSS JOIN LATERAL (SELECT now() - make_interval(secs => (g.i::bigint * 7919 %% %d)) AS at) AS t
JOIN whose p ON p.n = CASE WHEN g.i %% 2 = 0 THEN 0 ELSE g.i %% %d END"""
OWN = {
    "workspace_id": "p.workspace_id", "user_id": "p.user_id", "owner_id": "p.user_id", "agent_id": "p.agent_id",
    "agent_version_id": "p.version_id", "id": "uuidv7(t.at - now())", "created_at": "t.at", "version": "1",
}  # fmt: skip
RUN = {
    "trigger_type": "'scheduled'", "status": "'succeeded'", "input": "'{}'", "output": """'{"value": 1}'""", "light": "true",
    "due_at": "t.at", "queued_at": "t.at", "started_at": "t.at", "finished_at": "t.at", "attempt": "1", "fence": "1",
}  # fmt: skip
SUGGESTION = {
    "run_id": "uuidv7()", "type": "'task'", "kind": "'task'", "priority": "'medium'", "evidence": "'[]'", "status": "'approved'",
    "dedupe_key": "'history:' || g.i", "revision": "1", "decided_at": "t.at",
}  # fmt: skip
REVISION = {
    "suggestion_id": "s.id", "number": "1", "action": "decode(repeat('5a', 300), 'hex')", "payload_sha256": "repeat('0', 64)",
    "author": "'agent'", "author_id": "s.agent_id", "created_at": "s.created_at",
}  # fmt: skip
TRIGGER = {
    "type": "'schedule'", "status": "'active'", "cron": "'0 9 * * *'", "timezone": "'Europe/Berlin'", "misfire_policy": "'once'",
    "overlap": "'allow'", "name": "'Every morning'", "next_fire_at": "now() + interval '1 hour' + make_interval(secs => g.i::bigint * 7919 % 86400)",
}  # fmt: skip
PARTED = """
SELECT c.relname FROM pg_class c JOIN pg_partitioned_table t ON t.partrelid = c.oid WHERE c.relnamespace = 'nod'::regnamespace"""


def make_months(world: World, months: int = 11) -> None:
    """Parts for months that have gone, as a year of use would have left them."""
    for (table,) in world.owner.execute(PARTED).fetchall():
        for back in range(1, months + 1):
            world.owner.execute(
                f"""DO $$ DECLARE month timestamptz := date_trunc('month', now()) - interval '{back} months';
                BEGIN
                    EXECUTE 'CREATE TABLE nod.{table}' || to_char(month, '_YYYY_MM') || ' PARTITION OF nod.{table} FOR VALUES FROM ('
                        || quote_literal(nod.first_id(month)) || ') TO (' || quote_literal(nod.first_id(month + interval '1 month')) || ')';
                END $$""".encode()
            )


def grow(world: World, first: int, last: int) -> None:
    """Adds the rows numbered from `first` to below `last` of everything, and looks after the tables as autovacuum would."""
    for begin in range(first, last, CHUNK):
        end = min(begin + CHUNK, last)
        with filling(world):
            for statement in _statements(world, begin, end):
                world.owner.execute(statement.encode())
        if end % 1_000_000 == 0 or end == last:
            say(f"{end:,} rows of history")
    for table in ("runs", "run_steps", "usage_ledger", "suggestions", "suggestion_revisions", "triggers"):
        if exists(world.owner, table):
            world.owner.execute(f"VACUUM ANALYZE nod.{table}".encode())


def _statements(world: World, begin: int, end: int) -> Iterator[str]:
    source = SOURCE % (begin, end - 1, DAYS * 86400, len(world.people))
    run_steps = {"workspace_id": "r.workspace_id", "user_id": "r.user_id", **STEP, "node_id": "'first'"}
    below = [insert(world.owner, "run_steps", run_steps, "FROM r")]
    if exists(world.owner, "usage_ledger"):
        entry = {"workspace_id": "r.workspace_id", "user_id": "r.user_id", "run_id": "r.id", **LEDGER, "id": "r.id"}
        below.append(insert(world.owner, "usage_ledger", entry, "FROM r"))
    runs = insert(world.owner, "runs", {**OWN, **RUN}, source) + " RETURNING *"
    yield f"WITH r AS ({runs}), s AS ({below[0]}) {below[1] if len(below) > 1 else 'SELECT 1'}"
    suggestions = insert(world.owner, "suggestions", {**OWN, **SUGGESTION}, source) + " RETURNING *"
    revisions = insert(world.owner, "suggestion_revisions", {"workspace_id": "s.workspace_id", **REVISION}, "FROM s")
    yield f"WITH s AS ({suggestions}) {revisions}"
    yield insert(world.owner, "triggers", {**OWN, **TRIGGER}, source)
