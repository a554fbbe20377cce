"""Words and files that somebody sends to Nod alone, and the threads in which that happens."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from bots.kit.arrivals import on_record
from bots.kit.dialog import Input, Text, Upload
from bots.kit.dispatch import Answer, Dispatch
from bots.kit.parts import Parts
from bots.kit.words import Say
from bots.slack.chats import Chats
from bots.slack.files import NotTaken, fetch
from bots.slack.people import People
from bots.slack.sender import reference
from bots.slack.strangers import Strangers
from bots.slack.submitting import InModal
from bots.slack.teams import Team, Teams
from bots.slack.threads import Threads
from core.kernel.actor import Actor
from core.messaging.models import InboundEvent


class Speaking:
    """Hears them; `wake` tells the outgoing side that something may be due."""

    def __init__(
        self, parts: Parts, teams: Teams, people: People, strangers: Strangers, wake: Callable[[], None]
    ) -> None:
        self._parts, self._teams, self._people, self._strangers, self._wake = parts, teams, people, strangers, wake
        self._chats, self.threads = Chats(parts), Threads(parts, teams)

    async def heard(self, event: InboundEvent, team: Team, user: str, actor: Actor | None, told: dict[str, Any]) -> str:
        """A message: answers a card of ours when it stands under one; anything else is answered beneath itself."""
        channel = str(told.get("channel") or "")
        within = str(told.get("thread_ts") or "")
        if actor is None:
            said = await self._strangers.words(event, team, user, words_of(told.get("text")))
            drawn = self._strangers.draw(said, team, user) | ({"thread_ts": within} if within else {})
            await self._teams.ask(team, "chat.postMessage", channel, **drawn)
            return "stranger"
        actor, place, before = await self._where(actor, team, user, channel, told)
        thread = None if place is not None else within or str(told.get("ts") or "") or None
        say = await self._parts.hop(self._chats.speech, actor)
        said_there = 0
        async with self.threads.busy(team, channel, thread, say):
            for nth, heard in enumerate(await self._heard(team, actor, told, place, thread)):
                # Each file counts once; the time in the id stays.
                answered = await self.dispatch(actor, team, user, heard, UUID(int=event.id.int ^ nth), thread=thread)
                said_there += len(answered.deliveries)
        self._wake()
        first = not within or (before <= 1 and told.get("parent_user_id") != user)
        if thread is not None and first:
            await self.threads.name(team, channel, thread, words_of(told.get("text")))
        if thread is not None and not said_there:
            await self.threads.quiet(team, channel, thread)
        return "message"

    async def opened(self, team: Team, user: str, actor: Actor | None, told: dict[str, Any]) -> str:
        """Somebody opened the container beside their work."""
        channel, thread = str(told.get("channel_id") or ""), str(told.get("thread_ts") or "")
        if actor is None:
            said = await self._strangers.hello(team, user)
            drawn = self._strangers.draw(said, team, user)
            await self._teams.ask(team, "chat.postMessage", channel, thread_ts=thread, **drawn)
            return "stranger"
        await self._parts.hop(self._chats.greet, actor, thread)
        self._wake()
        await self.threads.offer(team, channel, thread, await self.say(team, user, actor))
        return "thread"

    async def say(self, team: Team, user: str, actor: Actor | None) -> Say:
        if actor is None:
            return await self._strangers.say(team, user)
        return await self._parts.hop(self._chats.speech, actor)

    async def _where(
        self, actor: Actor, team: Team, user: str, channel: str, told: dict[str, Any]
    ) -> tuple[Actor, UUID | None, int]:
        """The card of ours that words stand under, in whichever of the person's workspaces, and how much was said in their thread before. A thread that nobody knows of may be that of a
        card which is not on our record yet."""
        thread = str(told.get("thread_ts") or "")
        if not thread:
            return actor, await self.place(actor, channel, None), 0
        ref = reference(channel, thread)
        place = await self._parts.hop(self._chats.here, actor, channel, ref)
        before = await self._parts.hop(self._chats.spoken_in, actor, thread)
        if place is None and not before and told.get("parent_user_id") != user:
            found = await self._parts.hop(self._chats.answered, team.id, user, channel, ref)
            actor, place = found or (actor, await self.place(actor, channel, ref))
        return actor, place, before

    async def _heard(
        self, team: Team, actor: Actor, told: dict[str, Any], place: UUID | None, thread: str | None
    ) -> list[Input]:
        """What was said: its files, or its words."""
        files = told.get("files") or []
        if not files:
            return [Text(self.threads.heard(words_of(told.get("text"))), place)]
        blobs = self._parts.storage.blobs(actor.workspace_id, actor.user_id)
        taken: list[Input] = []
        for file in files:
            try:
                name, content = await fetch(self._teams, team, file)
            except NotTaken as why:
                await self._parts.hop(self._chats.tell, actor, why.code, why.data, thread)
                continue
            blob = await self._parts.hop(blobs.put, content)
            taken.append(Upload(name, blob, len(content), words_of(told.get("text"))))
        return taken

    async def dispatch(
        self, actor: Actor, team: Team, user: str, heard: Input, once: UUID, waits: InModal | None = None,
        thread: str | None = None,
    ) -> Answer:  # fmt: skip
        """Answers an input. Only words may need the client's language and timezone; a decision waits for nobody."""
        client = await self._people.client_of(team, user) if isinstance(heard, Text) else {}
        return await Dispatch(self._parts, waits).handle(actor, heard, {**client, "thread": thread}, once)

    async def place(self, actor: Actor, channel: str, ref: str | None) -> UUID | None:
        """The delivery that a message of ours stands for; one that was answered as it arrived may not be on our record yet."""
        if ref is None:
            return await self._parts.hop(self._chats.here, actor, channel, None)
        return await on_record(lambda: self._parts.hop(self._chats.here, actor, channel, ref))


def words_of(sent: Any) -> str:
    """What somebody typed: Slack escapes three characters of it (docs.slack.dev/messaging/formatting-message-text, "Escaping text")."""
    return str(sent or "").replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
