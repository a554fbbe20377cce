"""What an open modal shows next: the form that was waited for, or a word."""

from bots.kit.dispatch import Answer
from bots.kit.parts import Parts
from bots.kit.words import Say
from bots.slack import modal
from bots.slack.chats import Chats
from bots.slack.replies import Replies
from bots.slack.submitting import InModal
from bots.slack.teams import Team
from core.kernel.actor import Actor


class Modals:
    """Fills them. Closed ones are let go."""

    def __init__(self, parts: Parts, replies: Replies) -> None:
        self._parts, self._replies, self._chats = parts, replies, Chats(parts)

    async def fill(self, team: Team, actor: Actor, view: str | None, waits: InModal | None, answered: Answer) -> None:
        """What came of the tap that opened it."""
        if view is None:
            return
        if waits is not None and waits.asked is not None:
            shown = await self._parts.hop(self._chats.form, actor, *waits.asked)
        else:
            shown = await self._parts.hop(self._chats.notice, actor, answered.toast)
        await self._replies.show_in(team, view, shown)

    async def tell(self, team: Team, view: str, say: Say, words: str) -> None:
        """A word."""
        await self._replies.show_in(team, view, modal.notice(say, words))
