"""Events that a trigger listens for, and what people say that a trigger waits for: looked at, and made runs."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from core.approvals.ports import ApprovalsWork
from core.catalog.expressions import condition
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Invalid, NotFound
from core.kernel.ids import new_id
from core.messaging.post import notify
from core.orchestration.models import Run
from core.workflows.beginning import Beginning, begin_all
from core.workflows.fire import FireWork, is_on_hold
from core.workflows.models import FiringOutcome, Trigger, TriggerFiring
from core.workflows.ports import Fired, MatchedEvent

AT_ONCE = 50
DEEPEST = 8


class MatchWork(FireWork, ApprovalsWork, Protocol):
    """What matching needs: triggers, and the run that an event comes from."""


def match(work: MatchWork, trigger_id: UUID) -> tuple[int, int]:
    """Looks at the events that wait for a trigger, up to AT_ONCE: (how many, how many runs they started). Each event is looked at once. An agent is not started by what its own runs
    did, and a chain of runs that start each other ends at a depth of DEEPEST."""
    waiting = work.triggers.claim_matches(trigger_id, AT_ONCE)
    try:
        trigger = work.triggers.get(trigger_id)
    except NotFound:
        # Removed while they waited: nobody looks at them any more.
        return len(waiting), 0
    if trigger.status != "active":
        return len(waiting), 0
    firings: list[TriggerFiring] = []
    started: list[Run] = []
    wanted: list[tuple[MatchedEvent, Beginning]] = []
    for event in waiting:
        origin = _origin(work, event.payload)
        if origin is not None and _is_own(trigger, origin):
            continue
        depth = 0 if origin is None else origin.depth + 1
        said = {"kind": event.kind, "payload": dict(event.payload), "at": event.at.isoformat()}
        try:
            if not _listens_to(trigger, {"event": said, "run": _shown(origin)}):
                continue
        except Invalid as broken:
            firings.append(_firing(trigger, event, work, "refused", reason=broken.code))
            continue
        if depth > DEEPEST:
            firings.append(_firing(trigger, event, work, "skipped", reason="too_deep"))
            continue
        wanted.append((event, Beginning(trigger, "event", {**trigger.input, "event": said}, work.now, depth)))
    failures = trigger.failures
    for (event, _), run in zip(wanted, begin_all(work, [each for _, each in wanted]), strict=True):
        if isinstance(run, Run):
            started.append(run)
            firings.append(_firing(trigger, event, work, "started", run.id))
            failures = 0
        elif not is_on_hold(run):
            firings.append(_firing(trigger, event, work, "refused", reason=run.code))
            failures += 1
            if failures == 1:
                tell = {"agent": trigger.name, "code": run.code, "data": run.data}
                notify(work, trigger.owner_id, "run.not_started", tell)
    work.triggers.note(firings)
    if started or failures != trigger.failures:
        newest = started[-1] if started else None
        work.triggers.fired(
            (
                Fired(
                    trigger.id, trigger.next_fire_at, None, failures, work.now if newest else None, newest.id if newest else None
                ),
            )
        )  # fmt: skip
    return len(waiting), len(started)


def heard(work: FireWork, words: str) -> Trigger | None:
    """The chat trigger whose phrase a person's words begin with (`/report last week`, `@report last week`), the longest one; None when there is none."""
    said = _plain(words)
    fitting = [t for t in work.triggers.of_chat() if t.phrase and f"{said} ".startswith(f"{_plain(t.phrase)} ")]
    return max(fitting, key=lambda t: len(t.phrase or ""), default=None)


def start_by_hand(work: FireWork, actor: Actor, trigger_id: UUID, words: str | None = None) -> Run:
    """Starts what a trigger of any type would start, because a person asks for it: by its button, or by its phrase in a chat (`words`: all that they said).
    Raises Conflict `workflows.trigger_paused`, and what starting raises."""
    actor.need("write")
    trigger = work.triggers.get(trigger_id)
    if trigger.status != "active":
        raise Conflict("workflows.trigger_paused", name=trigger.name)
    spoken = {} if words is None else {"message": {"text": words, "rest": _rest(words, trigger.phrase or "")}}
    kind = "manual" if words is None else "chat"
    run = begin_all(work, [Beginning(trigger, kind, {**trigger.input, **spoken}, work.now)])[0]
    if isinstance(run, Failure):
        raise run
    work.triggers.note(
        (TriggerFiring(new_id(), trigger.workspace_id, trigger.id, f"run:{run.id}", "started", work.now, run.id),)
    )
    return run


def _origin(work: MatchWork, payload: Mapping[str, Any]) -> Run | None:
    """The run that an event comes from: named by it, or the one whose suggestion it is about."""
    try:
        if "run_id" in payload:
            return work.runs.get(UUID(str(payload["run_id"])))
        if "suggestion_id" in payload:
            return work.runs.get(work.suggestions.get(UUID(str(payload["suggestion_id"]))).run_id)
        if "execution_id" in payload:
            execution = work.executions.get(UUID(str(payload["execution_id"])))
            return work.runs.get(work.suggestions.get(execution.suggestion_id).run_id)
    except (NotFound, ValueError):
        return None
    return None


def _is_own(trigger: Trigger, origin: Run) -> bool:
    """Whether the run is of what the trigger starts, or was started by this very trigger."""
    if origin.trigger_id == trigger.id:
        return True
    pairs = (
        (trigger.agent_id, origin.agent_id),
        (trigger.pack_id, origin.pack_id),
        (trigger.workflow_id, origin.workflow_id),
    )
    return any(mine is not None and mine == theirs for mine, theirs in pairs)


def _shown(origin: Run | None) -> dict[str, Any] | None:
    if origin is None:
        return None
    return {
        "id": str(origin.id),
        "agent_id": _text(origin.agent_id),
        "pack_id": _text(origin.pack_id),
        "workflow_id": _text(origin.workflow_id),
        "status": origin.status,
        "trigger_type": origin.trigger_type,
        "error": (origin.error or {}).get("code"),
    }


def _listens_to(trigger: Trigger, scope: Mapping[str, Any]) -> bool:
    """A filter that asks for what an event does not have is not met. Raises Invalid where it cannot be reckoned at all."""
    if trigger.filter is None:
        return True
    try:
        return condition(trigger.filter).holds(scope)
    except Invalid as broken:
        if broken.data.get("why") == "missing":
            return False
        raise


def _firing(
    trigger: Trigger, event: MatchedEvent, work: FireWork, outcome: FiringOutcome, run_id: UUID | None = None, **detail: Any
) -> TriggerFiring:  # fmt: skip
    about = {"event": event.kind, **detail}
    return TriggerFiring(
        new_id(), trigger.workspace_id, trigger.id, f"event:{event.id}", outcome, work.now, run_id, about
    )


def _plain(words: str) -> str:
    return " ".join(words.lower().split()).lstrip("/@!")


def _rest(words: str, phrase: str) -> str:
    """What was said after the phrase."""
    return " ".join(words.split()[len(phrase.split()) :])


def _text(id: UUID | None) -> str | None:
    return None if id is None else str(id)
