"""The Slack door: the same dialogs as everywhere, in Slack's idiom."""

import asyncio
import logging
import os
import signal
import sys
from contextlib import suppress


def main() -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    from bots import wiring
    from bots.slack.door import Door, explain
    from bots.slack.secrets import hide_tokens
    from bots.slack.teams import Refusal
    from bots.slack.ways import missing
    from core.kernel.settings import settings

    chosen = settings()
    wrong = missing(chosen)
    if wrong is not None:
        sys.stderr.write(f"There is no Slack app.\n{wrong}\n")
        return 2
    wiring.see("slack")
    hide_tokens()
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
    except Refusal as refused:
        sys.stderr.write(explain(refused) + "\n")
        return 1
    except Exception:
        logging.getLogger(__name__).exception("the Slack door broke")
        return 1
    return 0


async def _announce(ready: asyncio.Event, descriptor: int | None) -> None:
    """Tells the supervisor."""
    await ready.wait()
    if descriptor is not None:
        with suppress(OSError):  # A supervisor that is gone needs no answer.
            os.write(descriptor, b"ready\n")
            os.close(descriptor)
