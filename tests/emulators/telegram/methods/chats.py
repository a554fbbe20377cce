"""What the bot can ask about chats and files, and small things it can do to a chat."""

from __future__ import annotations

from typing import Any

from tests.emulators.telegram.files import DOWNLOAD_LIMIT
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.world import World

from .method import Method, chat_known, chat_to_write, message_of

_EMOJI = (
    "👍 👎 ❤ 🔥 🥰 👏 😁 🤔 🤯 😱 🤬 😢 🎉 🤩 🤮 💩 🙏 👌 🕊 🤡 🥱 🥴 😍 🐳 ❤\u200d🔥 🌚 🌭 💯 🤣 ⚡ 🍌 🏆 💔 🤨 😐 🍓 🍾 💋 "
    "🖕 😈 😴 😭 🤓 👻 👨\u200d💻 👀 🎃 🙈 😇 😨 🤝 ✍ 🤗 🫡 🎅 🎄 ☃ 💅 🤪 🗿 🆒 💘 🙉 🦄 😘 💊 🙊 😎 👾 🤷\u200d♂ 🤷 🤷\u200d♀ 😡"
)
_REACTIONS = set(_EMOJI.split(" "))
_GIFTS = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")


def get_chat(world: World, params: Parameters) -> dict[str, Any]:
    chat = chat_known(world, params)
    body = chat.as_json() | {
        "accent_color_id": 3,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(_GIFTS, True),
    }
    if chat.person is None:
        body["permissions"] = {"can_send_messages": True}
    if chat.pinned:
        body["pinned_message"] = chat.pinned[-1].as_json()
    return body


def get_chat_member(world: World, params: Parameters) -> dict[str, Any]:
    chat = chat_known(world, params)
    account = world.account(params.number("user_id"))
    if account is None:
        raise bad_request("PARTICIPANT_ID_INVALID" if params.text("user_id") else "invalid user_id specified")
    return chat.member_json(account)


def get_file(world: World, params: Parameters) -> dict[str, Any]:
    if not params.text("file_id"):
        raise bad_request("file_id not specified")
    file = world.files.by_id(params.text("file_id"))
    if file is None:
        raise bad_request("invalid file_id")
    if file.size > DOWNLOAD_LIMIT:
        raise bad_request("file is too big")
    return {"file_id": file.file_id, "file_unique_id": file.unique_id, "file_size": file.size, "file_path": file.path}


def pin_chat_message(world: World, params: Parameters) -> bool:
    chat = chat_to_write(world, params)
    message = message_of(chat, params, "message to pin")
    if message not in chat.pinned:
        chat.pinned.append(message)
        world.notify()
    return True


def unpin_chat_message(world: World, params: Parameters) -> bool:
    chat = chat_to_write(world, params)
    if params.number("message_id"):
        message = message_of(chat, params, "message to unpin")
    elif chat.pinned:
        message = chat.pinned[-1]
    else:
        raise bad_request("message to unpin not found")
    if message in chat.pinned:
        chat.pinned.remove(message)
        world.notify()
    return True


def set_message_reaction(world: World, params: Parameters) -> bool:
    wanted = params.json("reaction", "can't parse reaction types JSON object") or []
    if not isinstance(wanted, list):
        raise bad_request("expected an Array of ReactionType")
    chat = chat_to_write(world, params)
    message = message_of(chat, params, "message to react")
    for reaction in wanted:
        if not isinstance(reaction, dict) or reaction.get("type") not in {"emoji", "custom_emoji", "paid"}:
            raise bad_request("can't parse ReactionType: invalid reaction type specified")
        if reaction.get("type") != "emoji" or reaction.get("emoji", "").rstrip("\ufe0f") not in _REACTIONS:
            raise bad_request("REACTION_INVALID")
    if len(wanted) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    if message.service:
        raise bad_request("MESSAGE_ID_INVALID")
    message.reactions[world.bot.id] = wanted
    world.notify()
    return True


def leave_chat(world: World, params: Parameters) -> bool:
    chat = chat_to_write(world, params)
    if chat.person is not None:
        raise bad_request("can't leave private chats")
    chat.statuses[world.bot.id] = "left"
    world.notify()
    return True


def get_chat_administrators(world: World, params: Parameters) -> list[dict[str, Any]]:
    chat = chat_to_write(world, params)
    if chat.person is not None:
        raise bad_request("there are no administrators in the private chat")
    leading = [id for id, status in chat.statuses.items() if status in {"creator", "administrator"}]
    return [chat.member_json(account) for id in leading if (account := world.account(id)) is not None]


METHODS: dict[str, Method] = {
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "getChatAdministrators": get_chat_administrators,
    "leaveChat": leave_chat,
    "getFile": get_file,
    "pinChatMessage": pin_chat_message,
    "unpinChatMessage": unpin_chat_message,
    "setMessageReaction": set_message_reaction,
}
