"""Threads in which a person speaks with Nod: under their own words in Messages (the app's `agent_view`), or in the container beside their work that older apps have
(`assistant_view`). What is offered there to begin with, what the thread is called, and that an answer is on its way (docs.slack.dev/ai/developing-agents)."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

from bots.kit import clean
from bots.kit.arrivals import end
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.words import Say
from bots.slack.replies import TROUBLE
from bots.slack.teams import Team, Teams

PROMPTS = ("inbox", "agents", "new", "help")
"""Commands that are offered in words, at most four (assistant.threads.setSuggestedPrompts)."""
TITLE = 80
BUSY_AFTER_SECONDS, BUSY_AGAIN_SECONDS = 1.0, 60.0
OFFERED_SECONDS, MOST = 600.0, 5000


class Threads:
    """Dresses them. None of it is promised: what Slack does not take is let go."""

    def __init__(self, parts: Parts, teams: Teams) -> None:
        self._parts, self._teams = parts, teams
        self._offered: OrderedDict[tuple[str, str], float] = OrderedDict()
        self._commands: dict[str, str] = {}
        for language in parts.words.languages:
            say = parts.words.in_language(place(language, "UTC", datetime.now(UTC)))
            self._commands |= {_plain(say(f"slack.prompt.{name}")): name for name in PROMPTS}

    def heard(self, words: str) -> str:
        """The command that an offered sentence stands for, word for word; anything else as it was said."""
        name = self._commands.get(_plain(words))
        return f"/{name}" if name else words

    async def offer(self, team: Team, channel: str, thread: str | None, say: Say) -> None:
        """Sentences to begin with: in a thread of the container, or (None) over the conversation, there once in ten minutes."""
        if thread is None and not self._due(team, channel):
            return
        prompts = [{"title": say(f"slack.prompt.{name}"), "message": say(f"slack.prompt.{name}")} for name in PROMPTS]
        given: dict[str, Any] = {"channel_id": channel, "title": say("slack.prompts"), "prompts": prompts}
        # With a thread_ts an app with agent_view gets none of them, and no word why.
        await self._try(
            team, "assistant.threads.setSuggestedPrompts", given | ({"thread_ts": thread} if thread else {})
        )

    async def name(self, team: Team, channel: str, thread: str, words: str) -> None:
        """A thread is called by the person's first words in it."""
        title = clean.line(words, TITLE)
        if title:
            given = {"channel_id": channel, "thread_ts": thread, "title": title}
            await self._try(team, "assistant.threads.setTitle", given)

    @asynccontextmanager
    async def busy(self, team: Team, channel: str, thread: str | None, say: Say) -> AsyncIterator[None]:
        """While the body runs, from its second second on, the thread says so. The answer's message ends that."""
        if thread is None:
            yield
            return
        showing = asyncio.create_task(self._show(team, channel, thread, say("slack.thread.busy")))
        try:
            yield
        finally:
            await end(showing)

    async def quiet(self, team: Team, channel: str, thread: str) -> None:
        """Nothing more comes there now."""
        await self._try(team, "assistant.threads.setStatus", {"channel_id": channel, "thread_ts": thread, "status": ""})

    async def _show(self, team: Team, channel: str, thread: str, status: str) -> None:
        await asyncio.sleep(BUSY_AFTER_SECONDS)
        while True:
            given = {"channel_id": channel, "thread_ts": thread, "status": status}
            await self._try(team, "assistant.threads.setStatus", given)
            await asyncio.sleep(BUSY_AGAIN_SECONDS)

    def _due(self, team: Team, channel: str) -> bool:
        now, here = time.monotonic(), (team.id, channel)
        if self._offered.get(here, 0.0) > now:
            return False
        self._offered[here] = now + OFFERED_SECONDS
        self._offered.move_to_end(here)
        while len(self._offered) > MOST:
            self._offered.popitem(last=False)
        return True

    async def _try(self, team: Team, method: str, given: dict[str, Any]) -> None:
        with suppress(*TROUBLE):
            await self._teams.ask(team, method, **given)


def _plain(words: str) -> str:
    return " ".join(words.split()).casefold()
