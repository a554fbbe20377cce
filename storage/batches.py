"""Light runs by the dozen: claimed in one round trip, ended in another (docs/adr/0009), of as many workspaces as there are (0018, 0020). Written for speed, under the same rules as everything else."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from core.billing.limits import Daily
from core.billing.record import ledger_rows
from core.kernel.ids import new_id
from core.kernel.telemetry import span
from core.orchestration.batches import MOST_AT_ONCE, Batch, Counted, Ended, LightRun, Owner, Rung
from storage.bell import Bell, Ring
from storage.engine import Database
from storage.values import dumps
from storage.vault import LocalKeys, PersonKeys, Place

CLAIM = """
SELECT place, due, single, tries, runs, counters, tier, at, owners, names
FROM nod.claim_batches(%(context)s, %(most)s::integer, %(lease)s::double precision, %(hurried)s, %(durable)s)"""
END = """
SELECT won, matched, shown
FROM nod.end_batches(%(context)s, %(ids)s::uuid[], %(ended)s::json, %(steps)s::json, %(ledger)s::json, %(events)s::json, %(hurried)s)"""

END_UNCLAIMED = """
SELECT won, matched, shown
FROM nod.end_unclaimed(%(context)s, %(ids)s::uuid[], %(believed)s::json, %(taken)s::json, %(limits)s::json,
    %(steps)s::json, %(ledger)s::json, %(events)s::json, %(hurried)s)"""


class SqlBatches:
    """core.orchestration.batches.Batches."""

    def __init__(self, database: Database, keys: LocalKeys, bell: Bell) -> None:
        self._database, self._keys, self._bell = database, keys, bell

    def claim(
        self, rungs: Sequence[Rung], lease_seconds: float, *, hurried: bool = False, durable: bool = True
    ) -> list[Batch]:
        """One statement, one transaction, one round trip. Raises Unavailable, Conflict."""
        places = [rung.workspace_id for rung in rungs]
        given = {"most": MOST_AT_ONCE, "lease": lease_seconds, "hurried": hurried, "durable": durable}
        found = {place: row for place, *row in self._database.at_once_in(places, CLAIM, given)}
        return [
            self._batch(rung, *found[rung.workspace_id]) if rung.workspace_id in found else Batch(*rung[:2])
            for rung in rungs
        ]

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
            keys={UUID(one["id"]): bytes.fromhex(one["wrapped"]) for one in whose if one["wrapped"] is not None},
        )

    def end(self, done: Sequence[tuple[Batch, Sequence[Ended]]], *, hurried: bool = False) -> list[set[UUID]]:
        """One statement, one transaction, one round trip; then rings. Raises Unavailable, Conflict."""
        whose = {batch.workspace_id: batch.user_id for batch, _ in done}
        runs = [each.run for _, ended in done for each in ended]
        with span("runs.end", workspace=done[0][0].workspace_id, workspaces=len(done), runs=len(runs)):
            ((won, matched, shown),) = self._database.at_once_in(list(whose), END, self._given(done, hurried))
        self._ring(whose, matched, shown)
        ours = {UUID(one["id"]) for one in won or ()}
        return [ours & {each.run.id for each in ended} for _, ended in done]

    def end_unclaimed(
        self, done: Sequence[tuple[Batch, Sequence[Ended]]], limits: Sequence[tuple[UUID, Mapping[str, Daily]]]
    ) -> set[UUID]:
        """One statement, one transaction, one round trip; then rings. Raises Unavailable, Conflict, Invalid."""
        whose = {batch.workspace_id: batch.user_id for batch, _ in done}
        ended = [each for _, several in done for each in several]
        given = {
            "ids": sorted(each.run.id for each in ended),
            "believed": dumps([one for batch, _ in done for one in _believed(batch)]),
            "taken": dumps([_taken(each) for each in ended]),
            "limits": dumps(
                [
                    {"workspace_id": place, "scope": scope, "runs": most.runs, "tokens": most.tokens, "cost": most.cost}
                    for place, scopes in limits
                    for scope, most in scopes.items()
                ]
            ),
            "hurried": len(whose) > 1,
        } | self._written(done)
        with span("runs.end", workspace=done[0][0].workspace_id, workspaces=len(whose), runs=len(ended)):
            rows = self._database.at_once_in(list(whose), END_UNCLAIMED, given)
        for _, matched, shown in rows:
            self._ring(whose, matched, shown)
        return {UUID(one["id"]) for won, _, _ in rows for one in won or ()}

    def _ring(self, whose: Mapping[UUID, UUID], matched: Any, shown: Any) -> None:
        heard = {(UUID(one["workspace_id"]), UUID(one["trigger_id"])) for one in matched or ()}
        rings = [Ring("triggers.matched", place, whose[place], trigger) for place, trigger in heard]
        for d in shown or ():
            place = UUID(d["workspace_id"])
            rings.append(Ring(f"deliveries.{d['channel']}", place, whose[place], UUID(d["id"]), UUID(d["link_id"])))
        if rings:
            self._bell.wake_all(rings)

    def _given(self, done: Sequence[tuple[Batch, Sequence[Ended]]], hurried: bool) -> dict[str, Any]:
        ended = [each for _, several in done for each in several]
        return {
            "hurried": hurried,
            "ids": sorted(each.run.id for each in ended),
            "ended": dumps([{"id": e.run.id, "fence": e.run.fence, "output": e.output} for e in ended]),
        } | self._written(done)

    def _written(self, done: Sequence[tuple[Batch, Sequence[Ended]]]) -> dict[str, str]:
        ended = [each for _, several in done for each in several]
        runs = [(batch, [each.run for each in several]) for batch, several in done]
        return {
            "steps": dumps([_step(step) for e in ended for step in e.steps]),
            "ledger": dumps(
                [_entry(one) for batch, ours in runs for one in ledger_rows(ours, batch.now or ours[0].started_at)]
            ),
            "events": dumps([event for batch, ours in runs for event in self._events(batch, ours)]),
        }

    def _events(self, batch: Batch, runs: Sequence[LightRun]) -> list[dict[str, Any]]:
        """None of people whose key was destroyed."""
        keys = {user_id: PersonKeys(self._keys.unwrap(key, user_id)) for user_id, key in batch.keys.items()}
        return [
            {
                "id": id,
                "run_id": run.id,
                "user_id": run.user_id,
                "kind": kind,
                "payload": keys[run.user_id].seal(payload, Place("events", run.workspace_id, id, "payload")).hex(),
            }
            for run in runs
            if run.user_id in keys
            for payload in (f'{{"run_id":"{run.id}","agent_id":"{run.agent_id}"}}'.encode(),)
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


def _believed(batch: Batch) -> Iterator[dict[str, Any]]:
    for agent_id, name in batch.agents.items():
        for owner in batch.owners.values():
            yield {
                "workspace_id": batch.workspace_id,
                "user_id": owner.id,
                "agent_id": agent_id,
                "called": name,
                "name": owner.name,
                "email": owner.email,
                "timezone": owner.timezone,
                "language": owner.language,
                "wrapped": batch.keys[owner.id].hex(),
                "tier": batch.tier,
            }


def _taken(ended: Ended) -> dict[str, Any]:
    run = ended.run
    return {
        "workspace_id": run.workspace_id,
        "id": run.id,
        "user_id": run.user_id,
        "agent_id": run.agent_id,
        "agent_version_id": run.agent_version_id,
        "began": run.started_at,
        "output": ended.output,
    }


def _owner(one: dict[str, Any]) -> Owner:
    return Owner(UUID(one["id"]), one["name"], one["email"], one["timezone"], one["language"])


def _step(step: Any) -> dict[str, Any]:
    return {
        "id": step.id,
        "run_id": step.run_id,
        "node_id": step.node_id,
        "index": step.index,
        "skill": step.skill,
        "status": step.status,
        "inputs": step.inputs,
        "outputs": step.outputs,
        "started_at": step.started_at,
        "finished_at": step.finished_at,
        "attempt": step.attempt,
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "id": entry.id,
        "user_id": entry.user_id,
        "run_id": entry.run_id,
        "agent_id": entry.agent_id,
        "at": entry.at,
    }
