"""`/policies`: whose yes each action needs, how long it can be taken back and how long it waits. No rule can do without a yes."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel

from bots.api.caller import Calling
from bots.api.pages import Page
from core.approvals.models import ApprovalPolicy
from core.approvals.policy import PolicySpec, put_policy, remove_policy
from core.kernel.errors import NotFound

router = APIRouter(tags=["policies"])
Operation = Annotated[
    str, Path(max_length=100, description="An operation, or `*` for all that have no rule of their own.")
]


class PolicyOut(PolicySpec):
    """A rule of the workspace."""

    id: UUID
    operation: str
    created_at: datetime


class Removed(BaseModel):
    """The operation whose rule is gone."""

    operation: str


@router.get("/policies")
def list_policies(caller: Calling) -> Page[PolicyOut]:
    """The workspace's own rules. What has none goes by `*`, and that by what is built in."""
    with caller.reading() as work:
        return Page(items=[_out(policy) for policy in work.suggestions.policies()], next=None)


@router.get("/policies/{operation}")
def get_policy(operation: Operation, caller: Calling) -> PolicyOut:
    """One rule; 404 where the operation has none of its own."""
    with caller.reading() as work:
        for policy in work.suggestions.policies():
            if policy.operation == operation:
                return _out(policy)
    raise NotFound("approvals.policy_unknown", operation=operation)


@router.put("/policies/{operation}", response_model=PolicyOut)
def put(operation: Operation, asked: PolicySpec, caller: Calling) -> Response:
    """Makes or changes a rule. 422 for one that nobody could meet, 403 for who is neither owner nor admin; the key needs the scope `approve`."""
    return caller.write(
        asked,
        200,
        lambda work: _out(put_policy(work, caller.actor, operation, asked)),
        f"policies.put {operation}",
        scope="approve",
    )


@router.delete("/policies/{operation}", response_model=Removed)
def remove(operation: Operation, caller: Calling) -> Response:
    """Removes a rule."""

    def change(work: object) -> Removed:
        remove_policy(work, caller.actor, operation)  # pyright: ignore[reportArgumentType]
        return Removed(operation=operation)

    return caller.write(None, 200, change, f"policies.remove {operation}", scope="approve")


def _out(policy: ApprovalPolicy) -> PolicyOut:
    return PolicyOut.model_validate({name: getattr(policy, name) for name in PolicyOut.model_fields})
