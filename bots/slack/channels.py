"""Channels: a member connects one, what is asked there is tapped there, and whatever is anybody's own comes into their direct messages. Who speaks is whom Slack names; the channel
itself is nobody."""

import logging
import re
from collections.abc import Callable
from typing import Any

from bots.kit import rooms
from bots.kit.arrivals import on_record
from bots.kit.dialog import Tap
from bots.kit.dispatch import Dispatch
from bots.kit.parts import Parts
from bots.kit.words import Say
from bots.slack.chats import Chats
from bots.slack.modals import Modals
from bots.slack.replies import Replies
from bots.slack.sender import reference
from bots.slack.strangers import Strangers
from bots.slack.submitting import InModal
from bots.slack.teams import Refusal, Team, Teams
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.kernel.errors import Failure
from core.messaging.models import InboundEvent
from core.messaging.rooms import renamed_room

log = logging.getLogger(__name__)
RENAMED = ("channel_rename", "group_rename")
CONNECT = re.compile(r"(?:<@[A-Z0-9]+(?:\|[^>]*)?>\s*)?/?(?:nod\s+)?connect(?:\s+here)?\s*", re.IGNORECASE)
NOT_HERE = frozenset(("channel_not_found", "not_in_channel"))


def is_channel(address: str) -> bool:
    """Whether several people are there: everything but a direct conversation."""
    return bool(address) and not address.startswith("D")


def address_of(told: dict[str, Any]) -> str:
    """The channel that an event is about; some say more of it than its id."""
    channel = told.get("channel")
    return str(channel.get("id") if isinstance(channel, dict) else channel or "")


class Channels:
    """Hears them; `wake` tells the outgoing side that something may be due."""

    def __init__(
        self, parts: Parts, teams: Teams, strangers: Strangers, replies: Replies, modals: Modals, wake: Callable[[], None]
    ) -> None:  # fmt: skip
        self._parts, self._teams, self._wake = parts, teams, wake
        self._strangers, self._replies, self._modals, self._chats = strangers, replies, modals, Chats(parts)

    async def mentioned(self, event: InboundEvent, team: Team, user: str, told: dict[str, Any]) -> str:
        """Somebody named Nod there: to connect the channel, or they are told alone what can be done."""
        channel, thread = address_of(told), str(told.get("thread_ts") or "") or None
        if CONNECT.fullmatch(str(told.get("text") or "").strip()):
            words = await self.connect(event, team, user, channel, "")
        else:
            say = await self._strangers.say(team, user)
            words = f"{say('slack.private_only')} {say('slack.room.how')}"
        await self._replies.whisper(team, channel, user, words, thread)
        return "mention"

    async def joined(self, team: Team, user: str, told: dict[str, Any]) -> str:
        """Somebody took Nod in: they are told what they can do."""
        inviter = str(told.get("inviter") or "")
        if user == team.bot_user_id and inviter:
            say = await self._strangers.say(team, inviter)
            await self._replies.whisper(team, address_of(told), inviter, say("slack.room.how"))
        return "joined"

    async def connect(self, event: InboundEvent, team: Team, user: str, channel: str, name: str) -> str:
        """The channel is the workspace's from now on, if a member says so and Nod is in it; what to say to them, alone."""
        actor = await self._parts.hop(self._chats.known, team.id, user)
        say = await self._strangers.say(team, user)
        if actor is None:
            return say("slack.not_linked")
        try:
            told = await self._teams.ask(team, "conversations.info", channel)
            known = told.get("channel") or {}
            inside, name = known.get("is_member") is not False, str(known.get("name") or name)
        except Refusal as refused:
            inside = refused.reason not in NOT_HERE
        if not inside:
            return say("slack.room.invite")
        where = {"provider": "slack", "tenant": team.id, "address": channel, "name": f"#{name}" if name else ""}
        answered = await rooms.connect(self._parts, Dispatch(self._parts), actor, where, event.id)
        self._wake()
        return answered.toast or say("slack.answered_alone")

    async def tap(
        self, event: InboundEvent, team: Team, user: str, actor: Actor | None, token: str, place: tuple[str, str, str | None],
        view: str | None,
    ) -> str:  # fmt: skip
        """A button of what stands there (`place`: channel, ts, thread), pressed by anybody; each is answered alone."""
        channel, ts, thread = place
        room = await self._parts.hop(rooms.room_at, self._parts, "slack", team.id, channel)
        say = await self._strangers.say(team, user)
        if room is not None:
            actor = await self._parts.hop(self._chats.known_in, team.id, user, room.workspace_id) or actor
        if room is None or actor is None:
            words = say("slack.room.not_connected" if room is None else "slack.not_linked")
            await self._alone(team, user, view, say, channel, thread, words)
            return "stranger"
        try:
            tap = await self._pressed(actor, room, token, reference(channel, ts))
        except Failure as refused:
            words = await self._parts.hop(self._chats.problem, actor, refused)
            await self._alone(team, user, view, say, channel, thread, words)
            return "refused"
        waits = InModal(False) if view else None
        answered = await Dispatch(self._parts, waits).handle(actor, tap, {}, event.id)
        self._wake()
        if view:
            await self._modals.fill(team, actor, view, waits, answered)
        elif answered.toast:
            await self._replies.whisper(team, channel, user, answered.toast, thread)
        if tap.delivery_id is None:
            words = await self._parts.hop(self._chats.sentence, actor, "slack.copy")
            await self._replies.retire(team, channel, ts, words)
        return "tap"

    async def changed(self, team_id: str, told: dict[str, Any]) -> str:
        """The channel has another name, or Nod is in it no more."""
        room = await self._parts.hop(rooms.room_at, self._parts, "slack", team_id, address_of(told))
        if room is None:
            return "ignored"
        if told["type"] in RENAMED:
            await self._parts.hop(self._rename, room, str((told.get("channel") or {}).get("name") or ""))
        else:
            await self._parts.hop(rooms.lost, self._parts, room)
            self._wake()
        return "room"

    async def _pressed(self, actor: Actor, room: DueItem, token: str, ref: str) -> Tap:
        """What it was, and on which of our messages: one that was tapped as it arrived may not be on our record yet. Raises Failure."""
        tap = await self._parts.hop(rooms.tapped, self._parts, actor, room, token, None)
        place = await on_record(lambda: self._parts.hop(rooms.place_in, self._parts, room, ref))
        return Tap(tap.action, tap.args, place)

    async def _alone(
        self, team: Team, user: str, view: str | None, say: Say, channel: str, thread: str | None, words: str
    ) -> None:
        """To the one who tapped: in the modal that opened for them, else in the channel for their eyes only."""
        if view is not None:
            await self._modals.tell(team, view, say, words)
        else:
            await self._replies.whisper(team, channel, user, words, thread)

    def _rename(self, room: DueItem, name: str) -> None:
        if name:
            with self._parts.storage.work(room.workspace_id, room.user_id) as work:
                renamed_room(work, room.id, f"#{name}")
                work.commit()
