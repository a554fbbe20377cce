"""What is said at once and is not kept: a word to the one who tapped, what a modal shows. None of it is promised: what does not arrive is let go."""

import logging
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from slack_sdk.webhook.async_client import AsyncWebhookClient

from bots.kit.outbound import SlowDown
from bots.kit.parts import Parts
from bots.slack import blocks
from bots.slack.teams import AWAY, NotInstalled, Refusal, Team, Teams

log = logging.getLogger(__name__)
TROUBLE = (Refusal, SlowDown, NotInstalled, *AWAY)


class Replies:
    """Says it."""

    def __init__(self, parts: Parts, teams: Teams) -> None:
        self._parts, self._teams = parts, teams

    async def whisper(self, team: Team, channel: str, user: str, words: str, thread: str | None = None) -> None:
        """A message that only that person sees, where they look: in the thread, if it is one."""
        place = {"thread_ts": thread} if thread else {}
        with suppress(*TROUBLE):
            await self._teams.ask(team, "chat.postEphemeral", channel, user=user, text=blocks.mrkdwn(words), **place)

    async def respond(self, url: str, words: str) -> None:
        """An answer to a command where it was typed, which only that person sees. Goes to Slack's own addresses only."""
        if not self._teams.is_slack(url):
            return
        with suppress(*TROUBLE):
            client = AsyncWebhookClient(url, timeout=5)
            client.proxy = None if urlsplit(url).hostname in ("127.0.0.1", "localhost") else client.proxy
            await client.send(text=blocks.mrkdwn(words), response_type="ephemeral")

    async def show_in(self, team: Team, view: str | None, shown: dict[str, Any]) -> bool:
        """What an open modal shows now; False where it was closed."""
        if view is None:
            return False
        try:
            await self._teams.ask(team, "views.update", view_id=view, view=shown)
        except TROUBLE as trouble:
            log.info("a modal was not filled: %s", trouble if isinstance(trouble, Refusal) else type(trouble).__name__)
            return False
        return True

    async def retire(self, team: Team, channel: str, ts: str, words: str) -> None:
        """A copy that we do not know: its sending was cut off before it was on our record, and the card was sent again. Nobody will ever update it, so it
        gives up its buttons."""
        with suppress(*TROUBLE):
            made = [{"type": "section", "text": blocks.plain(words)}]
            await self._teams.ask(team, "chat.update", channel, ts=ts, text=blocks.mrkdwn(words), blocks=made)
