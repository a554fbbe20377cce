"""What the app is told of messages, its own among them: an app has to know itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .text import mentions

if TYPE_CHECKING:
    from .deliveries import Delivery
    from .message import Message

_KINDS = {"im": "message.im", "mpim": "message.mpim", "channel": "message.channels", "group": "message.groups"}


def tell_of_message(message: Message) -> Delivery | None:
    """A new message, as app_mention too where a person mentions the app in a channel; the first of what was sent."""
    where, world = message.conversation, message.conversation.world
    installation = where.team.installation
    if installation is None or installation.bot not in where.members:
        return None
    event: dict[str, Any] = message.as_json() | {"channel": where.id, "event_ts": message.ts}
    parent = where.message(message.thread_ts) if message.thread_ts else None
    if parent is not None:
        event["parent_user_id"] = parent.sender.id
    if not message.from_bot:
        event["client_msg_id"] = world.new_id("msg")
    mentioned = None
    if installation.bot.id in mentions(message.text) and where.kind != "im" and not message.from_bot:
        mentioned = world.tell(installation, event | {"type": "app_mention"}, message.sender, "app_mention")
    told = world.tell(installation, event | {"channel_type": where.kind}, message.sender, _KINDS[where.kind])
    return mentioned or told


def tell_of_change(message: Message, before: dict[str, Any]) -> None:
    """A message that says something else now than it did `before`."""
    _tell(message, "message_changed", {"message": message.as_json(), "previous_message": before})


def tell_of_removal(message: Message) -> None:
    _tell(message, "message_deleted", {"previous_message": message.as_json(), "deleted_ts": message.ts})


def _tell(message: Message, subtype: str, more: dict[str, Any]) -> None:
    where = message.conversation
    installation = where.team.installation
    if installation is None or installation.bot not in where.members or message.only_for is not None:
        return
    event = {
        "type": "message", "subtype": subtype, "channel": where.id, "channel_type": where.kind, "hidden": True,
        "ts": where.team.next_ts(), "event_ts": where.team.next_ts(), **more,
    }  # fmt: skip
    where.world.tell(installation, event, message.sender, _KINDS[where.kind])
