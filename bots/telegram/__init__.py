"""The Telegram door: the same dialogs as everywhere, in Telegram's idiom."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress


def main() -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    from telegram.error import BadRequest, InvalidToken

    from bots import wiring
    from bots.telegram.api import hide_token
    from bots.telegram.door import Door, explain
    from core.kernel.settings import settings

    chosen = settings()
    if chosen.telegram_token is None:
        sys.stderr.write(
            "There is no Telegram bot.\n  Why: NOD_TELEGRAM_TOKEN is not set.\n"
            "  What to do: make a bot with @BotFather in Telegram, and set NOD_TELEGRAM_TOKEN to its token.\n"
        )
        return 2
    wiring.see("telegram")
    hide_token(chosen)
    parts = wiring.parts()

    async def serve() -> None:
        door = Door(parts, chosen)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, door.stop)
        announcing = asyncio.create_task(_announce(door.ready, chosen.ready_fd))
        try:
            await door.run()
        finally:
            announcing.cancel()

    try:
        asyncio.run(serve())
    except (InvalidToken, BadRequest) as wrong:
        sys.stderr.write(explain(wrong) + "\n")
        return 1
    except Exception:
        # Not left to Python, which would print it as it is: an address in it has the token.
        logging.getLogger(__name__).exception("the Telegram door broke")
        return 1
    return 0


async def _announce(ready: asyncio.Event, descriptor: int | None) -> None:
    """Tells the supervisor."""
    await ready.wait()
    if descriptor is not None:
        with suppress(OSError):  # A supervisor that is gone needs no answer.
            os.write(descriptor, b"ready\n")
            os.close(descriptor)
