"""Says that something is being done: "typing" where an answer takes more than a second; what it is, as a draft that Telegram shows in the place of the answer, where
that takes longer still. Nothing of it is promised: what does not arrive is let go."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import telegram
from telegram.error import BadRequest, TelegramError

AFTER_SECONDS = 1.0
AGAIN_SECONDS = 4.0
DRAFT_AGAIN_SECONDS = 20.0
"""A draft is shown for 30 seconds (core.telegram.org/bots/api#sendmessagedraft)."""


class Doing:
    """What is being done now, in words; none: not said."""

    def __init__(self) -> None:
        self._words = ""
        self._changed = asyncio.Event()

    def now(self, words: str) -> None:
        """From now on it is this."""
        self._words = words
        self._changed.set()

    async def change(self, seconds: float) -> None:
        """Waits until it is something else, or so long."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    def take(self) -> str:
        """What it is; a change after this is a new one."""
        self._changed.clear()
        return self._words


@asynccontextmanager
async def busy(bot: telegram.Bot, chat_id: int, draft_id: int) -> AsyncIterator[Doing]:
    """While the body runs, from its second second on. `draft_id` is not 0, and one for all of the body: its changes are animated."""
    doing = Doing()
    showing = asyncio.create_task(_show(bot, chat_id, draft_id, doing))
    try:
        yield doing
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


async def _show(bot: telegram.Bot, chat_id: int, draft_id: int, doing: Doing) -> None:
    await asyncio.sleep(AFTER_SECONDS)
    drafts, drafted, at = True, "", 0.0
    while True:
        words = doing.take()
        if words and drafts and (words != drafted or time.monotonic() - at >= DRAFT_AGAIN_SECONDS):
            drafts = await _draft(bot, chat_id, draft_id, words)
            drafted, at = words, time.monotonic()
        if not (words and drafts):
            with suppress(TelegramError):
                await bot.send_chat_action(chat_id, "typing")
        await doing.change(AGAIN_SECONDS)


async def _draft(bot: telegram.Bot, chat_id: int, draft_id: int, words: str) -> bool:
    """Whether drafts are taken here: a server of the Bot API may be older than they are."""
    try:
        await bot.send_message_draft(chat_id, draft_id, words)
    except BadRequest:
        return False
    except TelegramError as trouble:
        return "not found" not in str(trouble).lower()
    return True
