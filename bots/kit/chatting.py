"""Opens a Chat: a person in one of their chats, or a room, inside a transaction."""

from typing import Any
from uuid import UUID

from bots.kit.dialog import Chat, Input
from bots.kit.parts import Parts
from bots.kit.place import place
from core.identity.models import IdentityLink
from core.kernel.actor import Actor
from core.messaging.models import Delivery, Room

TYPED = {"slack": "/nod "}
"""What commands begin with, where that is not a slash alone: Slack takes words behind a slash for commands of its own."""


def open_chat(
    parts: Parts,
    work: Any,
    actor: Actor,
    heard: Input | None = None,
    trace: str | None = None,
    extra: dict[str, Any] | None = None,
) -> Chat:
    """The chat of `actor.link_id`. Whoever has settled nothing yet is spoken to in the language of their client (`extra`). Raises NotFound when the person or the link is gone."""
    if actor.link_id is None:
        raise ValueError("a chat needs an actor that speaks through a link")
    user, profile, link = work.people.speaker(actor.user_id, actor.link_id)
    client = (extra or {}).get("language")
    asked = client if profile.settled_at is None and isinstance(client, str) and client else profile.language
    here = place(parts.words.spoken(asked), profile.timezone, work.now)
    return Chat(
        work=work, actor=actor, user=user, profile=profile, link=link,
        say=parts.words.in_language(here, profile.tone, TYPED.get(link.provider, "/")), place=here, catalog=parts.catalog,
        blobs=parts.storage.blobs(actor.workspace_id, actor.user_id), input=heard, trace=trace, extra=extra or {}, mail=parts.mail,
        model=parts.model,
        at=lambda workspace_id: parts.storage.work(workspace_id, actor.user_id), directory=parts.storage.directory,
        inbox=parts.storage.inbox,
    )  # fmt: skip


def open_place(parts: Parts, work: Any, delivery: Delivery) -> Chat:
    """Where a delivery goes to: a chat of its person, or a room, which is drawn for as nobody in particular. Raises NotFound when the person, the link or the room is gone."""
    if delivery.room_id is None:
        role = work.people.membership(delivery.user_id).role
        actor = Actor(delivery.user_id, delivery.workspace_id, role, delivery.channel, link_id=delivery.link_id)
        return open_chat(parts, work, actor, trace=delivery.trace)
    room: Room = work.rooms.get(delivery.room_id)
    here = place(parts.words.spoken(room.language), room.timezone, work.now)
    return Chat(
        work=work, actor=Actor(delivery.user_id, delivery.workspace_id, "viewer", room.provider),
        user=work.people.user(delivery.user_id), profile=work.people.profile(delivery.user_id),
        link=as_link(room, delivery.user_id), say=parts.words.in_language(here, typed=TYPED.get(room.provider, "/")), place=here, catalog=parts.catalog,
        blobs=parts.storage.blobs(delivery.workspace_id, delivery.user_id), trace=delivery.trace, room=room, model=parts.model,
    )  # fmt: skip


def as_link(room: Room, user_id: UUID) -> IdentityLink:
    """What stands for a room where doors deal with links: its address, and the id that its buttons are bound to. It is nobody's account, and never stored."""
    return IdentityLink(
        id=room.id, user_id=user_id, workspace_id=room.workspace_id, provider=room.provider, provider_subject="",
        provider_tenant=room.provider_tenant, address=room.address, created_at=room.created_at,
    )  # fmt: skip
