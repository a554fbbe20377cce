"""Triggers of every type: made, changed, held, and given a secret. One description of a trigger serves REST, YAML and forms."""

import re
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from datetime import datetime, timedelta
from secrets import token_bytes
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from core.billing.ports import BillingWork
from core.billing.reserve import need_interval, need_room
from core.catalog.expressions import condition
from core.catalog.ports import CatalogWork
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.workflows.cron import least_gap
from core.workflows.due import first_fire
from core.workflows.models import Misfire, Overlap, Trigger, TriggerType, WebhookSource
from core.workflows.ports import PacksWork, TriggersWork, WorkflowsWork

MAX_SPREAD = 3600
OVERLAPS = timedelta(days=1)
"""How long an earlier secret still works after it was replaced."""
WATCHED = {"mail.received": "mail", "calendar.soon": "calendar"}
"""Events that nobody records by themselves: a runner looks into the connections of this tool."""
OWN = {
    "schedule": frozenset(("cron", "timezone", "misfire_policy", "overlap", "spread_seconds")),
    "manual": frozenset(),
    "event": frozenset(("event_kind", "filter")),
    "webhook": frozenset(("source", "filter")),
    "chat": frozenset(("phrase",)),
}
SCOPES = {"event": frozenset(("event", "run")), "webhook": frozenset(("webhook", "hook"))}
_KIND = re.compile(r"\*|[a-z_]+\.(?:\*|[a-z_]+)")


class TriggerWork(TriggersWork, CatalogWork, PacksWork, WorkflowsWork, IdentityWork, BillingWork, Protocol):
    """What making a trigger needs: what it starts, the person's timezone, and the workspace's limits."""


