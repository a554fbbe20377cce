"""Deliveries while taps wait for their answers: slower, but everybody's come."""

import asyncio
from uuid import UUID

import pytest

from bots.kit.outbound import Letter, Outbound
from bots.kit.parts import Parts
from bots.kit.tokens import Tokens
from bots.kit.words import Words
from core.kernel.actor import Actor
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
