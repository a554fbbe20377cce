"""Taking a consent back, with all that hangs on it: what its agents suggested is withdrawn, what was approved and is held is not done, and nothing is read any more."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.approvals.decide import DecideWork
from core.approvals.models import Suggestion
from core.catalog.consents import needed
from core.catalog.models import Agent
from core.catalog.ports import CatalogWork
from core.kernel.actor import Actor
from core.kernel.errors import NotFound
from core.kernel.events import Event
from core.kernel.pages import every
from core.messaging.post import refresh
from core.preferences.choose import revoke
from core.preferences.ports import PreferencesWork

PAGE = 200
WITHOUT_CONSENT = "consent"
"""The `reason` of a suggestion that was withdrawn for that."""
WAITING = ("pending", "snoozed", "approved")


class RevokeWork(DecideWork, CatalogWork, PreferencesWork, Protocol):
    """What taking a consent back needs."""


@dataclass(frozen=True)
class TakenBack:
    """The agents that do not run any more, and how many of their suggestions were withdrawn, approved ones that were held among them."""

    agents: list[Agent]
    withdrawn: int


def take_back(work: RevokeWork, actor: Actor, key: str) -> TakenBack:
    """Voids the person's consent. What is being carried out already is stopped by the last gate, unless it passed that. A second time changes nothing."""
    known = work.preferences.consent(actor.user_id, key)
    if known is None or not known.active:
        return TakenBack([], 0)
    revoke(work, actor, key)
    agents = users_of(work, actor.user_id, key)
    return TakenBack(agents, sum(withdraw_all(work, agent.id, WITHOUT_CONSENT) for agent in agents))


def users_of(work: RevokeWork, user_id: UUID, key: str) -> list[Agent]:
    """The person's agents that need the consent."""
    return [agent for agent in _agents(work, user_id) if key in _needed(work, agent)]


def withdraw_all(work: DecideWork, agent_id: UUID, reason: str) -> int:
    """Withdraws what an agent suggested and nobody has decided, and what was approved but is still held; answers how many."""
    withdrawn = 0
    for suggestion in list(_waiting(work, agent_id)):
        found = work.suggestions.lock(suggestion.id)
        if found.status == "approved":
            execution = work.executions.of(found.id)
            if execution is None or not work.executions.withdraw(execution.id):
                continue
        elif found.status not in WAITING:
            continue
        found.status, found.decided_at, found.reason = "withdrawn", work.now, reason
        found.snoozed_until, found.snoozed_context = None, None
        work.record(
            Event(
                "suggestion.withdrawn", found.workspace_id, found.user_id, {"suggestion_id": str(found.id), "reason": reason}
            )
        )  # fmt: skip
        refresh(work, "suggestion", found.id)
        withdrawn += 1
    return withdrawn


def _waiting(work: DecideWork, agent_id: UUID) -> Iterator[Suggestion]:
    for status in WAITING:
        after = None
        while found := work.suggestions.page(after, PAGE, status=status, agent_id=agent_id):
            held = work.executions.of_each([one.id for one in found]) if status == "approved" else {}
            yield from (
                one for one in found if status != "approved" or (one.id in held and held[one.id].status == "held")
            )
            after = found[-1].id


def _agents(work: CatalogWork, user_id: UUID) -> Iterator[Agent]:
    return every(lambda after: work.agents.page(user_id, after, PAGE))


def _needed(work: RevokeWork, agent: Agent) -> tuple[str, ...]:
    try:
        return needed(work, agent)
    except NotFound:
        return ()