class TriggerSpec(BaseModel):
    """A trigger as it is written down. A field belongs to its types: `cron` (five fields), `timezone` (IANA; the person's own when not given), `misfire_policy`, `overlap` and
    `spread_seconds` to a schedule; `event_kind` (`suggestion.approved`, `mail.*`, `*`) and `filter` (CEL over event and run) to an event; `source` and `filter` (CEL over
    webhook and hook) to a webhook; `phrase` to a chat. `input` is the fixed part of what its runs are given."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: TriggerType
    name: Annotated[str, Field(max_length=200)] = ""
    cron: Annotated[str, Field(max_length=200)] | None = None
    timezone: Annotated[str, Field(max_length=100)] | None = None
    misfire_policy: Misfire = "once"
    overlap: Overlap = "skip"
    spread_seconds: Annotated[int, Field(ge=0, le=MAX_SPREAD)] = 0
    event_kind: Annotated[str, Field(max_length=100)] | None = None
    filter: Annotated[str, Field(max_length=2000)] | None = None
    phrase: Annotated[str, Field(max_length=60)] | None = None
    source: WebhookSource | None = None
    input: dict[str, Any] = {}


@dataclass(frozen=True)
class Made:
    """A new trigger; `secret` is shown this once."""

    trigger: Trigger
    secret: str | None = None


def make_trigger(
    work: TriggerWork, actor: Actor, spec: TriggerSpec, *, agent_id: UUID | None = None, pack_id: UUID | None = None,
    workflow_id: UUID | None = None, secret: str | None = None,
) -> Made:  # fmt: skip
    """A trigger that starts one agent, pack or workflow. A webhook gets a secret, or keeps the one that its sender made (`secret`: Stripe's).
    Raises NotFound for what it shall start; Invalid `workflows.trigger_of_one_thing`, `workflows.trigger_field_missing`, `workflows.trigger_field_foreign` (data: field, type),
    `workflows.event_kind_wrong`, `workflows.filter_wrong`, `workflows.secret_unusable`, and as core.workflows.cron and CEL conditions do; Conflict `workflows.phrase_taken`; LimitReached
    `billing.limit_reached`."""
    actor.need("write")
    if sum(target is not None for target in (agent_id, pack_id, workflow_id)) != 1:
        raise Invalid("workflows.trigger_of_one_thing")
    name = _name_of_target(work, agent_id, pack_id, workflow_id)
    need_room(work, "triggers")
    trigger = Trigger(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, type=spec.type, created_at=work.now, agent_id=agent_id,
        pack_id=pack_id, workflow_id=workflow_id,
    )  # fmt: skip
    _become(work, trigger, spec, spec.name.strip() or name)
    told = None
    if trigger.type == "webhook":
        told = new_secret() if secret is None else usable(secret, trigger.source)
        work.triggers.keep_secret(trigger, {"now": told})
    work.triggers.add(trigger)
    work.record(_happened("trigger.made", actor, trigger))
    return Made(trigger, None if secret is not None else told)


def change_trigger(work: TriggerWork, actor: Actor, trigger_id: UUID, spec: TriggerSpec) -> Trigger:
    """The trigger is as `spec` says from now on; its type and what it starts stay. Raises as make_trigger does, and Conflict `workflows.trigger_type_fixed`."""
    actor.need("write")
    trigger = work.triggers.get(trigger_id)
    if spec.type != trigger.type:
        raise Conflict("workflows.trigger_type_fixed", type=trigger.type)
    _become(work, trigger, spec, spec.name.strip() or trigger.name)
    work.record(_happened("trigger.changed", actor, trigger))
    return trigger


def pause_trigger(work: TriggersWork, actor: Actor, trigger_id: UUID) -> Trigger:
    """It starts nothing until it is resumed; what is sent to its address is refused."""
    actor.need("write")
    trigger = work.triggers.get(trigger_id)
    if trigger.status != "paused":
        trigger.status, trigger.next_fire_at, trigger.waiting_since = "paused", None, None
        work.record(_happened("trigger.paused", actor, trigger))
    return trigger


def resume_trigger(work: TriggersWork, actor: Actor, trigger_id: UUID) -> Trigger:
    """It starts again what comes from now on; what was missed meanwhile stays missed."""
    actor.need("write")
    trigger = work.triggers.get(trigger_id)
    if trigger.status != "active" or trigger.next_fire_at is None:
        trigger.status, trigger.failures = "active", 0
        trigger.next_fire_at = _due(trigger, work.now)
        work.record(_happened("trigger.resumed", actor, trigger))
    return trigger


def remove_trigger(work: TriggersWork, actor: Actor, trigger_id: UUID) -> Trigger:
    """It is gone for good, with its secret; what was sent to its address is refused like any unknown one. The runs that it started stay as they are. Raises NotFound
    `workflows.trigger_unknown`, also for one that was removed."""
    actor.need("write")
    trigger = work.triggers.lock(trigger_id)
    trigger.status, trigger.next_fire_at, trigger.waiting_since = "paused", None, None
    trigger.secret, trigger.removed_at = None, work.now
    work.record(_happened("trigger.removed", actor, trigger))
    return trigger


def rotate_secret(work: TriggersWork, actor: Actor, trigger_id: UUID, secret: str | None = None) -> str:
    """A new secret for a webhook (or the one that its sender made), shown this once. The one before works for a day longer, so that nothing is lost while the sender is changed.
    Raises Conflict `workflows.trigger_without_secret`, Invalid `workflows.secret_unusable`."""
    actor.need("write")
    trigger = work.triggers.lock(trigger_id)
    if trigger.type != "webhook":
        raise Conflict("workflows.trigger_without_secret", type=trigger.type)
    told = new_secret() if secret is None else usable(secret, trigger.source)
    earlier = (work.triggers.secret(trigger) or {}).get("now")
    until = (work.now + OVERLAPS).isoformat()
    work.triggers.keep_secret(trigger, {"now": told} | ({"before": earlier, "until": until} if earlier else {}))
    work.record(_happened("trigger.secret_rotated", actor, trigger))
    return told


def secrets_of(work: TriggersWork, trigger: Trigger) -> tuple[str, ...]:
    """The secrets that a sender may sign with now."""
    kept = work.triggers.secret(trigger) or {}
    found = [kept["now"]] if "now" in kept else []
    if "before" in kept and datetime.fromisoformat(kept["until"]) > work.now:
        found.append(kept["before"])
    return tuple(found)


def spec_of(trigger: Trigger) -> TriggerSpec:
    """The trigger as it is written down: only the fields of its type."""
    shared = {"type": trigger.type, "name": trigger.name, "input": trigger.input}
    return TriggerSpec(**shared, **{name: getattr(trigger, name) for name in OWN[trigger.type]})


def new_secret() -> str:
    """A secret as Standard Webhooks writes it: 32 random bytes."""
    return f"whsec_{b64encode(token_bytes(32)).decode()}"


def usable(secret: str, source: WebhookSource | None) -> str:
    """A secret that a sender made. Raises Invalid `workflows.secret_unusable` for one that is too short to be one, or no base64 where the standard wants it."""
    given = secret.strip()
    if not 16 <= len(given) <= 200 or not given.isascii() or not given.isprintable():
        raise Invalid("workflows.secret_unusable")
    if source == "standard":
        try:
            raw = b64decode(given.removeprefix("whsec_") + "==", validate=False)
        except (NotBase64, ValueError):
            raise Invalid("workflows.secret_unusable") from None
        if len(raw) < 16:
            raise Invalid("workflows.secret_unusable")
    return given


def _become(work: TriggerWork, trigger: Trigger, spec: TriggerSpec, name: str) -> None:
    _check_fields(spec)
    trigger.name, trigger.input = name, spec.input
    if spec.type == "schedule":
        _become_schedule(work, trigger, spec)
    elif spec.type == "event":
        if spec.event_kind is None or not _KIND.fullmatch(spec.event_kind):
            raise Invalid("workflows.event_kind_wrong", kind=spec.event_kind)
        trigger.event_kind, trigger.filter = spec.event_kind, _filter(spec)
    elif spec.type == "webhook":
        trigger.source, trigger.filter = spec.source or trigger.source or "standard", _filter(spec)
    elif spec.type == "chat":
        trigger.phrase = _free_phrase(work, trigger, spec.phrase or "")
    trigger.next_fire_at = _due(trigger, work.now) if trigger.status == "active" else None
    trigger.waiting_since = None


def _become_schedule(work: TriggerWork, trigger: Trigger, spec: TriggerSpec) -> None:
    timezone = spec.timezone or work.people.profile(trigger.owner_id).timezone
    cron = " ".join((spec.cron or "").split())
    shortest = least_gap(cron, timezone, work.now)
    if shortest is not None:
        need_interval(work, shortest)
    trigger.cron, trigger.timezone, trigger.spread_seconds = cron, timezone, spec.spread_seconds
    trigger.misfire_policy, trigger.overlap = spec.misfire_policy, spec.overlap


def _due(trigger: Trigger, now: datetime) -> datetime | None:
    """When it is due next: a schedule at its time, one that waits for what is in a mailbox or calendar at once."""
    if trigger.type == "schedule" and trigger.cron is not None:
        return first_fire(trigger.id, trigger.cron, trigger.timezone, trigger.spread_seconds, now)
    if trigger.type == "event" and trigger.event_kind in WATCHED:
        return now
    return None


def _check_fields(spec: TriggerSpec) -> None:
    mine: frozenset[str] = OWN[spec.type]
    for name, field in TriggerSpec.model_fields.items():
        if name not in ("type", "name", "input") and name not in mine and getattr(spec, name) != field.default:
            raise Invalid("workflows.trigger_field_foreign", field=name, type=spec.type)
    needed: Literal["cron", "event_kind", "phrase"] | None = None
    if spec.type in ("schedule", "event", "chat"):
        needed = {"schedule": "cron", "event": "event_kind", "chat": "phrase"}[spec.type]  # type: ignore[assignment]
    if needed is not None and not (getattr(spec, needed) or "").strip():
        raise Invalid("workflows.trigger_field_missing", field=needed, type=spec.type)


def _filter(spec: TriggerSpec) -> str | None:
    if spec.filter is None or not spec.filter.strip():
        return None
    compiled = condition(spec.filter.strip())
    unknown = sorted({path[0] for path in compiled.names} - SCOPES[spec.type])
    if unknown:
        raise Invalid("workflows.filter_wrong", name=unknown[0], names=sorted(SCOPES[spec.type]))
    return compiled.expression


def _free_phrase(work: TriggersWork, trigger: Trigger, said: str) -> str:
    phrase = " ".join(said.lower().split())
    if any(other.phrase == phrase and other.id != trigger.id for other in work.triggers.of_chat()):
        raise Conflict("workflows.phrase_taken", phrase=phrase)
    return phrase


def _name_of_target(work: TriggerWork, agent_id: UUID | None, pack_id: UUID | None, workflow_id: UUID | None) -> str:
    if agent_id is not None:
        return work.agents.get(agent_id).name
    if pack_id is not None:
        return work.packs.get(pack_id).name
    assert workflow_id is not None
    return work.workflows.get(workflow_id).name


def _happened(kind: str, actor: Actor, trigger: Trigger) -> Event:
    return Event(kind, actor.workspace_id, actor.user_id, {"trigger_id": str(trigger.id), "type": trigger.type})
