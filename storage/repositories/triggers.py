"""Triggers: claimed when they are due, many at once; what became of their firings; events that wait to be matched."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, DateTime, Integer, Uuid, bindparam, delete, func, select, text
from sqlalchemy.dialects.postgresql import insert

from core.kernel.errors import NotFound
from core.workflows.models import Trigger, TriggerFiring
from core.workflows.ports import DueTrigger, Fired, MatchedEvent
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.messaging import events
from storage.tables.orchestration import runs
from storage.tables.workflows import event_matches as matches
from storage.tables.workflows import trigger_firings as fired
from storage.tables.workflows import triggers

SECRET = ("triggers", "secret")
UNKNOWN = "workflows.trigger_unknown"
THERE = triggers.c.removed_at.is_(None)
DUE = [triggers.c[field.name] for field in fields(DueTrigger)]
OPEN = ("queued", "running", "waiting")
_times, _ids = ARRAY(DateTime(timezone=True)), ARRAY(Uuid)
FIRED = text("""
    UPDATE nod.triggers t SET
        next_fire_at = d.next_fire_at, waiting_since = d.waiting_since, failures = d.failures,
        last_fired_at = coalesce(d.last_fired_at, t.last_fired_at), last_run_id = coalesce(d.last_run_id, t.last_run_id)
    FROM unnest(:ids, :next, :waiting, :failures, :fired, :runs)
        AS d (id, next_fire_at, waiting_since, failures, last_fired_at, last_run_id)
    WHERE t.workspace_id = :here AND t.id = d.id
""").bindparams(
    bindparam("ids", type_=_ids), bindparam("next", type_=_times), bindparam("waiting", type_=_times),
    bindparam("failures", type_=ARRAY(Integer)), bindparam("fired", type_=_times), bindparam("runs", type_=_ids),
    bindparam("here", type_=Uuid),
)  # fmt: skip


class SqlTriggers(Repository):
    """core.workflows.ports.Triggers."""

    def add(self, trigger: Trigger) -> None:
        self._t.session.add(trigger)

    def get(self, trigger_id: UUID) -> Trigger:
        return _there(self._get(Trigger, trigger_id, UNKNOWN))

    def lock(self, trigger_id: UUID) -> Trigger:
        return _there(self._lock(Trigger, trigger_id, UNKNOWN))

    def of_agent(self, agent_id: UUID) -> list[Trigger]:
        return self._all(Trigger, triggers.c.agent_id == agent_id, THERE, order=(triggers.c.id,))

    def page(
        self,
        after: UUID | None,
        limit: int,
        type: str | None = None,
        status: str | None = None,
        agent_id: UUID | None = None,
        pack_id: UUID | None = None,
        workflow_id: UUID | None = None,
    ) -> list[Trigger]:
        c = triggers.c
        equal = {c.type: type, c.status: status, c.agent_id: agent_id, c.pack_id: pack_id, c.workflow_id: workflow_id}
        where = [THERE, *(column == wanted for column, wanted in equal.items() if wanted is not None)]
        if after is not None:
            where.append(c.id < after)
        return self._all(Trigger, *where, order=(c.id.desc(),), limit=limit)

    def of_chat(self) -> list[Trigger]:
        c = triggers.c
        return self._all(Trigger, c.type == "chat", c.status == "active", order=(c.id,))

    def claim_due(self, limit: int, only: Collection[UUID] | None = None) -> list[DueTrigger]:
        c = triggers.c
        where = [c.workspace_id == self._t.workspace_id, c.status == "active", c.next_fire_at <= func.now()]
        if only is not None:
            where.append(c.id.in_(only))
        due = select(*DUE).where(*where).order_by(c.next_fire_at).limit(limit).with_for_update(skip_locked=True)
        return [DueTrigger(*row) for row in self._t.connection.execute(due)]

    def fired(self, rows: Sequence[Fired]) -> None:
        if not rows:
            return
        self._t.flush()
        self._t.connection.execute(
            FIRED,
            {
                "here": self._t.workspace_id,
                "ids": [row.id for row in rows],
                "next": [row.next_fire_at for row in rows],
                "waiting": [row.waiting_since for row in rows],
                "failures": [row.failures for row in rows],
                "fired": [row.last_fired_at for row in rows],
                "runs": [row.last_run_id for row in rows],
            },
        )

    def under_way(self, run_ids: Collection[UUID]) -> set[UUID]:
        if not run_ids:
            return set()
        self._t.flush()
        c = runs.c
        found = select(c.id).where(c.workspace_id == self._t.workspace_id, c.id.in_(run_ids), c.status.in_(OPEN))
        return set(self._t.connection.scalars(found))

    def note(self, firings: Sequence[TriggerFiring]) -> set[UUID]:
        if not firings:
            return set()
        self._t.flush()
        statement = (
            insert(fired)
            .values([to_row(row) for row in firings])
            .on_conflict_do_nothing(index_elements=("workspace_id", "trigger_id", "key"))
            .returning(fired.c.id)
        )
        return set(self._t.connection.scalars(statement))

    def firing(self, trigger_id: UUID, key: str) -> TriggerFiring | None:
        c = fired.c
        row = self._t.connection.execute(
            select(fired).where(c.trigger_id == trigger_id, c.key == key)
        ).one_or_none()  # fmt: skip
        return None if row is None else from_row(TriggerFiring, row)

    def firings(self, trigger_id: UUID, after: UUID | None, limit: int) -> list[TriggerFiring]:
        c = fired.c
        where = [c.trigger_id == trigger_id] + ([] if after is None else [c.id < after])
        rows = self._t.connection.execute(select(fired).where(*where).order_by(c.id.desc()).limit(limit))
        return [from_row(TriggerFiring, row) for row in rows]

    def claim_matches(self, trigger_id: UUID, limit: int) -> list[MatchedEvent]:
        c = matches.c
        mine = (
            select(c.event_id)
            .where(c.workspace_id == self._t.workspace_id, c.trigger_id == trigger_id)
            .order_by(c.event_id)
            .limit(limit)
        )
        taken = list(
            self._t.connection.scalars(
                delete(matches)
                .where(c.workspace_id == self._t.workspace_id, c.trigger_id == trigger_id, c.event_id.in_(mine))
                .returning(c.event_id)
            )
        )
        if not taken:
            return []
        e = events.c
        rows = self._t.connection.execute(
            select(e.id, e.user_id, e.kind, e.payload, e.occurred_at).where(e.id.in_(taken)).order_by(e.id)
        )
        return [
            MatchedEvent(row.id, row.user_id, row.kind, self._opened(row), row.occurred_at)
            for row in rows
        ]  # fmt: skip

    def secret(self, trigger: Trigger) -> Mapping[str, Any] | None:
        if trigger.secret is None:
            return None
        table, column = SECRET
        return self._t.seals.open_json(trigger.owner_id, table, trigger.id, column, trigger.secret)

    def keep_secret(self, trigger: Trigger, secret: Mapping[str, Any]) -> None:
        table, column = SECRET
        trigger.secret = self._t.seals.seal_json(trigger.owner_id, table, trigger.id, column, dict(secret))

    def _opened(self, row: Any) -> Mapping[str, Any]:
        return self._t.seals.open_json(row.user_id, "events", row.id, "payload", row.payload)


def _there(trigger: Trigger) -> Trigger:
    if trigger.removed_at is not None:
        raise NotFound(UNKNOWN, id=str(trigger.id))
    return trigger
