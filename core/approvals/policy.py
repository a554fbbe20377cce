"""Rules on whose yes an action needs, how long it can be taken back and how long it waits. None of them can do without a yes (domain rule 1): there is no field for it."""

from functools import cache
from typing import Any, Protocol, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.approvals.deciders import names
from core.approvals.models import ApprovalPolicy
from core.approvals.ports import ApprovalsWork
from core.connectors.kinds import integrations
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor, Role
from core.kernel.errors import Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id

DEFAULT = "*"
"""The rule for every operation that has none of its own."""
DECIDERS: tuple[Role, ...] = ("owner", "admin", "approver", "member")
"""Who may decide at all; a viewer never."""
HOUR, DAY = 3_600, 86_400


class PolicyWork(ApprovalsWork, IdentityWork, Protocol):
    """What changing rules needs."""


class PolicySpec(BaseModel):
    """A rule. `quorum` people in one of `allowed_roles`, or named in `allowed_people`, have to say yes; `own_request` says whether the one for whom it was suggested is among them.
    `escalate_to` may decide, too, and is asked when nobody else answered. `undo_seconds` None: as
    long as the action's connector says. `reminder_seconds` before the suggestion lapses after `expiry_seconds`; None: no reminder. What cannot be taken back and is about more than `amount_limit`, in
    whatever currency, is asked twice; None: no amount is too large for one tap."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quorum: int = Field(default=1, ge=1, le=20)
    allowed_roles: tuple[Role, ...] = Field(default=("owner", "admin", "approver"), max_length=len(DECIDERS))
    allowed_people: tuple[UUID, ...] = Field(default=(), max_length=20)
    escalate_to: UUID | None = None
    own_request: bool = True
    undo_seconds: int | None = Field(default=None, ge=0, le=600)
    expiry_seconds: int = Field(default=7 * DAY, ge=HOUR, le=90 * DAY)
    reminder_seconds: int | None = Field(default=DAY, ge=600, le=30 * DAY)
    amount_limit: int | None = Field(default=500, ge=0, le=1_000_000_000)

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.allowed_roles and not self.allowed_people:
            raise ValueError("a rule names a role or a person")
        return self


@cache
def operations() -> tuple[str, ...]:
    """Every operation that changes something outside, and so needs a yes."""
    return tuple(
        sorted({op.name for known in integrations().values() for op in known.operations if op.access == "write"})
    )


def spec_of(policy: ApprovalPolicy) -> PolicySpec:
    """What a stored rule says."""
    return PolicySpec.model_validate({name: getattr(policy, name) for name in PolicySpec.model_fields})


def check_policy(work: PolicyWork, operation: str, spec: PolicySpec) -> None:
    """Raises Invalid `approvals.policy_operation_unknown`, `approvals.policy_role_unable` (a viewer decides nothing), `approvals.policy_unreachable` (data: quorum, people: so few could ever say
    yes), `approvals.policy_reminder_late` (a reminder would come before the suggestion itself), `approvals.policy_person_unable` (data: name; a viewer), NotFound
    `identity.user_unknown` for somebody who is not a member."""
    if operation != DEFAULT and operation not in operations():
        raise Invalid("approvals.policy_operation_unknown", operation=operation[:100])
    unable = sorted(set(spec.allowed_roles) - set(DECIDERS))
    if unable:
        raise Invalid("approvals.policy_role_unable", role=unable[0])
    _check_people(work, spec)
    people = could_decide(work, spec) - (0 if spec.own_request else 1)
    if people < spec.quorum:
        raise Invalid("approvals.policy_unreachable", quorum=spec.quorum, people=max(people, 0))
    if spec.reminder_seconds is not None and spec.reminder_seconds >= spec.expiry_seconds:
        raise Invalid("approvals.policy_reminder_late")


def could_decide(work: IdentityWork, spec: PolicySpec) -> int:
    """How many people of the workspace could say yes without being asked last."""
    return sum(
        member.role in spec.allowed_roles or member.user_id in spec.allowed_people
        for member in work.people.active_members()
    )


def _check_people(work: IdentityWork, spec: PolicySpec) -> None:
    roles = {member.user_id: member.role for member in work.people.active_members()}
    for user_id in (*spec.allowed_people, *(() if spec.escalate_to is None else (spec.escalate_to,))):
        if user_id not in roles:
            raise NotFound("identity.user_unknown", id=str(user_id))
        if roles[user_id] not in DECIDERS:
            raise Invalid("approvals.policy_person_unable", name=names(work, [user_id])[0])


def put_policy(work: PolicyWork, actor: Actor, operation: str, spec: PolicySpec) -> ApprovalPolicy:
    """Makes the rule for an operation (`*`: for all that have none), or changes it. It holds for every decision from now on; what was approved stays approved.
    Raises Forbidden `approvals.policy_not_allowed`, and as check_policy does."""
    _may_change(actor)
    check_policy(work, operation, spec)
    said: dict[str, Any] = spec.model_dump() | {
        "allowed_roles": sorted(set(spec.allowed_roles), key=DECIDERS.index),
        "allowed_people": list(dict.fromkeys(spec.allowed_people)),
    }
    policy = next((one for one in work.suggestions.policies() if one.operation == operation), None)
    if policy is None:
        policy = ApprovalPolicy(
            id=new_id(), workspace_id=actor.workspace_id, operation=operation, created_at=work.now, **said
        )
        work.suggestions.add_policy(policy)
    else:
        for name, value in said.items():
            setattr(policy, name, value)
    told = {"operation": operation, **spec.model_dump(mode="json")}
    work.record(Event("policy.changed", actor.workspace_id, actor.user_id, told))
    return policy


def remove_policy(work: PolicyWork, actor: Actor, operation: str) -> None:
    """From now on the operation goes by `*`, and `*` by what is built in. Raises Forbidden `approvals.policy_not_allowed`, NotFound `approvals.policy_unknown`."""
    _may_change(actor)
    if not work.suggestions.remove_policy(operation):
        raise NotFound("approvals.policy_unknown", operation=operation[:100])
    work.record(Event("policy.removed", actor.workspace_id, actor.user_id, {"operation": operation}))


def _may_change(actor: Actor) -> None:
    """Who may say yes for others to come has to be allowed to say yes."""
    actor.need("write")
    actor.need("approve")
    if actor.role not in ("owner", "admin"):
        raise Forbidden("approvals.policy_not_allowed", role=actor.role)
