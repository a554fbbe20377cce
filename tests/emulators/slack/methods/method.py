"""What the methods have in common: who calls, and the look-ups that end in the same refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.emulators.slack.blocks.layout import slack_files
from tests.emulators.slack.conversation import Conversation
from tests.emulators.slack.message import Message
from tests.emulators.slack.parameters import Parameters
from tests.emulators.slack.refusals import Refused, missing_scope
from tests.emulators.slack.team import Installation, Team
from tests.emulators.slack.world import World


@dataclass(frozen=True)
class Caller:
    """An app with a bot token of one workspace."""

    world: World
    installation: Installation
    params: Parameters

    @property
    def team(self) -> Team:
        return self.installation.team

    def needs(self, *scopes: str) -> None:
        """Refuse unless the token has one of these."""
        if scopes and not set(scopes) & set(self.installation.scopes):
            raise missing_scope(",".join(scopes), self.installation.scopes)

    def conversation(self, name: str = "channel") -> Conversation:
        """A conversation that the bot may know of, by id."""
        found = self.team.conversation(self.params.required(name))
        bot = self.installation.bot
        if found is None or (found.kind != "channel" and bot not in found.members):
            raise Refused("channel_not_found")
        return found

    def to_write(self) -> Conversation:
        """Where the bot may post: by id, by #name, or a person's id for their conversation with the app."""
        wanted = self.params.required("channel")
        if wanted.startswith("U") and (person := self.team.member(wanted)) is not None:
            self.needs("im:write", "chat:write")
            return self.team.direct(person, self.installation.bot)
        if wanted.startswith("#"):
            named = next((one for one in self.team.channels if one.name == wanted[1:]), None)
            wanted = named.id if named else wanted
        found = self.team.conversation(wanted)
        if found is None or (found.kind != "channel" and self.installation.bot not in found.members):
            raise Refused("channel_not_found")
        if found.archived:
            raise Refused("is_archived")
        if self.installation.bot not in found.members and "chat:write.public" not in self.installation.scopes:
            raise Refused("not_in_channel")
        if found.kind == "im" and not self.world.app.messages_tab:
            raise Refused("messages_tab_disabled")
        return found

    def message(self, where: Conversation, name: str = "ts") -> Message:
        found = where.message(self.params.required(name))
        if found is None:
            raise Refused("message_not_found")
        return found

    def knows_files(self, blocks: list[dict[str, Any]], path: str) -> list[str]:
        """What is wrong with the pictures of blocks: files that are not of this team, or not processed yet."""
        files = self.world.files
        return [
            f"invalid slack file [json-pointer:{path}{where}]"
            for where, reference in slack_files(blocks)
            if files.known(self.team, reference) is None
        ]


Method = Callable[[Caller], dict[str, Any]]


def page(caller: Caller, items: list[Any], default: int = 100) -> tuple[list[Any], dict[str, Any]]:
    """One page of `items` and its response_metadata; a cursor names the place where the next begins."""
    limit = caller.params.number("limit", default)
    if not 1 <= limit <= 1000:
        raise Refused("invalid_limit")
    cursor = caller.params.text("cursor")
    if cursor and not cursor.removeprefix("dXNlcjp").isdigit():
        raise Refused("invalid_cursor")
    at = int(cursor.removeprefix("dXNlcjp")) if cursor else 0
    following = f"dXNlcjp{at + limit}" if at + limit < len(items) else ""
    return items[at : at + limit], {"next_cursor": following}
