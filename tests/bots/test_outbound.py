"""Deliveries while taps wait for their answers: slower, but everybody's come."""

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest

from bots.kit.dialog import notices
from bots.kit.outbound import TRIES, Letter, Outbound
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.identity.register import add_link
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.messaging.post import answer
from storage import Storage
from tests.databases import somebody

PATIENCE = 60


class Platform:
    """Takes everybody's messages but one person's, which stay on their way until all others have theirs."""

    def __init__(self, stuck: Actor, others: int) -> None:
        self._stuck, self._others = stuck.user_id, others
        self.taken: list[UUID] = []
        self.all_others = asyncio.Event()

    async def send(self, letter: Letter) -> str | None:
        if letter.delivery.user_id == self._stuck:
            await self.all_others.wait()
        else:
            self.taken.append(letter.delivery.user_id)
            if len(self.taken) == self._others:
                self.all_others.set()
        return str(letter.delivery.id)

    edit = send


@pytest.mark.parametrize("pressed", [True, False], ids=["while taps wait", "at rest"])
def test_a_chat_that_takes_long_holds_up_nobody_else(storage: Storage, catalogue: Words, pressed: bool) -> None:
    stuck, *others = (somebody(storage) for _ in range(5))
    for actor, count in ((stuck, 12), *((one, 2) for one in others)):
        with storage.work(actor.workspace_id, actor.user_id) as work:
            for _ in range(count):
                assert actor.link_id is not None
                answer(work, work.people.link(actor.link_id), {"say": "cancel.done", "data": {}})
            work.commit()
    parts = Parts(storage, catalogue, Tokens(b"k" * 32), {})

    async def story() -> Platform:
        platform = Platform(stuck, 2 * len(others))
        outbound = Outbound(parts, "web", platform, pressed=lambda: pressed)
        running = asyncio.create_task(outbound.run())
        async with asyncio.timeout(PATIENCE):
            await platform.all_others.wait()
        outbound.stop()
        await running
        return platform

    platform = asyncio.run(story())
    assert sorted(platform.taken) == sorted(2 * [one.user_id for one in others])


def test_what_cannot_be_drawn_is_tried_again_more_slowly_and_given_up_and_holds_up_nothing_else(
    storage: Storage, catalogue: Words, owner_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert actor.link_id is not None
        link = work.people.link(actor.link_id)
        broken, sound = (answer(work, link, {"say": code, "data": {}}) for code in ("broken", "cancel.done"))
        work.commit()
    monkeypatch.setitem(notices, "broken", lambda chat, data: {}["nobody expected it"])
    platform = Platform(somebody(storage), 1)
    outbound = Outbound(Parts(storage, catalogue, Tokens(b"k" * 32), {}), "web", platform)
    items = [DueItem(one.id, actor.workspace_id, actor.user_id) for one in (broken, sound)]

    def stands() -> tuple[Any, ...]:
        with psycopg.connect(owner_url, autocommit=True) as owner:
            found = owner.execute(
                "SELECT status, attempts, failure_reason, due_at > now() FROM nod.deliveries WHERE id = %s", [broken.id]
            ).fetchone()
            owner.execute("UPDATE nod.deliveries SET due_at = now() WHERE id = %s", [broken.id])
        assert found is not None
        return found

    async def story() -> None:
        await outbound._in_order(items)
        assert platform.taken == [actor.user_id], "what came after it"
        for tries in range(1, TRIES):
            assert stands() == ("pending", tries, "KeyError", True)
            await outbound.deliver(items[0])

    asyncio.run(story())
    assert stands()[:3] == ("failed", TRIES, "KeyError")


class Slow:
    """Takes the first message only once somebody else has delivered the same."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.edited: list[tuple[str | None, str]] = []
        self.asked, self.overtaken = asyncio.Event(), asyncio.Event()

    async def send(self, letter: Letter) -> str | None:
        self.sent.append(f"place {len(self.sent)}")
        mine = self.sent[-1]
        if mine == "place 0":
            self.asked.set()
            await self.overtaken.wait()
        return mine

    async def edit(self, letter: Letter) -> str | None:
        self.edited.append((letter.delivery.remote_ref, letter.screen.summary))
        return letter.delivery.remote_ref


def test_a_card_whose_lease_ended_under_way_asks_for_nothing_beside_the_other_and_the_other_is_drawn_anew(
    storage: Storage, catalogue: Words, owner_url: str
) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        link = add_link(work, actor.user_id, "telegram", "1", "1")
        delivery = answer(work, link, {"say": "cancel.done", "data": {}})
        work.commit()
    parts = Parts(storage, catalogue, Tokens(b"k" * 32), {})
    item = DueItem(delivery.id, actor.workspace_id, actor.user_id)

    async def story() -> Slow:
        platform = Slow()
        outbound = Outbound(parts, "telegram", platform)
        async with asyncio.timeout(PATIENCE):
            first = asyncio.create_task(outbound.deliver(item))
            await platform.asked.wait()
            with psycopg.connect(owner_url, autocommit=True) as owner:
                owner.execute("UPDATE nod.deliveries SET lease_until = now()")
            await outbound.deliver(item)
            platform.overtaken.set()
            await first
            assert [ref for ref, _ in platform.edited] == ["place 0"], "the copy that is on no record"
            assert "came twice" in platform.edited[0][1]
            await outbound.deliver(item)
        return platform

    platform = asyncio.run(story())
    assert platform.sent == ["place 0", "place 1"]
    assert [ref for ref, _ in platform.edited] == ["place 0", "place 1"]
