"""The App Home: what waits, one's agents, settings. Drawn by the same dialogs; taps there answer in the conversation."""

import logging
from typing import Any

from bots.kit import clean
from bots.kit.addresses import page
from bots.kit.chatting import open_chat
from bots.kit.dialog import Text, commands
from bots.kit.parts import Parts
from bots.kit.screen import Screen
from bots.slack import blocks
from bots.slack.pieces import VIEW_BLOCKS
from bots.slack.replies import TROUBLE
from bots.slack.teams import Refusal, Team, Teams
from core.kernel.actor import Actor

log = logging.getLogger(__name__)
PARTS = ("inbox", "agents", "settings")
SHARE = 32


class Home:
    """Publishes it."""

    def __init__(self, parts: Parts, teams: Teams, public_url: str | None) -> None:
        self._parts, self._teams, self._public_url = parts, teams, public_url

    async def publish(self, team: Team, user: str, actor: Actor) -> None:
        """As it is now; what does not arrive is drawn when it is opened again."""
        await self.show(team, user, await self._parts.hop(self._draw, actor))

    async def show(self, team: Team, user: str, made: list[dict[str, Any]]) -> None:
        """Those blocks, as far as there is room."""
        try:
            await self._teams.ask(
                team, "views.publish", user_id=user, view={"type": "home", "blocks": made[:VIEW_BLOCKS]}
            )
        except TROUBLE as trouble:
            log.info(
                "the App Home was not drawn: %s", trouble if isinstance(trouble, Refusal) else type(trouble).__name__
            )

    def _draw(self, actor: Actor) -> list[dict[str, Any]]:
        """Nothing that its dialogs change on the way is kept."""
        made: list[dict[str, Any]] = []
        for name in PARTS:
            with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
                chat = open_chat(self._parts, work, actor, Text(f"/{name}"))
                screen = commands[name](chat, "").screen
                if screen is not None:
                    made += [*([{"type": "divider"}] if made else []), *self._part(clean.screen(screen), chat)]
        return made

    def _part(self, screen: Screen, chat: Any) -> list[dict[str, Any]]:
        """Its words and buttons, as many as its share has room for."""
        rows = blocks.buttons(
            screen.buttons,
            lambda one: self._parts.tokens.pack(one, chat.link.id),
            lambda url: page(url, self._public_url),
            chat.say.place.language,
        )
        words = blocks.drawn(screen.blocks, chat.say)
        return [*words[: max(1, SHARE - len(rows))], *rows][:SHARE]
