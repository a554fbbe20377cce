"""`/given-up`: what was given up in the workspace, with the reason; tried again where that is safe, or dropped. For owners and admins."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from bots.api.caller import Caller, Calling
from bots.api.pages import Page
from core.approvals.deciders import may_see
from core.workflows.given_up import GivenUp, drop, given_up, one, try_again

router = APIRouter(tags=["given up"])


class GivenUpOut(BaseModel):
    """Something that was given up: an `event` that a platform handed over, a `delivery` that a chat did not take, an `execution` that failed or whose outcome nobody knows, a `run` that
    failed for good; or an execution or run that has been due for ten minutes (`status` held, ready, queued). `subject_kind` and `subject_id` say what it is about, `ways` what can be
    done here: an unknown outcome is settled by `/suggestions/{subject_id}/resolve` alone. `error` is null where it quotes what is not the caller's business."""

    id: UUID
    kind: Literal["event", "delivery", "execution", "run"]
    user_id: UUID
    at: datetime
    status: str
    error: dict[str, Any] | None
    agent_id: UUID | None
    subject_kind: str
    subject_id: UUID
    channel: str | None
    ways: list[Literal["again", "drop"]]


@router.get("/given-up")
def list_given_up(caller: Calling) -> Page[GivenUpOut]:
    """The newest sixty. 403 for who is neither owner nor admin."""
    with caller.reading() as work:
        return Page(items=[_out(work, caller, each) for each in given_up(work, caller.actor)], next=None)


@router.get("/given-up/{given_up_id}")
def get_given_up(given_up_id: UUID, caller: Calling) -> GivenUpOut:
    """One of them; 404 once somebody saw to it."""
    with caller.reading() as work:
        return _out(work, caller, one(work, caller.actor, given_up_id))


@router.post("/given-up/{given_up_id}/again", response_model=GivenUpOut)
def again(given_up_id: UUID, caller: Calling) -> Response:
    """Handles or sends it once more, lets a run go on from the step that failed, or puts an action that surely was not done before its people for a new yes (needs the scope `approve`).
    409 for what nobody knows the outcome of, and for what is not given up but due."""
    return _settled(caller, given_up_id, "again", try_again)


@router.post("/given-up/{given_up_id}/drop", response_model=GivenUpOut)
def leave(given_up_id: UUID, caller: Calling) -> Response:
    """It stays as it is, and is seen here no more."""
    return _settled(caller, given_up_id, "drop", drop)


def _settled(caller: Caller, id: UUID, what: str, do: Callable[..., GivenUp]) -> Response:
    inbox = caller.parts.storage.inbox

    def change(work: Any) -> GivenUpOut:
        shown = _out(work, caller, one(work, caller.actor, id))
        do(work, inbox, caller.actor, id)
        return shown

    return caller.write(None, 200, change, f"given_up.{what} {id}")


def _out(work: Any, caller: Caller, found: GivenUp) -> GivenUpOut:
    hidden = found.kind == "execution" and not may_see(work, caller.actor, work.suggestions.get(found.subject_id))
    return GivenUpOut(
        id=found.id, kind=found.kind, user_id=found.user_id, at=found.at, status=found.status, error=None if hidden else found.error,
        agent_id=found.agent_id, subject_kind=found.subject_kind, subject_id=found.subject_id, channel=found.channel,
        ways=list(found.ways),
    )  # fmt: skip
