"""The cast: people who write, press, fill in and install; the app's bot is an account like theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx

from .browser import browser
from .conversation import AssistantThread, Conversation
from .interactions import Interactions
from .message import Message, SentFile, Version
from .refusals import Refused
from .telling import tell_of_change, tell_of_message, tell_of_removal
from .text import typed
from .views import DEPTH_LIMIT, View

if TYPE_CHECKING:
    from .deliveries import Delivery
    from .team import Team


class Person(Interactions):
    """Somebody with Slack open. `dm` is their conversation with the app, `home` its home tab, `modal` what is on top."""

    is_bot = False
    is_owner = False
    is_admin = False
    is_org_admin = False
    is_restricted = False
    deleted = False
    bot_id = ""

    def __init__(self, team: Team, id: str, name: str, display_name: str, email: str, locale: str, tz: str) -> None:
        self.team = self.own_team = team
        self.world = team.world
        self.id = id
        self.name = name
        self.display_name = display_name
        self.email = email
        self.locale = locale
        self.tz = tz
        self.home: View | None = None
        self.stack: list[View] = []
        self.opened: list[View] = []

    @property
    def dm(self) -> Conversation:
        return self.team.direct(self, self.team.bot)

    @property
    def modal(self) -> View | None:
        """The modal on top, None when none is open."""
        return self.stack[-1] if self.stack else None

    def wait_for_modal(self, text: str = "", timeout: float = 60.0) -> View:
        """The modal on top once it shows `text` in its title or anywhere in it."""

        def look() -> View | None:
            view = self.modal
            return view if view is not None and text in f"{view.title}\n{view.shown}" else None

        return self.world.wait_until(look, timeout, lambda: f"no modal with {text!r}, but {self.stack}")

    def wait_until_closed(self, timeout: float = 60.0) -> None:
        """Wait until no modal is open."""
        self.world.wait_until(lambda: None if self.stack else True, timeout, lambda: f"still open: {self.stack}")

    def wait_for_home(self, text: str = "", timeout: float = 60.0) -> View:
        """The home tab once it shows `text`."""

        def look() -> View | None:
            return self.home if self.home is not None and text in self.home.shown else None

        return self.world.wait_until(look, timeout, lambda: f"no home with {text!r}: {self.home and self.home.shown}")

    def says(self, text: str, *, to: Conversation | None = None, thread: Message | None = None) -> Message:
        """Write `text` to the app, or in another conversation; `@nod` and `#channel` become references."""
        return self._post(typed(self.team, text), to, thread, ())

    def sends_file(
        self, name: str, content: bytes, mime: str = "application/octet-stream", *, text: str = "",
        to: Conversation | None = None, thread: Message | None = None,
    ) -> Message:  # fmt: skip
        """Share a file; the app can fetch it with its token and files:read."""
        file = self.world.files.keep(self.team, name, name, mime, content, self.id)
        return self._post(typed(self.team, text), to, thread, (file,))

    def _post(self, text: str, to: Conversation | None, thread: Message | None, files: tuple[SentFile, ...]) -> Message:
        with self.world.lock:
            where = to or (thread.conversation if thread else self.dm)
            assert self in where.members, f"{self.name} is not in {where!r}"
            with_app = where.kind == "im" and self.team.installation and self.team.bot in where.members
            assert not with_app or self.world.app.people_may_write, "nobody can write in the app's messages tab"
            thread_ts = (thread.thread_ts or thread.ts) if thread else None
            subtype = "file_share" if files else None
            message = where.add(self, text, files=files, thread_ts=thread_ts, subtype=subtype)
            message.delivery = tell_of_message(message)
            return message

    def edits(self, message: Message, text: str) -> Message:
        """Change one's own message; the app hears of it as `message_changed`."""
        assert message.sender is self, "people edit only what they wrote"
        with self.world.lock:
            before = message.as_json()
            message.change(Version(typed(self.team, text), [], [], None, message.files))
            tell_of_change(message, before)
            return message

    def deletes(self, message: Message) -> None:
        """Remove one's own message; the app hears of it as `message_deleted`."""
        assert message.sender is self, "people delete only what they wrote"
        with self.world.lock:
            message.deleted = True
            tell_of_removal(message)
            self.world.notify()

    def reacts(self, message: Message, name: str) -> Delivery | None:
        """Add an emoji by its name; returns what the app is told, None when it is not."""
        with self.world.lock:
            message.reactions.setdefault(name, []).append(self.id)
            return self._tell_of_reaction("reaction_added", message, name)

    def takes_back(self, message: Message, name: str) -> Delivery | None:
        """Remove one's own emoji."""
        with self.world.lock:
            message.reactions[name].remove(self.id)
            return self._tell_of_reaction("reaction_removed", message, name)

    def _tell_of_reaction(self, kind: str, message: Message, name: str) -> Delivery | None:
        self.world.notify()
        installation = self.team.installation
        if installation is None or installation.bot not in message.conversation.members:
            return None
        event = {
            "type": kind, "user": self.id, "reaction": name, "item_user": message.sender.id,
            "item": {"type": "message", "channel": message.conversation.id, "ts": message.ts},
            "event_ts": self.team.next_ts(),
        }  # fmt: skip
        return self.world.tell(installation, event, self)

    def joins(self, channel: Conversation) -> None:
        """Become a member; a bot that is in the channel is told."""
        self._joins(channel, self, None)

    def leaves(self, channel: Conversation) -> None:
        """Stop being a member; a bot that is in the channel is told."""
        with self.world.lock:
            channel.members.remove(self)
            self.world.notify()
            installation = self.team.installation
            if installation is None or installation.bot not in channel.members:
                return
            event = {
                "type": "member_left_channel", "user": self.id, "channel": channel.id, "team": self.team.id,
                "channel_type": "G" if channel.kind == "group" else "C", "event_ts": self.team.next_ts(),
            }  # fmt: skip
            self.world.tell(installation, event, self)

    def archives(self, channel: Conversation) -> None:
        """Nobody can write there any more; the app is told."""
        channel.archived = True
        self._changes(channel, "archive", {"channel": channel.id, "user": self.id})

    def unarchives(self, channel: Conversation) -> None:
        channel.archived = False
        self._changes(channel, "unarchive", {"channel": channel.id, "user": self.id})

    def renames(self, channel: Conversation, name: str) -> None:
        """Another name, the same id; the app is told."""
        channel.name = name
        self._changes(channel, "rename", {"channel": {"id": channel.id, "name": name, "created": 1_700_000_000}})

    def removes_bot(self, channel: Conversation) -> None:
        """Take the app's bot out of a channel; it is told by channel_left or group_left."""
        with self.world.lock:
            channel.members.remove(self.team.bot)
            self._changes(channel, "left", {"channel": channel.id, "actor_id": self.id})

    def _changes(self, channel: Conversation, what: str, more: dict[str, Any]) -> None:
        with self.world.lock:
            self.world.notify()
            installation, kind = self.team.installation, "group" if channel.kind == "group" else "channel"
            if installation is not None and (what == "left" or installation.bot in channel.members):
                event = {"type": f"{kind}_{what}", "event_ts": self.team.next_ts(), **more}
                self.world.tell(installation, event, None)

    def invites_bot(self, channel: Conversation) -> None:
        """Add the app's bot to a channel; it is told by its own member_joined_channel."""
        self._joins(channel, self.team.bot, self)

    def _joins(self, channel: Conversation, who: Person, inviter: Person | None) -> None:
        with self.world.lock:
            if who not in channel.members:
                channel.members.append(who)
            self.world.notify()
            installation = self.team.installation
            if installation is None or installation.bot not in channel.members:
                return
            event = {
                "type": "member_joined_channel", "user": who.id, "channel": channel.id, "team": self.team.id,
                "channel_type": "G" if channel.kind == "group" else "C", "event_ts": self.team.next_ts(),
            }  # fmt: skip
            self.world.tell(installation, event | ({"inviter": inviter.id} if inviter else {}), who)

    def starts_thread(self, context: Conversation | None = None) -> AssistantThread:
        """Open the app's assistant beside what one looks at, `context` where it is a channel."""
        with self.world.lock:
            assert self.world.app.assistant, "the app's settings have no assistant"
            assert not self.world.app.agent, "an app with agent_view has no container: one writes in its messages tab"
            root = self.dm.add(self.team.bot, "New Assistant Thread", subtype="assistant_app_thread")
            thread = AssistantThread(self.dm, root, self)
            self.dm.threads[root.ts] = thread
            self._tell_of_thread("assistant_thread_started", thread, context)
            return thread

    def looks_at(self, thread: AssistantThread, context: Conversation) -> None:
        """Go to another channel while the assistant is open."""
        with self.world.lock:
            self._tell_of_thread("assistant_thread_context_changed", thread, context)

    def _tell_of_thread(self, kind: str, thread: AssistantThread, context: Conversation | None) -> None:
        about = {"channel_id": context.id, "team_id": self.team.id, "enterprise_id": None} if context else {}
        body = {
            "user_id": self.id, "context": about, "channel_id": thread.conversation.id, "thread_ts": thread.ts,
        }  # fmt: skip
        event = {"type": kind, "assistant_thread": body, "event_ts": self.team.next_ts()}
        self.world.tell(self.team.installation, event, self)

    def installs(
        self, address: str, *, allow: bool = True, follow: bool = True, whole_org: bool = False
    ) -> httpx.Response:
        """Follow an app's install link to Slack's page, allow or cancel, and come back to the app's redirect address.

        With `whole_org` it is for the organisation, as its admins choose on that page. Returns the page that the person ends on; without `follow`, the redirect that Slack answers with.
        """
        with browser() as window:
            page = window.get(address)
            if "/oauth/v2/authorize" not in str(page.url) and self.world.url in page.text:
                link = page.text.partition(f'href="{self.world.url}/oauth')[2].partition('"')[0]
                page = window.get(f"{self.world.url}/oauth{link.replace('&amp;', '&')}")
            page.raise_for_status()
            answer = {"person": self.id, "decision": "allow" if allow else "deny", "org": "1" if whole_org else ""}
            return window.post(str(page.url), data=answer, follow_redirects=follow)

    def shows(self, content: dict[str, Any]) -> View:
        """A modal opens; one that was open before gives way. The caller holds the lock."""
        self.clears()
        return self._adds(View(self, content, self.world.new_id("view")))

    def pushes(self, content: dict[str, Any]) -> View:
        """A modal is put on top of the one that is open."""
        if not self.stack:
            return self.shows(content)
        if len(self.stack) >= DEPTH_LIMIT:
            raise Refused("push_limit_reached")
        view = View(self, content, self.world.new_id("view"))
        view.previous, view.root = self.stack[-1], self.stack[0]
        return self._adds(view)

    def _adds(self, view: View) -> View:
        self.stack.append(view)
        self.opened.append(view)
        self.world.views[view.id] = view
        self.world.notify()
        return view

    def pops(self, view: View) -> None:
        if view in self.stack:
            self.stack.remove(view)
        view.closed = True
        self.world.notify()

    def clears(self) -> None:
        for view in list(self.stack):
            self.pops(view)

    def as_json(self, *, with_email: bool = True) -> dict[str, Any]:
        """The user object of users.info."""
        profile = {"real_name": self.name, "display_name": self.display_name, "team": self.team.id}
        if with_email and self.email:
            profile["email"] = self.email
        if self.is_bot:
            profile |= {"bot_id": self.bot_id, "api_app_id": self.world.app.id}
        org = self.team.org
        there = [one.id for one in org.teams if one.member(self.id) is not None] if org is not None else []
        in_org = {
            "enterprise_user": {
                "id": self.id, "enterprise_id": org.id, "enterprise_name": org.name, "is_admin": self.is_org_admin,
                "is_owner": False, "teams": there,
            }
        } if org is not None else {}  # fmt: skip
        return in_org | {
            "id": self.id, "team_id": self.own_team.id, "name": self.name.lower(), "real_name": self.name,
            "deleted": self.deleted, "tz": self.tz, "tz_label": self.tz, "tz_offset": 0, "profile": profile,
            "locale": self.locale, "is_admin": self.is_admin, "is_owner": self.is_owner, "is_bot": self.is_bot,
            "is_restricted": self.is_restricted, "is_ultra_restricted": False, "is_app_user": False, "updated": 0,
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"<{self.name} {self.id}>"
