"""Whether a person can be reached at Telegram, and what follows when they cannot."""

from typing import Any
from uuid import UUID

from bots.kit.parts import Parts
from core.catalog.configure import pause_agent
from core.identity.settle import reachable, unreachable
from core.kernel.actor import Actor
from core.messaging.post import answer

PAGE = 100


def blocked(parts: Parts, workspace_id: UUID, user_id: UUID, link_id: UUID) -> None:
    """They blocked the bot: nothing more is sent there. Their other chats are told; with no other chat their agents are paused, because
    nobody would see what these suggest."""
    with parts.storage.work(workspace_id, user_id) as work:
        if not work.people.link(link_id).reachable:
            return
        unreachable(work, link_id)
        others = [link for link in work.people.links(user_id) if link.address is not None and link.reachable]
        for link in others:
            answer(work, link, {"say": "telegram.blocked", "data": {}})
        if not others:
            _pause_agents(work, Actor(user_id, workspace_id, work.people.membership(user_id).role, "telegram"))
        work.commit()


def _pause_agents(work: Any, actor: Actor) -> None:
    after = None
    while found := work.agents.page(actor.user_id, after, PAGE):
        for agent in found:
            if agent.status == "active":
                pause_agent(work, actor, agent.id)
        after = found[-1].id


def back(work: Any, actor: Actor, address: str) -> bool:
    """They are here, in the chat `address`; whether that is news."""
    link = work.people.link(actor.link_id)
    news = not link.reachable or link.address != address
    if news:
        reachable(work, link.id)
        link.address = address
    return news


def moved(parts: Parts, workspace_id: UUID, user_id: UUID, link_id: UUID, address: str) -> None:
    """The chat has another number from now on (a group that became a supergroup)."""
    with parts.storage.work(workspace_id, user_id) as work:
        work.people.link(link_id).address = address
        work.commit()
