"""Slack in the fault rig: the emulator with a team that has Nod, everybody at a desk, and what they see there."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import yaml

import bots.slack
from bots.kit.outbound import Letter
from bots.slack import events
from bots.slack.attachments import Attached
from bots.slack.drawing import Drawing
from tests.emulators.slack import SlackEmulator
from tests.emulators.slack.blocks import message_blocks, with_ids
from tests.emulators.slack.message import Shown
from tests.faults.chats import Chats, Copy, Face
from tests.faults.doors import Doors, Web
from tests.faults.system import Asked, System
from tests.runners.world import World

MANIFEST = Path(bots.slack.__file__).parent / "manifest.yaml"
FORGOTTEN = ("message_not_found", "edit_window_closed")
RETRIES = (0.05, 4.0, 8.0)
"""Seconds until what was said is sent again. Slack itself leaves a minute and five for a door to come back."""
KEPT = "SELECT external_id FROM nod.inbound_events WHERE channel = 'slack'"


class Drawn(Shown):
    """Blocks that were not sent, as a person would see them."""

    def __init__(self, blocks: list[dict[str, Any]]) -> None:
        self._blocks = blocks

    @property
    def blocks(self) -> list[dict[str, Any]]:
        return self._blocks


class Desks(Chats):
    """Everybody's conversation with the app. `slack` is the platform, `team` theirs. `http`: Slack calls the web process, signed; else events come by Socket Mode."""

    def __init__(self, system: System, http: bool = False) -> None:
        manifest = yaml.safe_load(MANIFEST.read_text("utf-8"))
        self.slack = system.beside.enter_context(SlackEmulator(manifest=manifest, retry_pauses=RETRIES))
        self.team = self.slack.team("Acme")
        self.team.install(by=self.team.person("Admin", is_admin=True))
        assert self.team.installation is not None
        environment = {"NOD_SLACK_BOT_TOKEN": self.team.installation.bot_token, "NOD_SLACK_API_URL": self.slack.api_url}
        environment |= (
            {"NOD_SLACK_SIGNING_SECRET": self.slack.app.signing_secret}
            if http
            else {"NOD_SLACK_APP_TOKEN": self.slack.app.app_token}
        )
        super().__init__(system, "slack", Doors(system, "slack", environment))
        self.web = Web(system, environment)
        self._drawing = Drawing(self.parts.tokens, None)
        self.people: dict[UUID, Any] = {}
        self._pressed: dict[str, Any] = {}
        for number, world in enumerate(system.people):
            person = self.team.person(f"Person {number}", locale="en-US", tz="Europe/Berlin")
            self.people[world.actor.user_id] = person
            self.link(world, person.id, person.dm.id, self.team.id)

    def desk(self, world: World) -> Any:
        """Whose it is."""
        return self.people[world.actor.user_id]

    def copies(self, world: World, text: str) -> list[Copy]:
        there = self.desk(world).dm
        calls = {
            call.response["ts"]: call
            for call in self.slack.calls_to("chat.postMessage")
            if call.ok and call.params.get("channel") == there.id
        }
        forgotten = {
            call.params.get("ts")
            for call in self.slack.calls_to("chat.update")
            if call.response.get("error") in FORGOTTEN
        }
        found = [m for m in there._every.values() if m.from_bot and m.thread_ts is None and m.only_for is None]
        cards = [message for message in found if text in Drawn(message.versions[0].blocks).shown]
        return [
            Copy(m.shown, m.labels, c.began, c.ended, c.lost, m.ts in forgotten, m)
            for m in cards
            if (c := calls.get(m.ts)) is not None
        ]

    def tap(self, one: Asked, label: str = "Approve") -> bool:
        """Slack tells a person that a tap failed, who taps again; once it was acknowledged they wait."""
        before = self._pressed.get(one.text)
        if before is not None and before.state != "failed":
            return before.acked
        copy = self.card(one, label)
        if copy is not None and not copy.message.deleted:
            self._pressed[one.text] = self.desk(one.world).taps(copy.message, label)
        # One that failed for Slack may have been kept all the same.
        return before is not None and copy is None and bool(self.copies(one.world, one.text))

    def write(self, world: World, words: str) -> None:
        self.desk(world).says(words)

    def seen(self, letter: Letter) -> Face | None:
        whose = next(user for user, link in self.links.items() if link == letter.link.id)
        message = self.people[whose].dm.message((letter.delivery.remote_ref or "").rpartition(":")[2])
        return None if message is None else (message.shown, message.labels)

    def drawn(self, letter: Letter) -> Face:
        made = Drawn(with_ids(message_blocks(self._drawing.message(letter, Attached())["blocks"])))
        return made.shown, made.labels

    def settled(self) -> bool:
        return super().settled() and not any(one.state in ("waiting", "sent") for one in self.slack.deliveries)

    def broken(self) -> Iterator[str]:
        with self.system.owner() as owner:
            kept = {row[0] for row in owner.execute(KEPT).fetchall()}
        for one in self.slack.deliveries:
            kind = events.kind_of(one.payload)
            if one.acked and kind not in (None, "form") and events.id_of(one.payload) not in kept:
                yield f"a call that was acknowledged and is lost: {one.type}"
