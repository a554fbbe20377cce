"""The Telegram door: the same dialogs as everywhere, in Telegram's idiom."""

import asyncio
import logging
import sys


def main() -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    from telegram.error import BadRequest, InvalidToken

    from bots import wiring
    from bots.kit.serving import serve
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

    try:
        asyncio.run(serve(lambda: Door(parts, chosen), chosen.ready_fd))
    except (InvalidToken, BadRequest) as wrong:
        sys.stderr.write(explain(wrong) + "\n")
        return 1
    except Exception:
        # Not left to Python, which would print it as it is: an address in it has the token.
        logging.getLogger(__name__).exception("the Telegram door broke")
        return 1
    return 0
