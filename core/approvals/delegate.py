"""Handing one's decisions to another member until a day: seen by both, ended by either, over by itself. Nobody hands on what was handed to them, and nobody gets a yes twice."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from core.approvals.ask import show_to
from core.approvals.deciders import DecidersWork, Rules, names
from core.approvals.models import Delegation
from core.approvals.policy import DEFAULT, operations
from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Forbidden, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.messaging.post import PostWork, notify, refresh

LONGEST = timedelta(days=90)
WAITING = 50
"""So many suggestions that wait already are put before the new delegate."""


class DelegateWork(DecidersWork, CatalogWork, PostWork, Protocol):
    """What handing over needs."""


def delegate(
    work: DelegateWork, actor: Actor, to_user_id: UUID, until: datetime, agent_id: UUID | None = None, operation: str | None = None
) -> Delegation:  # fmt: skip
    """From now until `until` that member may decide in the actor's place: about everything, one agent's suggestions, or one operation. What waits already is put before them, and they are
    told. Raises Invalid `approvals.delegation_to_self`, `approvals.delegation_past`, `approvals.delegation_long` (data: days), `approvals.delegate_unable` (data: name; a viewer),
    `approvals.policy_operation_unknown`; Conflict `approvals.delegation_there` (data: name, until); NotFound `identity.membership_unknown`, `catalog.agent_unknown`."""
    actor.need("approve")
    operation = None if operation == DEFAULT else operation
    _check(work, actor, to_user_id, until, agent_id, operation)
    handed = Delegation(
        id=new_id(), workspace_id=actor.workspace_id, user_id=actor.user_id, to_user_id=to_user_id, until=until,
        created_at=work.now, agent_id=agent_id, operation=operation,
    )  # fmt: skip
    work.delegations.add(handed)
    told = {"delegation_id": str(handed.id), "to": str(to_user_id), "until": until.isoformat()}
    work.record(Event("delegation.made", actor.workspace_id, actor.user_id, told))
    [name] = names(work, [actor.user_id])
    notify(work, to_user_id, "delegation.got", {"name": name, "until": until.isoformat()})
    _put_before(work, handed)
    return handed


def end_delegation(work: DelegateWork, actor: Actor, delegation_id: UUID) -> Delegation:
    """It is over at once; the other one is told. Either of the two may say so. A second time changes nothing. Raises Forbidden `approvals.delegation_not_yours`, NotFound
    `approvals.delegation_unknown`."""
    handed = work.delegations.get(delegation_id)
    if actor.user_id not in (handed.user_id, handed.to_user_id):
        raise Forbidden("approvals.delegation_not_yours")
    if handed.revoked_at is not None or handed.until <= work.now:
        return handed
    waiting = _waiting(work, handed)
    handed.revoked_at = work.now
    told = {"delegation_id": str(handed.id)}
    work.record(Event("delegation.ended", actor.workspace_id, actor.user_id, told))
    [name] = names(work, [actor.user_id])
    other = handed.to_user_id if actor.user_id == handed.user_id else handed.user_id
    notify(work, other, "delegation.ended", {"name": name})
    for suggestion_id in waiting:
        refresh(work, "suggestion", suggestion_id)
    return handed


def _check(
    work: DelegateWork, actor: Actor, to_user_id: UUID, until: datetime, agent_id: UUID | None, operation: str | None
) -> None:
    if to_user_id == actor.user_id:
        raise Invalid("approvals.delegation_to_self")
    if until <= work.now:
        raise Invalid("approvals.delegation_past")
    if until > work.now + LONGEST:
        raise Invalid("approvals.delegation_long", days=LONGEST.days)
    if work.people.membership(to_user_id).role == "viewer":
        raise Invalid("approvals.delegate_unable", name=names(work, [to_user_id])[0])
    if agent_id is not None:
        work.agents.get(agent_id)
    if operation is not None and operation not in operations():
        raise Invalid("approvals.policy_operation_unknown", operation=operation[:100])
    same = (actor.user_id, to_user_id, agent_id, operation)
    for known in work.delegations.active():
        if (known.user_id, known.to_user_id, known.agent_id, known.operation) == same:
            name = names(work, [to_user_id])[0]
            raise Conflict("approvals.delegation_there", name=name, until=known.until.isoformat())


def _put_before(work: DelegateWork, handed: Delegation) -> None:
    for suggestion_id in _waiting(work, handed):
        suggestion = work.suggestions.get(suggestion_id)
        show_to(work, suggestion, handed.to_user_id)
        refresh(work, "suggestion", suggestion_id)


def _waiting(work: DelegateWork, handed: Delegation) -> list[UUID]:
    """What waits for a decision that the delegation is about."""
    found = work.suggestions.page(None, WAITING, status="pending", agent_id=handed.agent_id)
    newest, rules = work.suggestions.newest(found), Rules(work)
    placed = ((one.id, rules.of(one, newest[one.id].action.operation).placed) for one in found)
    return [id for id, places in placed if handed.user_id in places.get(handed.to_user_id, ())]


def theirs(work: DecidersWork, user_id: UUID) -> tuple[list[Delegation], list[Delegation]]:
    """What a person handed to others, and what others handed to them, now."""
    active = work.delegations.active()
    return [one for one in active if one.user_id == user_id], [one for one in active if one.to_user_id == user_id]


def one_of_theirs(work: DecidersWork, user_id: UUID, delegation_id: UUID) -> Delegation:
    """An active one, that concerns them. Raises NotFound `approvals.delegation_unknown`."""
    for one in (*(parts := theirs(work, user_id))[0], *parts[1]):
        if one.id == delegation_id:
            return one
    raise NotFound("approvals.delegation_unknown", id=str(delegation_id))
