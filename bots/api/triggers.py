"""`/triggers`: what starts runs by itself."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict, Field

from bots.api.caller import Calling
from bots.api.pages import Cursor, Limit, Page, after, page
from bots.api.runs import RunOut, run_out
from core.workflows.match import start_by_hand
from core.workflows.models import Misfire, Overlap, Trigger, TriggerFiring, WebhookSource
from core.workflows.trigger import (
    MAX_SPREAD,
    TriggerSpec,
    change_trigger,
    make_trigger,
    pause_trigger,
    remove_trigger,
    resume_trigger,
    rotate_secret,
    spec_of,
)

router = APIRouter(tags=["triggers"])
FIXED = {"agent_id", "pack_id", "workflow_id", "secret"}


class TriggerOut(TriggerSpec):
    """A trigger of an agent, a pack or a workflow. A schedule is due at `next_fire_at`; a webhook's address is `path` below the public address, and its secret never comes out again."""

    id: UUID
    owner_id: UUID
    agent_id: UUID | None
    pack_id: UUID | None
    workflow_id: UUID | None
    status: str
    path: str | None
    failures: int
    next_fire_at: datetime | None
    last_fired_at: datetime | None
    last_run_id: UUID | None
    created_at: datetime
    version: int


class MadeTrigger(TriggerOut):
    """A new trigger; `secret` is that of a webhook, shown this once."""

    secret: str | None


class NewSecret(BaseModel):
    """A webhook's new secret, shown this once (null when an Idempotency-Key asks again). The one before works for a day longer."""

    id: UUID
    secret: str | None


class NewTrigger(TriggerSpec):
    """A trigger of exactly one agent, pack or workflow. `secret`: the one that a webhook's sender made."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    agent_id: UUID | None = None
    pack_id: UUID | None = None
    workflow_id: UUID | None = None
    secret: str | None = Field(None, max_length=200)


class TriggerChange(BaseModel):
    """What shall be different; what is not given stays. An empty `filter` takes it away."""

    model_config = ConfigDict(extra="forbid")

    name: str | None = Field(None, max_length=200)
    cron: str | None = Field(None, max_length=200)
    timezone: str | None = Field(None, max_length=100)
    misfire_policy: Misfire | None = None
    overlap: Overlap | None = None
    spread_seconds: int | None = Field(None, ge=0, le=MAX_SPREAD)
    event_kind: str | None = Field(None, max_length=100)
    filter: str | None = Field(None, max_length=2000)
    phrase: str | None = Field(None, max_length=60)
    source: WebhookSource | None = None
    input: dict[str, Any] | None = None
    status: Literal["active", "paused"] | None = None


class GivenSecret(BaseModel):
    """The secret that the sender made; left out, one is made here."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    secret: str | None = Field(None, max_length=200)


class FiringOut(BaseModel):
    """What became of one occasion to fire; `detail` says why."""

    id: UUID
    trigger_id: UUID
    outcome: str
    at: datetime
    run_id: UUID | None
    detail: dict[str, Any]


@router.get("/triggers")
def list_triggers(
    caller: Calling, limit: Limit = 50, cursor: Cursor = None, type: str | None = None, status: str | None = None,
    agent_id: UUID | None = None, pack_id: UUID | None = None, workflow_id: UUID | None = None,
) -> Page[TriggerOut]:  # fmt: skip
    """The workspace's triggers."""
    with caller.reading() as work:
        rows = work.triggers.page(
            after(cursor), limit + 1, type=type, status=status, agent_id=agent_id, pack_id=pack_id, workflow_id=workflow_id
        )  # fmt: skip
        return page(rows, limit, _trigger_out)


@router.post("/triggers", status_code=201, response_model=MadeTrigger)
def make_a_trigger(asked: NewTrigger, caller: Calling) -> Response:
    """Makes a trigger. The secret of a webhook is in this answer and in no other, whatever Idempotency-Key comes again."""

    def change(work: Any) -> MadeTrigger:
        spec = TriggerSpec.model_validate(asked.model_dump(exclude=FIXED))
        made = make_trigger(
            work, caller.actor, spec, agent_id=asked.agent_id, pack_id=asked.pack_id, workflow_id=asked.workflow_id, secret=asked.secret
        )  # fmt: skip
        return MadeTrigger(**_fields(made.trigger), secret=made.secret)

    return caller.write(asked, 201, change, "triggers.create", once=("secret",))


@router.get("/triggers/{trigger_id}")
def get_trigger(trigger_id: UUID, caller: Calling) -> TriggerOut:
    """One trigger."""
    with caller.reading() as work:
        return _trigger_out(work.triggers.get(trigger_id))


