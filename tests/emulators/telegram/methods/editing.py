"""Changes to messages that stand already."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from tests.emulators.telegram.keyboards import reply_markup
from tests.emulators.telegram.message import Message, Version
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.world import World

from .formatted import caption, link_preview, message_text
from .method import Method, chat_to_write, message_of
from .sending import file_of

_DELETABLE_SECONDS = 48 * 3600


def edit_message_text(world: World, params: Parameters) -> dict[str, Any]:
    text, entities = message_text(world, params)
    preview = link_preview(params)
    markup = reply_markup(params, inline_only=True)
    message = _to_edit(world, params)
    if message.file is not None:
        raise bad_request("there is no text in the message to edit")
    return _change(message, replace(message.now, text=text, entities=entities, link_preview=preview, markup=markup))


def edit_message_caption(world: World, params: Parameters) -> dict[str, Any]:
    text, entities = caption(world, params)
    markup = reply_markup(params, inline_only=True)
    message = _to_edit(world, params)
    if message.file is None:
        raise bad_request("there is no caption in the message to edit")
    return _change(message, replace(message.now, text=text, entities=entities, markup=markup))


def edit_message_reply_markup(world: World, params: Parameters) -> dict[str, Any]:
    markup = reply_markup(params, inline_only=True)
    message = _to_edit(world, params)
    return _change(message, replace(message.now, markup=markup))


def edit_message_media(world: World, params: Parameters) -> dict[str, Any]:
    media = params.json("media", "can't parse input media JSON object")
    if not isinstance(media, dict):
        raise bad_request("can't parse InputMedia: expected an Object")
    kind = str(media.get("type", ""))
    if kind not in {"photo", "document"}:
        raise bad_request(f'can\'t parse InputMedia: type "{kind}" is unsupported')
    inner = {"file": str(media.get("media", "")), "caption": str(media.get("caption", ""))}
    inner["parse_mode"] = str(media.get("parse_mode", ""))
    own = Parameters(inner, params.uploads)
    text, entities = caption(world, own)
    markup = reply_markup(params, inline_only=True)
    message = _to_edit(world, params)
    file = file_of(world, own, "file", kind)
    return _change(message, replace(message.now, text=text, entities=entities, file=file, markup=markup))


def delete_message(world: World, params: Parameters) -> bool:
    if not params.text("chat_id"):
        raise bad_request("chat identifier is not specified")
    if not params.number("message_id"):
        raise bad_request("message identifier is not specified")
    _delete(world, message_of(chat_to_write(world, params), params, "message to delete"))
    return True


def delete_messages(world: World, params: Parameters) -> bool:
    ids = params.json("message_ids", "can't parse message_ids JSON object")
    if not ids:
        raise bad_request("message identifiers are not specified")
    if not isinstance(ids, list):
        raise bad_request("expected an Array of message identifiers")
    if len(ids) > 100:
        raise bad_request("too many message identifiers specified")
    chat = chat_to_write(world, params)
    for message in [found for id in ids if (found := chat.message(int(id))) is not None]:
        _delete(world, message)
    return True


def _delete(world: World, message: Message) -> None:
    in_group = message.chat.person is None
    if in_group and not message.from_bot and message.chat.statuses.get(world.bot.id) != "administrator":
        raise bad_request("message can't be deleted")
    if time.time() - message.date > _DELETABLE_SECONDS:
        raise bad_request("message can't be deleted for everyone")
    message.deleted = True
    world.notify()


def _to_edit(world: World, params: Parameters) -> Message:
    if not params.text("chat_id") and not params.number("message_id"):
        raise bad_request("message identifier is not specified")
    chat = chat_to_write(world, params)
    message = message_of(chat, params, "message to edit")
    with_other_keyboard = message.markup is not None and "inline_keyboard" not in message.markup
    if message.sender is not world.bot or message.frozen or with_other_keyboard or message.service:
        raise bad_request("message can't be edited")
    return message


def _change(message: Message, new: Version) -> dict[str, Any]:
    date = int(time.time())
    if replace(new, date=message.now.date) == message.now:
        raise bad_request(
            "message is not modified: specified new message content and reply markup are exactly the same as a "
            "current content and reply markup of the message"
        )
    message.versions.append(replace(new, date=date))
    message.edit_date = date
    message.chat.world.notify()
    return message.as_json()


METHODS: dict[str, Method] = {
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "editMessageMedia": edit_message_media,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
}
