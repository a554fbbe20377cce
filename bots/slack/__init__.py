"""The Slack door: the same dialogs as everywhere, in Slack's idiom."""

import asyncio
import logging
import sys


def main() -> int:
    """Serves until SIGTERM or SIGINT; the exit code."""
    from bots import wiring
    from bots.kit.serving import serve
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

    try:
        asyncio.run(serve(lambda: Door(parts, chosen), chosen.ready_fd))
    except Refusal as refused:
        sys.stderr.write(explain(refused) + "\n")
        return 1
    except Exception:
        logging.getLogger(__name__).exception("the Slack door broke")
        return 1
    return 0
