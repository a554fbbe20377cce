"""Light runs by the dozen: claimed in one round trip, ended in another (docs/adr/0009), of several workspaces if need be (0018). Written for speed, under the same rules as everything else."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.billing.record import ledger_rows
from core.kernel.ids import new_id
from core.kernel.telemetry import span
from core.orchestration.batches import MOST_AT_ONCE, Batch, Counted, Ended, LightRun, Owner, Rung
from storage.bell import Bell, Ring
from storage.engine import Database, Inside
from storage.repositories.events import MATCH
from storage.together import Said
from storage.values import dumps
from storage.vault import LocalKeys, PersonKeys, Place

CLAIM = """
WITH queued AS (
    SELECT id, light AND attempt = 0 AND status = 'queued' AS light, due_at, 0 AS tries FROM nod.runs
    WHERE workspace_id = %(workspace)s AND status IN ('queued', 'waiting') AND due_at <= now()
    ORDER BY due_at LIMIT %(most)s FOR UPDATE SKIP LOCKED
), lost AS (
    SELECT id, false AS light, lease_until AS due_at, attempt AS tries FROM nod.runs
    WHERE workspace_id = %(workspace)s AND status = 'running' AND lease_until <= now()
    ORDER BY lease_until LIMIT 2 FOR UPDATE SKIP LOCKED
), found AS (
    SELECT * FROM lost UNION ALL SELECT * FROM queued
), head AS (
    SELECT id, light, tries FROM found ORDER BY due_at, id LIMIT 1
), taken AS (
    UPDATE nod.runs r SET status = 'running', fence = r.fence + 1, attempt = r.attempt + 1, version = r.version + 1,
        lease_until = clock_timestamp() + make_interval(secs => %(lease)s), started_at = clock_timestamp()
    -- An array: whatever the planner thinks of the table, it goes through the key.
    WHERE r.workspace_id = %(workspace)s AND r.id = ANY (ARRAY(SELECT f.id FROM found f, head WHERE head.light AND f.light))
    RETURNING r.id, r.user_id, r.agent_id, r.agent_version_id, r.trigger_id, r.trigger_type, r.fence, r.input, r.due_at, r.started_at, r.trace
), counted AS (
    INSERT INTO nod.usage_counters AS c (workspace_id, scope, day, runs, tokens, cost, told)
    SELECT %(workspace)s, s.scope, (now() AT TIME ZONE 'UTC')::date, s.runs, 0, 0, '{}' FROM (
        SELECT 'workspace' AS scope, count(*) AS runs FROM taken HAVING count(*) > 0
        UNION ALL
        SELECT agent_id::text, count(*) FROM taken GROUP BY agent_id
    ) s ORDER BY s.scope <> 'workspace', s.scope
    ON CONFLICT (workspace_id, scope, day) DO UPDATE SET runs = c.runs + EXCLUDED.runs
    RETURNING c.scope, c.runs, c.tokens, c.cost
), whose AS (
    SELECT DISTINCT user_id FROM taken
)
SELECT (SELECT count(*) FROM found), (SELECT id FROM head WHERE NOT light), (SELECT tries FROM head),
    (SELECT json_agg(t ORDER BY t.due_at, t.id) FROM taken t), (SELECT json_agg(c) FROM counted c),
    (SELECT tier FROM nod.subscriptions WHERE workspace_id = %(workspace)s AND status = 'active'), now(),
    (SELECT json_agg(json_build_object('id', u.id, 'name', coalesce(u.preferred_name, u.name), 'email', u.email, 'timezone', p.timezone,
        'language', p.language, 'wrapped', encode(k.wrapped, 'hex')))
     FROM whose w JOIN nod.users u ON u.id = w.user_id JOIN nod.user_profiles p ON p.user_id = w.user_id JOIN nod.data_keys k ON k.user_id = w.user_id),
    (SELECT json_object_agg(a.id, a.name) FROM nod.agents a WHERE a.workspace_id = %(workspace)s AND a.id IN (SELECT agent_id FROM taken) AND a.status <> 'paused')
"""
END = (
    """
