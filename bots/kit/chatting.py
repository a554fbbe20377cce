"""Opens a Chat: a person in one of their chats, inside a transaction."""

from typing import Any

from bots.kit.dialog import Chat, Input
from bots.kit.parts import Parts
from bots.kit.place import place
from core.kernel.actor import Actor


def open_chat(
    parts: Parts,
    work: Any,
    actor: Actor,
    heard: Input | None = None,
    trace: str | None = None,
    extra: dict[str, Any] | None = None,
) -> Chat:
    """The chat of `actor.link_id`. Raises NotFound when the person or the link is gone."""
    if actor.link_id is None:
        raise ValueError("a chat needs an actor that speaks through a link")
    profile = work.people.profile(actor.user_id)
    here = place(profile.language, profile.timezone, work.now)
    return Chat(
        work=work, actor=actor, user=work.people.user(actor.user_id), profile=profile, link=work.people.link(actor.link_id),
        say=parts.words.in_language(here), place=here, catalog=parts.catalog,
        blobs=parts.storage.blobs(actor.workspace_id, actor.user_id), input=heard, trace=trace, extra=extra or {},
    )  # fmt: skip
