"""Takes deliveries of the channel `email` to the installation's mail server. Whom to write to stands in the message: a mailbox that is not proved yet has no link."""

import asyncio
from datetime import datetime
from typing import Any

from bots.kit.outbound import Letter, Refused
from bots.kit.parts import Parts
from bots.mail.letters import written
from bots.mail.server import MailServer, NeverTaken

CHANNEL = "email"


class MailSender:
    """bots.kit.outbound.Sender."""

    def __init__(self, parts: Parts, server: MailServer, public_url: str | None) -> None:
        self._parts, self._server, self._public_url = parts, server, public_url

    async def send(self, letter: Letter) -> str | None:
        """Raises Refused for what no server will take, and for what came too late to be of use; all else is tried again."""
        data, now = await self._parts.hop(self._said, letter)
        if datetime.fromisoformat(str(data["until"])) <= now:
            raise Refused("mail.too_late")
        subject, body = written(letter.screen, self._public_url)
        # The same mail under the same name, however often it has to be tried.
        name = f"<nod.{letter.delivery.id}@{self._server.sender.rpartition('@')[2]}>"
        try:
            await asyncio.to_thread(self._server.send, str(data["to"]), subject, body, name)
        except NeverTaken:
            raise Refused("mail.refused") from None
        return name

    async def edit(self, letter: Letter) -> str | None:
        """What was sent stays as it is."""
        return letter.delivery.remote_ref

    def _said(self, letter: Letter) -> tuple[dict[str, Any], datetime]:
        delivery = letter.delivery
        with self._parts.storage.work(delivery.workspace_id, delivery.user_id) as work:
            return work.messages.get(delivery.subject_id).payload["data"], work.now
