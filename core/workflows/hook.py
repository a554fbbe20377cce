"""A webhook's delivery: verified, taken once, filtered, and made a run, all in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from core.catalog.expressions import condition
from core.kernel.errors import Failure, Invalid, LimitReached, Unauthenticated
from core.kernel.ids import new_id
from core.messaging.post import notify
from core.workflows.beginning import Beginning, begin_all
from core.workflows.fire import FireWork, is_on_hold
from core.workflows.models import FiringOutcome, Trigger, TriggerFiring
from core.workflows.payload import read_payload
from core.workflows.ports import Fired
from core.workflows.signed import Sent, verified
from core.workflows.trigger import secrets_of


@dataclass(frozen=True)
class Receipt:
    """What became of a delivery. `again`: it had come before, and this is what became of it then. `refusal` says why nothing was started where the sender shall try later."""

    outcome: FiringOutcome
    run_id: UUID | None = None
    again: bool = False
    refusal: LimitReached | None = None


def receive(work: FireWork, trigger_id: UUID, headers: Mapping[str, str], body: bytes) -> Receipt:
    """Takes a delivery to an active webhook; `headers` by their names in lower case. Durable with the commit. The same delivery again starts nothing; while the
    first one is not committed, the second waits for it.
    Raises Unauthenticated `workflows.hook_refused`, Invalid `workflows.payload_wrong`, and Again where another process took the same delivery meanwhile: ask `earlier`."""
    trigger = work.triggers.get(trigger_id)
    if trigger.type != "webhook" or trigger.status != "active":
        raise Unauthenticated("workflows.hook_refused")
    sent = verified(trigger.source or "standard", secrets_of(work, trigger), headers, body, work.now)
    known = work.triggers.firing(trigger.id, sent.key)
    if known is not None:
        return Receipt(known.outcome, known.run_id, again=True)
    payload = read_payload(body, headers.get("content-type", ""))
    about = {"id": sent.key.removeprefix("id:"), "source": sent.source, "event": sent.event}
    if not _passes(trigger, {"webhook": payload, "hook": about}):
        return _noted(work, trigger, sent, "filtered")
    given = {**trigger.input, "webhook": payload, "hook": about}
    run = begin_all(work, [Beginning(trigger, "webhook", given, work.now)])[0]
    if isinstance(run, Failure):
        return _refused(work, trigger, sent, run)
    receipt = _noted(work, trigger, sent, "started", run.id)
    work.triggers.fired((Fired(trigger.id, None, None, 0, work.now, run.id),))
    return receipt


class Again(Exception):
    """Another process took the same delivery while this one did."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def earlier(work: FireWork, trigger_id: UUID, key: str) -> Receipt:
    """What became of a delivery that another process took."""
    known = work.triggers.firing(trigger_id, key)
    return Receipt("skipped", again=True) if known is None else Receipt(known.outcome, known.run_id, again=True)


def _passes(trigger: Trigger, scope: Mapping[str, Any]) -> bool:
    """A filter that asks for what a delivery does not have is not met."""
    if trigger.filter is None:
        return True
    try:
        return condition(trigger.filter).holds(scope)
    except Invalid:
        return False


def _refused(work: FireWork, trigger: Trigger, sent: Sent, why: Failure) -> Receipt:
    """What a person holds is let go by. At a limit nothing is kept: the sender tries again, and the owner is told the first time in a row."""
    if is_on_hold(why):
        return _noted(work, trigger, sent, "skipped", reason="on_hold")
    work.triggers.fired((Fired(trigger.id, None, None, trigger.failures + 1),))
    if trigger.failures == 0:
        notify(work, trigger.owner_id, "run.not_started", {"agent": trigger.name, "code": why.code, "data": why.data})
    if isinstance(why, LimitReached):
        return Receipt("refused", refusal=why)
    return _noted(work, trigger, sent, "refused", reason=why.code)


def _noted(
    work: FireWork, trigger: Trigger, sent: Sent, outcome: FiringOutcome, run_id: UUID | None = None, **detail: Any
) -> Receipt:
    firing = TriggerFiring(new_id(), trigger.workspace_id, trigger.id, sent.key, outcome, work.now, run_id, detail)
    if firing.id not in work.triggers.note((firing,)):
        raise Again(sent.key)
    return Receipt(outcome, run_id)