@router.patch("/triggers/{trigger_id}", response_model=TriggerOut)
def alter_trigger(trigger_id: UUID, asked: TriggerChange, caller: Calling) -> Response:
    """Changes, pauses or resumes a trigger; its type and what it starts stay."""

    def change(work: Any) -> TriggerOut:
        trigger = work.triggers.get(trigger_id)
        given = asked.model_dump(exclude={"status"}, exclude_none=True)
        if given:
            spec = TriggerSpec.model_validate({**spec_of(trigger).model_dump(), **given})
            trigger = change_trigger(work, caller.actor, trigger_id, spec)
        if asked.status is not None:
            trigger = (resume_trigger if asked.status == "active" else pause_trigger)(work, caller.actor, trigger_id)
        return _trigger_out(trigger)

    return caller.write(asked, 200, change, f"triggers.change {trigger_id}")


@router.delete("/triggers/{trigger_id}", response_model=TriggerOut)
def remove(trigger_id: UUID, caller: Calling) -> Response:
    """Removes a trigger for good, with its secret; answers what it was, with the status `removed`. The runs that it started stay, and keep its id."""
    return caller.write(
        None, 200, lambda work: _trigger_out(remove_trigger(work, caller.actor, trigger_id)), f"triggers.remove {trigger_id}"
    )  # fmt: skip


@router.post("/triggers/{trigger_id}/pause", response_model=TriggerOut)
def pause(trigger_id: UUID, caller: Calling) -> Response:
    """It starts nothing until it is resumed."""
    return caller.write(
        None, 200, lambda work: _trigger_out(pause_trigger(work, caller.actor, trigger_id)), f"triggers.pause {trigger_id}"
    )  # fmt: skip


@router.post("/triggers/{trigger_id}/resume", response_model=TriggerOut)
def resume(trigger_id: UUID, caller: Calling) -> Response:
    """It starts again what comes from now on."""
    return caller.write(
        None, 200, lambda work: _trigger_out(resume_trigger(work, caller.actor, trigger_id)), f"triggers.resume {trigger_id}"
    )  # fmt: skip


@router.post("/triggers/{trigger_id}/runs", status_code=202, response_model=RunOut)
def run_trigger(trigger_id: UUID, caller: Calling) -> Response:
    """Starts by hand what the trigger starts, with its input; the run is queued when this answers."""
    return caller.write(
        None, 202, lambda work: run_out(start_by_hand(work, caller.actor, trigger_id)), f"triggers.run {trigger_id}"
    )


@router.post("/triggers/{trigger_id}/secret", response_model=NewSecret)
def make_new_secret(trigger_id: UUID, caller: Calling, asked: GivenSecret | None = None) -> Response:
    """A new secret for a webhook, shown in this answer alone."""
    given = asked or GivenSecret(secret=None)

    def change(work: Any) -> NewSecret:
        return NewSecret(id=trigger_id, secret=rotate_secret(work, caller.actor, trigger_id, given.secret))

    return caller.write(given, 200, change, f"triggers.secret {trigger_id}", once=("secret",))


@router.get("/triggers/{trigger_id}/firings")
def list_firings(trigger_id: UUID, caller: Calling, limit: Limit = 50, cursor: Cursor = None) -> Page[FiringOut]:
    """What became of its occasions, newest first. A schedule has only those at which nothing was started; its runs are at `/runs`."""
    with caller.reading() as work:
        work.triggers.get(trigger_id)
        return page(work.triggers.firings(trigger_id, after(cursor), limit + 1), limit, _firing_out)


def _fields(trigger: Trigger) -> dict[str, Any]:
    path = f"/hooks/{trigger.id}" if trigger.type == "webhook" else None
    return {
        **spec_of(trigger).model_dump(), "id": trigger.id, "owner_id": trigger.owner_id, "agent_id": trigger.agent_id,
        "pack_id": trigger.pack_id, "workflow_id": trigger.workflow_id, "status": trigger.status if trigger.removed_at is None else "removed", "path": path,
        "failures": trigger.failures, "next_fire_at": trigger.next_fire_at, "last_fired_at": trigger.last_fired_at,
        "last_run_id": trigger.last_run_id, "created_at": trigger.created_at, "version": trigger.version,
    }  # fmt: skip


def _trigger_out(trigger: Trigger) -> TriggerOut:
    return TriggerOut(**_fields(trigger))


def _firing_out(firing: TriggerFiring) -> FiringOut:
    return FiringOut(
        id=firing.id, trigger_id=firing.trigger_id, outcome=firing.outcome, at=firing.at, run_id=firing.run_id, detail=dict(firing.detail)
    )  # fmt: skip
