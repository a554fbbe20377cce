"""Starting what is due: all of a workspace's due triggers at once, each once per due time however many schedulers ask."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

from core.kernel.errors import Failure, Invalid
from core.kernel.ids import new_id
from core.messaging.post import PostWork, notify
from core.orchestration.models import Run
from core.workflows.beginning import Beginning, BeginWork, begin_all
from core.workflows.cron import recent
from core.workflows.due import Decision, Reckoning
from core.workflows.models import TriggerFiring
from core.workflows.ports import DueTrigger, Fired, TriggersWork

WATCH_EVERY = timedelta(minutes=1)
"""How often mailboxes and calendars are looked at for triggers that wait for what is in them."""


DAY = timedelta(days=1)
MANY = {
    "run.not_started": "trigger.refused_many",
    "trigger.stopped": "trigger.stopped_many",
    "trigger.held_up": "trigger.held_up_many",
    "trigger.missed": "trigger.missed_many",
    "trigger.caught_up": "trigger.caught_up_many",
}


class FireWork(TriggersWork, BeginWork, PostWork, Protocol):
    """What firing needs: triggers, runs, and a word to the person when it cannot."""


@dataclass
class Fires:
    """What came of one claim: how many triggers it held (fewer than asked for: nothing else is due), how many runs it started, and which triggers want their mailbox
    or calendar looked at."""

    claimed: int = 0
    started: int = 0
    watches: list[UUID] = field(default_factory=list)


@dataclass
class _Batch:
    starts: list[Beginning] = field(default_factory=list)
    firings: list[TriggerFiring] = field(default_factory=list)
    notices: dict[tuple[UUID, str], list[dict[str, Any]]] = field(default_factory=dict)

    def tell(self, owner_id: UUID, message: str, /, **data: Any) -> None:
        self.notices.setdefault((owner_id, message), []).append(data)


def fire_due(work: FireWork, limit: int, only: Collection[UUID] | None = None) -> Fires:
    """Starts at most `limit` triggers of this workspace that are due, and sets when they are due next. A schedule that cannot be reckoned any more stops and its owner is told; a run that
    may not start is told the first time in a row."""
    claimed = work.triggers.claim_due(limit, only)
    if not claimed:
        return Fires()
    busy = work.triggers.under_way(
        {t.last_run_id for t in claimed if t.overlap != "allow" and t.last_run_id is not None}
    )
    reckoning, batch, decided, fires = Reckoning(work.now), _Batch(), [], Fires(len(claimed))
    settled: list[Fired] = []
    for trigger in claimed:
        if trigger.type != "schedule":
            fires.watches.append(trigger.id)
            settled.append(Fired(trigger.id, work.now + WATCH_EVERY, None, trigger.failures))
            continue
        try:
            decision = reckoning.decide(trigger, trigger.last_run_id in busy)
        except Invalid:
            settled.append(Fired(trigger.id, None, None, trigger.failures + 1))
            batch.tell(trigger.owner_id, "trigger.stopped", name=_called(work, trigger))
            continue
        decided.append((trigger, decision))
        batch.starts.extend(
            Beginning(trigger, "scheduled", trigger.input, min(due, work.now)) for due in decision.starts
        )
    runs = iter(begin_all(work, batch.starts))
    for trigger, decision in decided:
        outcomes = [next(runs) for _ in decision.starts]
        fires.started += sum(isinstance(outcome, Run) for outcome in outcomes)
        settled.append(_settle(work, batch, trigger, decision, outcomes))
    work.triggers.fired(settled)
    work.triggers.note(batch.firings)
    for (owner_id, code), told in batch.notices.items():
        notify(work, owner_id, *_once(code, told))
    return fires


def put_aside(work: FireWork, trigger_id: UUID) -> None:
    """A trigger that breaks whoever touches it: it stops being due, so that others go on, and its owner is told."""
    for trigger in work.triggers.claim_due(1, (trigger_id,)):
        work.triggers.fired((Fired(trigger.id, None, None, trigger.failures + 1),))
        notify(
            work,
            trigger.owner_id,
            "trigger.stopped",
            {"name": trigger.name, "code": "workflows.trigger_broken", "data": {}},
        )


def _settle(
    work: FireWork, batch: _Batch, trigger: DueTrigger, decision: Decision, outcomes: Sequence[Run | Failure]
) -> Fired:
    """What the trigger is from now on, and what is to be told and written down."""
    refusal = next((outcome for outcome in outcomes if isinstance(outcome, Failure)), None)
    run = next((outcome for outcome in reversed(outcomes) if isinstance(outcome, Run)), None)
    failures = 0 if run is not None else trigger.failures
    if refusal is not None and run is None and not is_on_hold(refusal):
        failures += 1
        batch.firings.append(_firing(work, trigger, decision.starts[-1], "refused", refusal.code))
        if failures == 1:
            told = {"code": refusal.code, "data": refusal.data}
            batch.tell(
                trigger.owner_id, "run.not_started", name=_called(work, trigger), agent=_called(work, trigger), **told
            )
    if decision.left_out is not None and decision.why is not None:
        batch.firings.append(_firing(work, trigger, decision.left_out, "skipped", decision.why))
    if decision.why == "under_way" and _for_a_day(trigger, decision):
        batch.tell(trigger.owner_id, "trigger.held_up", name=_called(work, trigger), since=_said(trigger.last_fired_at))
    if decision.missed_since is not None:
        code = "trigger.caught_up" if decision.starts or decision.waiting_since else "trigger.missed"
        batch.tell(trigger.owner_id, code, name=_called(work, trigger), since=_said(decision.missed_since))
    return Fired(
        trigger.id, decision.next_fire_at, decision.waiting_since, failures,
        last_fired_at=decision.starts[-1] if run is not None else None, last_run_id=run.id if run is not None else None,
    )  # fmt: skip


def _for_a_day(trigger: DueTrigger, decision: Decision) -> bool:
    """Whether this is the first fire that is left out a day after the run began that holds it up: time to say so, once."""
    since, now, cron = trigger.last_fired_at, decision.left_out, trigger.cron
    if since is None or now is None or cron is None or now - since < DAY:
        return False
    before = recent(cron, trigger.timezone, since, now - timedelta(seconds=trigger.spread_seconds + 1), 1)
    return not before or before[0] - since < DAY


def is_on_hold(refusal: Failure) -> bool:
    """Whether a person holds what would be started: then nothing needs to be said."""
    return refusal.code.endswith("_paused")


def _firing(work: FireWork, trigger: DueTrigger, due: datetime, outcome: Any, reason: str) -> TriggerFiring:
    return TriggerFiring(
        new_id(), work.workspace_id, trigger.id, due.isoformat(), outcome, work.now, detail={"reason": reason}
    )


def _called(work: FireWork, trigger: DueTrigger) -> str:
    """Older schedules have no name of their own."""
    return trigger.name or (work.agents.get(trigger.agent_id).name if trigger.agent_id is not None else "")


def _said(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def _once(code: str, told: list[dict[str, Any]]) -> tuple[str, dict[str, Any]]:
    """One notice for a person, however many of their schedules it is about."""
    if len(told) == 1:
        return code, told[0]
    names = sorted({str(each["name"]) for each in told})
    return MANY[code], {"n": len(told), "names": names[:5]}
