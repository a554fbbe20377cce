"""What was given up in a workspace, for those who lead it: seen with its reason, tried again where that is safe, or dropped. Nothing is ever done twice by it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from core.approvals.decide import ask_again
from core.approvals.ports import ApprovalsWork
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.models import SetAside
from core.messaging.ports import Inbox, SetAsides
from core.workflows.steer import retry_run
from core.workflows.waits import WaitsWork

Kind = Literal["event", "delivery", "execution", "run"]
What = Literal["again", "drop"]
MOST = 60
LEADING = ("owner", "admin")


@dataclass(frozen=True)
class GivenUp:
    """Something that was given up: an `event` that a platform handed over and nobody could handle, a `delivery` that a chat did not take, an `execution` that failed or of which nobody
    knows what became of it, a `run` that failed for good. Also an execution or a run that has been due for ten minutes and that nobody took (`waits`). `id` is its own, `user_id`
    whose it is, `error` the reason as `{code, data}`; `subject_kind` and `subject_id` are what it is about."""

    kind: Kind
    id: UUID
    user_id: UUID
    at: datetime
    status: str
    error: dict[str, Any] | None
    agent_id: UUID | None
    subject_kind: str
    subject_id: UUID
    channel: str | None

    @property
    def waits(self) -> bool:
        """Nobody took it, though it is due: it is done as soon as somebody does."""
        return self.status in ("held", "ready", "queued")

    @property
    def ways(self) -> tuple[What, ...]:
        """What can be done with it here. What nobody knows the outcome of is asked about on its own card, and nowhere else."""
        return () if self.waits or self.status == "unknown" else ("again", "drop")


class GivenUpRows(SetAsides, Protocol):
    """What was given up in the workspace."""

    def page(self, limit: int) -> Sequence[GivenUp]:
        """Newest first, without what is settled."""
        ...

    def find(self, id: UUID) -> GivenUp | None:
        """One of them, and nobody else's until the transaction ends."""
        ...


class GivenUpWork(WaitsWork, ApprovalsWork, IdentityWork, Protocol):
    """What seeing to it needs."""

    @property
    def given_up(self) -> GivenUpRows: ...  # pyright: ignore[reportIncompatibleVariableOverride]


def leads(actor: Actor) -> bool:
    """Whether what was given up in the workspace is any of their business."""
    return actor.role in LEADING


def given_up(work: GivenUpWork, actor: Actor, most: int = MOST) -> Sequence[GivenUp]:
    """The newest first. Raises Forbidden `workflows.given_up_not_allowed` for who neither owns nor administers the workspace."""
    _need_to_lead(actor)
    return work.given_up.page(most)


def one(work: GivenUpWork, actor: Actor, id: UUID) -> GivenUp:
    """Raises Forbidden as given_up does, NotFound `workflows.given_up_unknown`: never given up, or seen to meanwhile."""
    _need_to_lead(actor)
    found = work.given_up.find(id)
    if found is None:
        raise NotFound("workflows.given_up_unknown", id=str(id))
    return found


def try_again(work: GivenUpWork, inbox: Inbox, actor: Actor, id: UUID) -> GivenUp:
    """An event is handled and a message is sent once more, a run goes on from the step that failed, and an action that surely was not done is put before its people for a new yes.
    Raises Conflict `approvals.outcome_unknown` (its own card asks about it), `workflows.given_up_waits`; and as `one`, `retry_run` and `ask_again` do."""
    actor.need("write")
    found = one(work, actor, id)
    if found.status == "unknown":
        raise Conflict("approvals.outcome_unknown")
    if found.waits:
        raise Conflict("workflows.given_up_waits")
    match found.kind:
        case "event":
            # Its own transaction, first: cut off between the two it is tried again, and still stands here.
            inbox.try_again(found.id)
            _settle(work, actor, found)
        case "delivery":
            delivery = work.messages.again(found.id)
            if delivery is not None:
                work.ring(f"deliveries.{delivery.channel}", delivery.id)
        case "run":
            retry_run(work, actor, found.id)
        case "execution":
            ask_again(work, actor, found.subject_id, work.suggestions.get(found.subject_id).revision)
    _tell(work, actor, found, "again")
    return found


def drop(work: GivenUpWork, inbox: Inbox, actor: Actor, id: UUID) -> GivenUp:
    """It stays as it is and is seen here no more. Raises as try_again does."""
    actor.need("write")
    found = one(work, actor, id)
    if found.status == "unknown":
        raise Conflict("approvals.outcome_unknown")
    if found.waits:
        raise Conflict("workflows.given_up_waits")
    if found.kind == "event":
        inbox.drop(found.id)
    _settle(work, actor, found)
    _tell(work, actor, found, "drop")
    return found


def _settle(work: GivenUpWork, actor: Actor, found: GivenUp) -> None:
    work.given_up.keep(
        SetAside(
            id=new_id(), workspace_id=actor.workspace_id, user_id=found.user_id, kind=found.kind, subject_id=found.id, at=found.at,
            created_at=work.now, channel=found.channel, error=(found.error or {}).get("code"), settled_at=work.now,
            settled_by=actor.user_id,
        )
    )  # fmt: skip


def _tell(work: GivenUpWork, actor: Actor, found: GivenUp, what: What) -> None:
    told = {"kind": found.kind, "id": str(found.id), "what": what}
    work.record(Event("given_up.settled", actor.workspace_id, actor.user_id, told))


def _need_to_lead(actor: Actor) -> None:
    if not leads(actor):
        raise Forbidden("workflows.given_up_not_allowed", role=actor.role)