WITH won AS (
    UPDATE nod.runs r SET status = 'succeeded', finished_at = clock_timestamp(), lease_until = NULL, output = g.output, error = NULL, version = r.version + 1
    FROM json_to_recordset(%(runs)s) AS g (id uuid, fence integer, output jsonb)
    -- From the first to the last: parts of other months are not even opened.
    WHERE r.workspace_id = %(workspace)s AND r.id BETWEEN %(first)s AND %(last)s AND r.id = ANY (%(ids)s::uuid[]) AND r.id = g.id
        AND r.fence = g.fence AND r.status = 'running'
    RETURNING r.id, r.agent_id
), steps AS (
    INSERT INTO nod.run_steps (id, workspace_id, run_id, node_id, index, skill, status, inputs, outputs, usage, started_at, finished_at, attempt)
    SELECT s.id, %(workspace)s, s.run_id, s.node_id, s.index, s.skill, s.status, s.inputs, s.outputs, '{}', s.started_at, s.finished_at, s.attempt
    FROM json_to_recordset(%(steps)s) AS s (id uuid, run_id uuid, node_id text, index integer, skill text, status text, inputs jsonb, outputs jsonb,
        started_at timestamptz, finished_at timestamptz, attempt integer)
    JOIN won ON won.id = s.run_id
), ledger AS (
    INSERT INTO nod.usage_ledger (id, workspace_id, user_id, run_id, agent_id, kind, tokens_prompt, tokens_completion, cost, at)
    SELECT l.id, %(workspace)s, l.user_id, l.run_id, l.agent_id, 'run', 0, 0, 0, l.at
    FROM json_to_recordset(%(ledger)s) AS l (id uuid, user_id uuid, run_id uuid, agent_id uuid, at timestamptz)
    JOIN won ON won.id = l.run_id
    ON CONFLICT (workspace_id, id) DO NOTHING
), happened AS (
    INSERT INTO nod.events (id, workspace_id, user_id, kind, schema_version, payload, occurred_at, ingested_at)
    SELECT e.id, %(workspace)s, e.user_id, e.kind, 1, decode(e.payload, 'hex'), clock_timestamp(), clock_timestamp()
    FROM json_to_recordset(%(events)s) AS e (id uuid, run_id uuid, user_id uuid, kind text, payload text)
    JOIN won ON won.id = e.run_id
    RETURNING id, workspace_id, kind
), matches AS ("""  # noqa: S608 - all of it is ours
    + MATCH
    + """
), shown AS (
    UPDATE nod.deliveries d SET wanted = d.wanted + 1, status = CASE d.status WHEN 'sending' THEN 'sending' ELSE 'pending' END, version = d.version + 1
    FROM won WHERE d.workspace_id = %(workspace)s AND d.subject_id = ANY (%(ids)s::uuid[]) AND d.subject_id = won.id AND d.subject_kind = 'run'
        AND d.status <> 'failed'
    RETURNING d.id, d.channel, d.link_id
), touched AS (
    -- Not for every run: all runs of an agent would wait for each other on its row.
    UPDATE nod.agents a SET last_run_at = now(), failures = 0
    WHERE a.workspace_id = %(workspace)s AND a.id IN (SELECT agent_id FROM won)
      AND (a.last_run_at IS NULL OR a.last_run_at < now() - interval '10 seconds' OR a.failures > 0)
)
SELECT (SELECT json_agg(id) FROM won), (SELECT json_agg(DISTINCT trigger_id) FROM matches), (SELECT json_agg(shown) FROM shown)
"""
)


class SqlBatches:
    """core.orchestration.batches.Batches."""

    def __init__(self, database: Database, keys: LocalKeys, bell: Bell) -> None:
        self._database, self._keys, self._bell = database, keys, bell

    def claim(
        self, rungs: Sequence[Rung], lease_seconds: float, *, hurried: bool = False, durable: bool = True
    ) -> list[Batch]:
        """One transaction, one round trip. Raises Unavailable, Conflict."""
        asked = [
            Inside(
                rung.workspace_id,
                rung.user_id,
                Said(CLAIM, {"workspace": rung.workspace_id, "most": MOST_AT_ONCE, "lease": lease_seconds}),
            )
            for rung in rungs
        ]
        answers = self._database.all_at_once(asked, hurried=hurried, durable=durable)
        return [self._batch(rung, *rows[0]) for rung, rows in zip(rungs, answers, strict=True)]

    def _batch(
        self,
        rung: Rung,
        found: int,
        single: UUID | None,
        tries: int | None,
        taken: Any,
        counted: Any,
        tier: str | None,
        now: datetime,
        whose: Any,
        agents: Any,
    ) -> Batch:
        mine = rung.workspace_id, rung.user_id
        if taken is None:
            return Batch(*mine, single=single, tries=tries or 0, more=found > 1)
        return Batch(
            *mine,
            runs=[_run(row, rung.workspace_id) for row in taken],
            more=found >= MOST_AT_ONCE or found > len(taken),
            owners={owner.id: owner for owner in map(_owner, whose)},
            agents={UUID(id): name for id, name in (agents or {}).items()},
            counted=[Counted(c["scope"], c["runs"], c["tokens"], Decimal(str(c["cost"]))) for c in counted],
            tier=tier,
            now=now,
            keys={UUID(one["id"]): self._key(one) for one in whose if one["wrapped"] is not None},
        )

    def end(self, done: Sequence[tuple[Batch, Sequence[Ended]]], *, hurried: bool = False) -> list[set[UUID]]:
        """One transaction, one round trip; then rings. Raises Unavailable, Conflict."""
        asked = [
            Inside(batch.workspace_id, batch.user_id, Said(END, self._given(batch, ended))) for batch, ended in done
        ]
        first = done[0][0]
        with span(
            "runs.end", workspace=first.workspace_id, workspaces=len(done), runs=sum(len(ended) for _, ended in done)
        ):
            answers = [rows[0] for rows in self._database.all_at_once(asked, hurried=hurried)]
        rings: list[Ring] = []
        for (batch, _), (_, matched, shown) in zip(done, answers, strict=True):
            mine = batch.workspace_id, batch.user_id
            rings += [Ring("triggers.matched", *mine, UUID(trigger)) for trigger in matched or ()]
            rings += [Ring(f"deliveries.{d['channel']}", *mine, UUID(d["id"]), UUID(d["link_id"])) for d in shown or ()]
        if rings:
            self._bell.wake_all(rings)
        return [{UUID(id) for id in won or ()} for won, _, _ in answers]

    def _given(self, batch: Batch, ended: Sequence[Ended]) -> dict[str, Any]:
        runs = [end.run for end in ended]
        return {
            "workspace": batch.workspace_id,
            "ids": [run.id for run in runs],
            "first": min(run.id for run in runs),
            "last": max(run.id for run in runs),
            "runs": dumps([{"id": str(e.run.id), "fence": e.run.fence, "output": e.output} for e in ended]),
            "steps": dumps([_step(step) for e in ended for step in e.steps]),
            "ledger": dumps([_entry(entry) for entry in ledger_rows(runs, batch.now or runs[0].started_at)]),
            "events": dumps([event for run in runs if run.user_id in batch.keys for event in self._events(batch, run)]),
        }

    def _key(self, owner: dict[str, Any]) -> PersonKeys:
        wrapped = bytes.fromhex(owner["wrapped"])
        return PersonKeys(self._keys.unwrap(wrapped, UUID(owner["id"])))

    def _events(self, batch: Batch, run: LightRun) -> list[dict[str, Any]]:
        payload = f'{{"run_id":"{run.id}","agent_id":"{run.agent_id}"}}'.encode()
        key: PersonKeys = batch.keys[run.user_id]
        return [
            {
                "id": str(id),
                "run_id": str(run.id),
                "user_id": str(run.user_id),
                "kind": kind,
                "payload": key.seal(payload, Place("events", run.workspace_id, id, "payload")).hex(),
            }
            for kind, id in (("run.started", new_id()), ("run.succeeded", new_id()))
        ]


def _run(row: dict[str, Any], workspace_id: UUID) -> LightRun:
    return LightRun(
        id=UUID(row["id"]),
        workspace_id=workspace_id,
        user_id=UUID(row["user_id"]),
        agent_id=UUID(row["agent_id"]),
        agent_version_id=UUID(row["agent_version_id"]),
        trigger_id=UUID(row["trigger_id"]) if row["trigger_id"] else None,
        trigger_type=row["trigger_type"],
        fence=row["fence"],
        input=row["input"],
        due_at=datetime.fromisoformat(row["due_at"]),
        started_at=datetime.fromisoformat(row["started_at"]),
        trace=row["trace"],
    )


def _owner(one: dict[str, Any]) -> Owner:
    return Owner(UUID(one["id"]), one["name"], one["email"], one["timezone"], one["language"])


def _step(step: Any) -> dict[str, Any]:
    return {
        "id": str(step.id),
        "run_id": str(step.run_id),
        "node_id": step.node_id,
        "index": step.index,
        "skill": step.skill,
        "status": step.status,
        "inputs": step.inputs,
        "outputs": step.outputs,
        "started_at": step.started_at.isoformat(),
        "finished_at": step.finished_at.isoformat(),
        "attempt": step.attempt,
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "id": str(entry.id),
        "user_id": str(entry.user_id),
        "run_id": str(entry.run_id),
        "agent_id": str(entry.agent_id) if entry.agent_id else None,
        "at": entry.at.isoformat(),
    }
