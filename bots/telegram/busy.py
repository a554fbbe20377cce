"""Says "typing" where an answer takes more than a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import telegram
from telegram.error import TelegramError

AFTER_SECONDS = 1.0
AGAIN_SECONDS = 4.0


@asynccontextmanager
async def busy(bot: telegram.Bot, chat_id: int) -> AsyncIterator[None]:
    """While the body runs, from its second second on."""
    showing = asyncio.create_task(_show(bot, chat_id))
    try:
        yield
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


async def _show(bot: telegram.Bot, chat_id: int) -> None:
    await asyncio.sleep(AFTER_SECONDS)
    while True:
        with suppress(TelegramError):
            await bot.send_chat_action(chat_id, "typing")
        await asyncio.sleep(AGAIN_SECONDS)
