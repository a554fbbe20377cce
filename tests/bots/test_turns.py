"""Of several processes one has the turn; who is busy with something else gives it to one that is not."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from uuid import uuid4

from bots.kit.turn import Turn

PATIENCE = 30


@asynccontextmanager
async def _kept(*turns: Turn):
    keeping = [asyncio.create_task(turn.keep()) for turn in turns]
    try:
        yield
    finally:
        for turn in turns:
            turn.stop()
        await asyncio.wait(keeping)


async def _until(turn: Turn, mine: bool) -> None:
    async with asyncio.timeout(PATIENCE):
        while turn.mine != mine:
            turn.changed.clear()
            await turn.changed.wait()


def _run(story: Callable[[], Awaitable[None]]) -> None:
    asyncio.run(story())  # type: ignore[arg-type]


def test_one_of_two_has_the_turn_and_the_other_has_it_next(redis_url: str) -> None:
    name = uuid4().hex
    first, second = Turn(redis_url, name), Turn(redis_url, name)

    async def story() -> None:
        async with _kept(second):
            async with _kept(first):
                await asyncio.wait(
                    {asyncio.create_task(_until(one, True)) for one in (first, second)},
                    return_when=asyncio.FIRST_COMPLETED,
                )
                assert first.mine != second.mine
            await _until(second, True)

    _run(story)


def test_who_is_busy_gives_the_turn_to_who_is_not_and_keeps_it_while_alone(redis_url: str) -> None:
    name = uuid4().hex
    busy, idle = Turn(redis_url, name, lambda: True), Turn(redis_url, name)

    async def story() -> None:
        async with _kept(busy):
            await _until(busy, True)
            async with _kept(idle):
                await _until(idle, True)
                assert not busy.mine
            await _until(busy, True)

    _run(story)


def test_two_that_are_busy_do_not_send_the_turn_to_and_fro(redis_url: str) -> None:
    name = uuid4().hex
    first, second = Turn(redis_url, name, lambda: True), Turn(redis_url, name, lambda: True)

    async def story() -> None:
        async with _kept(first):
            await _until(first, True)
            async with _kept(second):
                first.changed.clear()
                await asyncio.wait({asyncio.create_task(first.changed.wait())}, timeout=2 * 1.5)
                assert first.mine and not second.mine

    _run(story)
