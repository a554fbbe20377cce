"""The emergency brake: every agent is paused and what is approved but still held is taken back, at once."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from core.approvals.decide import DecideWork, take_back
from core.approvals.models import Suggestion
from core.catalog.configure import pause_agent, resume_agent
from core.catalog.models import Agent
from core.catalog.ports import CatalogWork
from core.identity.settle import unreachable
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, NotFound
from core.kernel.pages import every
from core.messaging.post import answer
from core.preferences.choose import prefer
from core.preferences.ports import PreferencesWork

PAGE = 100
SCOPE, KEY = "orchestrator", "stopped_agents"


class StopWork(DecideWork, CatalogWork, PreferencesWork, Protocol):
    """What stopping needs."""


@dataclass(frozen=True)
class Stopped:
    """The agents that were paused by it, the suggestions whose approval was taken back (they wait for a decision again), and how many were already being
    carried out: those may still take effect."""

    agents: list[Agent]
    undone: list[Suggestion]
    too_late: int


def stop(work: StopWork, actor: Actor) -> Stopped:
    """Pauses all of the person's active agents and takes back every held execution of theirs, whoever said yes to it and whoever may decide about it; what is already being sent is too late.
    A second time adds to the first, so that `resume_all` wakes all that were stopped."""
    paused = _pause_all(work, actor)
    undone, too_late = [], 0
    for execution in work.executions.under_way(actor.user_id):
        suggestion = work.suggestions.lock(execution.suggestion_id)
        try:
            take_back(work, actor, suggestion)
            undone.append(suggestion)
        except Conflict:
            too_late += 1
    return Stopped(paused, undone, too_late)


def unreached(work: StopWork, link_id: UUID, told: str) -> None:
    """A chat takes no messages any more: nothing is sent there. The person's other chats are told the sentence `told`; with no other chat their agents are paused, because
    nobody would see what these suggest, and `resume_all` wakes them. What was approved stays approved. A second time changes nothing."""
    link = work.people.link(link_id)
    if not link.reachable:
        return
    unreachable(work, link_id)
    others = [other for other in work.people.links(link.user_id) if other.address is not None and other.reachable]
    for other in others:
        answer(work, other, {"say": told, "data": {}})
    role = work.people.membership(link.user_id).role
    if not others and role != "viewer":
        _pause_all(work, Actor(link.user_id, link.workspace_id, role, link.provider))


def resume_all(work: StopWork, actor: Actor) -> list[Agent]:
    """Wakes the agents that `stop` or `unreached` paused, and no others."""
    actor.need("write")
    woken = []
    for agent_id in _remembered(work, actor):
        try:
            agent = work.agents.get(UUID(agent_id))
        except NotFound:
            continue
        if agent.status == "paused":
            woken.append(resume_agent(work, actor, agent.id))
    prefer(work, actor, SCOPE, KEY, [])
    return woken


def _pause_all(work: StopWork, actor: Actor) -> list[Agent]:
    actor.need("write")
    paused = [agent for agent in _agents(work, actor) if agent.status == "active"]
    for agent in paused:
        pause_agent(work, actor, agent.id)
    stopped = {*_remembered(work, actor), *(str(agent.id) for agent in paused)}
    prefer(work, actor, SCOPE, KEY, sorted(stopped))
    return paused


def _remembered(work: PreferencesWork, actor: Actor) -> list[str]:
    known = work.preferences.preference(actor.user_id, SCOPE, KEY)
    return list(known.value) if known is not None else []


def _agents(work: CatalogWork, actor: Actor) -> Iterator[Agent]:
    return every(lambda after: work.agents.page(actor.user_id, after, PAGE))
