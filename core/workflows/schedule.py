"""Schedules: making one for an agent, and what becomes of it when it is due."""

from typing import Protocol
from uuid import UUID

from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, notify
from core.orchestration.models import Run
from core.orchestration.start import StartWork, start
from core.workflows.cron import next_fire
from core.workflows.models import Trigger
from core.workflows.ports import TriggersWork


class ScheduleWork(TriggersWork, CatalogWork, Protocol):
    """What making a schedule needs."""


class FireWork(TriggersWork, StartWork, PostWork, Protocol):
    """What firing needs: triggers, runs, and a word to the person when it cannot."""


def schedule(work: ScheduleWork, actor: Actor, agent_id: UUID, cron: str | None, timezone: str) -> Trigger | None:
    """The agent runs at `cron` from now on, in `timezone`; None takes its schedule away. One schedule an agent.
    Raises Invalid `workflows.cron_invalid`, `workflows.cron_never`, `identity.timezone_unknown`."""
    actor.need("write")
    agent = work.agents.get(agent_id)
    existing = next((t for t in work.triggers.of_agent(agent.id) if t.type == "schedule"), None)
    if cron is None:
        if existing is not None:
            existing.status, existing.next_fire_at = "paused", None
        return None
    due = next_fire(cron, timezone, work.now)
    if existing is None:
        existing = Trigger(
            id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, agent_id=agent.id, type="schedule",
            created_at=work.now,
        )  # fmt: skip
        work.triggers.add(existing)
    existing.cron, existing.timezone, existing.status, existing.next_fire_at = cron, timezone, "active", due
    work.record(
        Event("trigger.scheduled", actor.workspace_id, actor.user_id, {"agent_id": str(agent.id), "cron": cron})
    )
    return existing


def fire(work: FireWork, trigger_id: UUID) -> Run | None:
    """Starts what is due, once per due time however many schedulers ask, and sets the next one. A fire that was missed while nothing ran
    happens once (or is skipped, by the trigger's policy). None when there was nothing to do."""
    trigger = work.triggers.claim(trigger_id)
    if trigger is None or trigger.cron is None or trigger.next_fire_at is None:
        return None
    due, after_due = trigger.next_fire_at, next_fire(trigger.cron, trigger.timezone, trigger.next_fire_at)
    missed = after_due <= work.now
    trigger.last_fired_at = due
    trigger.next_fire_at = next_fire(trigger.cron, trigger.timezone, work.now) if missed else after_due
    if missed and trigger.misfire_policy == "skip":
        return None
    actor = Actor(trigger.owner_id, trigger.workspace_id, "owner", "schedule")
    agent = work.agents.get(trigger.agent_id)
    if agent.status != "active":
        return None
    try:
        return start(
            work, actor, agent.id, "scheduled", {}, trigger_id=trigger.id, due_at=due if not missed else work.now
        )
    except Failure as why:
        notify(work, trigger.owner_id, "run.not_started", {"agent": agent.name, "code": why.code, "data": why.data})
        return None
