"""What a method is, and how one finds the chat and the message that it is about."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from tests.emulators.telegram.chat import Chat
from tests.emulators.telegram.message import Message
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request, forbidden
from tests.emulators.telegram.world import World

Method = Callable[[World, Parameters], Any]


class Answer(NamedTuple):
    """A result that comes with a sentence, as that of setWebhook does."""

    result: Any
    description: str


def chat_to_write(world: World, params: Parameters, speaks: str = "") -> Chat:
    """The chat of `chat_id` where the bot may write now; refused with the reason otherwise. `speaks`: what it sends, in Telegram's words."""
    chat = chat_known(world, params)
    if chat.upgraded_to is not None:
        parameters = {"migrate_to_chat_id": chat.upgraded_to.id}
        raise bad_request("group chat was upgraded to a supergroup chat", parameters)
    status = chat.statuses.get(world.bot.id, "left")
    if chat.person is not None:
        if status == "kicked":
            raise forbidden("bot was blocked by the user")
        if not chat.person.started:
            raise forbidden("bot can't initiate conversation with a user")
    elif status == "kicked":
        raise forbidden(f"bot was kicked from the {'group' if chat.kind == 'group' else 'supergroup'} chat")
    elif status == "left":
        raise forbidden(f"bot is not a member of the {'group' if chat.kind == 'group' else 'supergroup'} chat")
    elif status == "restricted" and speaks:
        raise bad_request(f"not enough rights to send {speaks} to the chat")
    return chat


def chat_known(world: World, params: Parameters) -> Chat:
    """The chat of `chat_id`, if the bot has ever met it: somebody who wrote, shares a group, or a group that it was in."""
    wanted = params.text("chat_id").strip()
    if not wanted:
        raise bad_request("chat_id is empty")
    chat = world.chats.get(params.number("chat_id"))
    if chat is None or not _has_met(world, chat):
        raise bad_request("chat not found")
    return chat


def _has_met(world: World, chat: Chat) -> bool:
    if chat.person is None:
        return world.bot.id in chat.statuses
    if chat.person.started:
        return True
    return any({world.bot.id, chat.id} <= other.statuses.keys() for other in world.chats.values())


def message_of(chat: Chat, params: Parameters, purpose: str, name: str = "message_id") -> Message:
    """The message that `name` points to; `purpose` is how Telegram calls it, such as "message to edit"."""
    message = chat.message(params.number(name))
    if message is None:
        raise bad_request(f"{purpose} not found")
    return message
