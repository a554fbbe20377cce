"""Everything that exists on this small Slack, behind one lock that whoever waits is woken through."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.changing import Changing

from .app import EVENT_SCOPES, SlackApp
from .deliveries import Delivery
from .faults import Faults
from .files import Files
from .responses import ResponseUrl
from .team import Installation, Team

if TYPE_CHECKING:
    from .conversation import Conversation
    from .message import Message
    from .org import Org
    from .people import Person
    from .views import View


@dataclass(frozen=True)
class Call:
    """One request to the Web API and what became of it. Times are `time.monotonic()` seconds; `lost` says that the
    caller never got this response."""

    method: str
    params: dict[str, Any]
    team: str
    status: int
    response: dict[str, Any]
    began: float
    ended: float
    lost: bool = False

    @property
    def ok(self) -> bool:
        return bool(self.response.get("ok"))


@dataclass
class Trigger:
    """A right to open one modal for a person, for three seconds."""

    person: Person
    made_at: float
    view: View | None
    used: bool = False


@dataclass
class Grant:
    """A code of the OAuth pages that can be exchanged once."""

    team: Team
    person: Person
    scopes: list[str]
    redirect_uri: str
    made_at: float
    used: bool = False
    org: Org | None = None


@dataclass(frozen=True)
class Addresses:
    """Where the app listens in HTTP mode."""

    events: str
    interactivity: str
    options: str
    commands: str


class World(Changing):
    def __init__(self, url: str, app: SlackApp, trigger_seconds: float) -> None:
        super().__init__()
        self.url = url
        self.app = app
        self.trigger_seconds = trigger_seconds
        self.files = Files(url)
        self.faults = Faults()
        self.calls: list[Call] = []
        self.teams: dict[str, Team] = {}
        self.installations: dict[str, Installation] = {}
        self.deliveries: list[Delivery] = []
        self.addresses: Addresses | None = None
        self.triggers: dict[str, Trigger] = {}
        self.views: dict[str, View] = {}
        self.grants: dict[str, Grant] = {}
        self.tickets: set[str] = set()
        self.connections: list[Any] = []
        self.response_urls: dict[str, ResponseUrl] = {}
        self._numbers = itertools.count(1)
        self._teams = itertools.count(1)

    def new_team(self, name: str) -> Team:
        with self.lock:
            team = Team(self, next(self._teams), name)
            self.teams[team.id] = team
            return team

    def new_id(self, kind: str) -> str:
        number = next(self._numbers)
        prefixes = {"view": "V0", "event": "Ev0", "msg": "00000000-0000-4000-8000-"}
        return f"{prefixes[kind]}{number:012d}"

    def new_token(self, team: Team) -> str:
        return f"xoxb-{team.number:012d}-{next(self._numbers):012d}-{secrets.token_hex(12)}"

    def trigger(self, person: Person, view: View | None = None) -> str:
        """A fresh trigger_id: from a view it may push, from elsewhere it opens."""
        id = f"{next(self._numbers)}.{person.team.number}.{secrets.token_hex(16)}"
        self.triggers[id] = Trigger(person, time.monotonic(), view)
        return id

    def response_url(self, person: Person, where: Conversation, original: Message | None) -> ResponseUrl:
        team = person.team
        key = f"{team.id}/{next(self._numbers)}/{secrets.token_hex(12)}"
        url = ResponseUrl(f"{self.url}/actions/{key}", person, where, original, made_at=time.monotonic())
        self.response_urls[key] = url
        return url

    def tell(
        self, installation: Installation | None, event: dict[str, Any], user: Person | None, kind: str | None = None
    ) -> Delivery | None:
        """Send an event when the app subscribes to it and holds a scope for it; `kind` is its name in the settings."""
        kind = kind or event["type"]
        needed = EVENT_SCOPES[kind]
        if installation is None or kind not in self.app.events:
            return None
        if needed and not needed & set(installation.scopes):
            return None
        org = installation.org.id if installation.org is not None else None
        payload = {
            "token": self.app.verification_token, "team_id": installation.team.id, "enterprise_id": org,
            "context_team_id": installation.team.id, "context_enterprise_id": org, "api_app_id": self.app.id,
            "event": event, "type": "event_callback", "event_id": self.new_id("event"), "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": org, "team_id": None if org else installation.team.id,
                    "user_id": installation.bot_user_id, "is_bot": True, "is_enterprise_install": org is not None,
                }
            ],
            "is_ext_shared_channel": False, "event_context": f"4-{secrets.token_hex(12)}",
        }  # fmt: skip
        return self._queue(Delivery(self, "events_api", payload, accepts_response=False))

    def tell_org(self, org: Org, event: dict[str, Any]) -> Delivery | None:
        """An event about the installation of an organisation, which names no team and nobody's authorization."""
        if event["type"] not in self.app.events:
            return None
        payload = {
            "token": self.app.verification_token, "team_id": None, "enterprise_id": org.id, "api_app_id": self.app.id,
            "event": event, "type": "event_callback", "event_id": self.new_id("event"), "event_time": int(time.time()),
            "authorizations": [],
        }  # fmt: skip
        return self._queue(Delivery(self, "events_api", payload, accepts_response=False))

    def send(
        self, team: Team, kind: str, payload: dict[str, Any], on_answer: Callable[[Delivery], None] | None = None
    ) -> Delivery:
        """Send an interaction or a command: once, to be answered in three seconds."""
        assert team.installation is not None, f"the app is not in {team.name}"
        assert kind != "interactive" or self.app.interactivity, "the app's settings switch interactivity off"
        return self._queue(Delivery(self, kind, payload, accepts_response=True, on_answer=on_answer))

    def _queue(self, delivery: Delivery) -> Delivery:
        self.deliveries.append(delivery)
        self.notify()
        return delivery

    def redeliver(self, delivery: Delivery) -> None:
        """The same once more, under its old ids, as after an ack that got lost."""
        with self.lock:
            again = Delivery(self, delivery.kind, delivery.payload, delivery.accepts_response)
            self._queue(again)
