"""`nod failed`: what was given up in one workspace, as its owners and admins see it in the chat, and trying it again or dropping it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from bots.cli.told import not_given_up
from bots.kit.chatting import open_chat
from bots.kit.parts import Parts
from bots.kit.words import words
from bots.wiring import administration, load_dialogs, tokens_of
from core.catalog.kinds import templates
from core.identity.sign_in import local_person
from core.kernel.actor import Actor
from core.kernel.errors import NotFound
from core.kernel.settings import settings
from core.workflows.given_up import drop, given_up, one, try_again


def show(email: str | None) -> str:
    """The newest first, a line each: its id, when, what it was and why."""
    from bots.dialogs.given_up import what, why

    with _chat(email) as chat:
        found = given_up(chat.work, chat.actor)
        lines = [f"{each.id}  {each.at:%Y-%m-%d %H:%M:%S}  {what(chat, each)}: {why(chat, each)}" for each in found]
    return "\n".join(lines) if lines else "Nothing was given up."


def settle(which: str, what: str, email: str | None) -> str:
    """Tries one again, or drops it. Raises Told, Forbidden, Conflict."""
    with _chat(email) as chat:
        try:
            found = one(chat.work, chat.actor, UUID(which))
        except (ValueError, NotFound):
            raise not_given_up() from None
        do = try_again if what == "again" else drop
        do(chat.work, chat.inbox, chat.actor, found.id)
        told = chat.say("given_up.dropped" if what == "drop" else f"given_up.again.{found.kind}")
        chat.work.commit()
    return told


@contextmanager
def _chat(email: str | None) -> Iterator[Any]:
    """The person's chat in their own workspace, as the terminal speaks for them. Raises NotFound `identity.user_unknown`."""
    load_dialogs()
    with administration() as storage:
        known = local_person(storage.directory, email or settings().local_email)
        if known is None:
            raise NotFound("identity.user_unknown")
        with storage.work(known.workspace_id, known.user_id) as work:
            links = work.people.links(known.user_id)
            if not links:
                raise NotFound("identity.user_unknown")
            actor = Actor(known.user_id, known.workspace_id, known.role, "cli", link_id=links[0].id)
            yield open_chat(Parts(storage, words(), tokens_of(settings()), templates()), work, actor)
