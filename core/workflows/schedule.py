"""The schedule of an agent, as a person sets it in a chat: one, or none; and what becomes of schedules when a person moves."""

from datetime import datetime
from uuid import UUID

from core.kernel.actor import Actor
from core.workflows.due import first_fire
from core.workflows.models import Trigger
from core.workflows.ports import TriggersWork
from core.workflows.trigger import TriggerSpec, TriggerWork, change_trigger, make_trigger, pause_trigger, spec_of

MOST = 10_000


def schedule(work: TriggerWork, actor: Actor, agent_id: UUID, cron: str | None, timezone: str) -> Trigger | None:
    """The agent runs at `cron` from now on, in `timezone`; None takes its schedule away. What else the person chose for it (what becomes of missed fires) stays.
    Raises Invalid `workflows.cron_invalid`, `workflows.cron_never`, `identity.timezone_unknown`, LimitReached `billing.limit_reached`."""
    actor.need("write")
    agent = work.agents.get(agent_id)
    existing = next((t for t in work.triggers.of_agent(agent.id) if t.type == "schedule"), None)
    if cron is None:
        if existing is not None:
            pause_trigger(work, actor, existing.id)
        return None
    if existing is None:
        spec = TriggerSpec(type="schedule", name=agent.name, cron=cron, timezone=timezone)
        return make_trigger(work, actor, spec, agent_id=agent.id).trigger
    existing.status = "active"
    return change_trigger(
        work, actor, existing.id, spec_of(existing).model_copy(update={"cron": cron, "timezone": timezone})
    )


def move_schedules(work: TriggersWork, actor: Actor, before: str, after: str) -> list[Trigger]:
    """The person lives in another timezone now: their schedules in the one before keep their time of day there, and are due next by it. Those that were set for another place stay,
    and a time that has come already is not taken back: it fires, and the one after it is by the new place.
    Answers the ones that moved."""
    actor.need("write")
    if before == after:
        return []
    moved = []
    for trigger in work.triggers.page(None, MOST, type="schedule"):
        if trigger.owner_id != actor.user_id or trigger.timezone != before or trigger.cron is None:
            continue
        trigger.timezone = after
        if trigger.status == "active" and not _has_come(trigger, work.now):
            trigger.next_fire_at = first_fire(trigger.id, trigger.cron, after, trigger.spread_seconds, work.now)
        moved.append(trigger)
    return moved


def _has_come(trigger: Trigger, now: datetime) -> bool:
    """Whether a due time has come that has not fired yet: nobody was there, or it waits for the run before."""
    return trigger.waiting_since is not None or (trigger.next_fire_at is not None and trigger.next_fire_at <= now)
