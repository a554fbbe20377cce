"""Messages that the bot sends."""

from __future__ import annotations

from typing import Any

from tests.emulators.telegram.chat import Chat
from tests.emulators.telegram.files import PHOTO_LIMIT, UPLOAD_LIMIT, image_size
from tests.emulators.telegram.keyboards import reply_markup
from tests.emulators.telegram.message import Message, SentFile
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import Refused, bad_request
from tests.emulators.telegram.text import Entity
from tests.emulators.telegram.world import World

from .formatted import caption, link_preview, message_text
from .method import Method, chat_to_write

_ACTIONS = {
    "typing", "upload_photo", "record_video", "upload_video", "record_voice", "upload_voice", "upload_document",
    "choose_sticker", "find_location", "record_video_note", "upload_video_note",
}  # fmt: skip


def send_message(world: World, params: Parameters) -> dict[str, Any]:
    text, entities = message_text(world, params)
    return _send(world, params, text, entities, preview=link_preview(params))


def send_document(world: World, params: Parameters) -> dict[str, Any]:
    text, entities = caption(world, params)
    return _send(world, params, text, entities, file=file_of(world, params, "document", "document"))


def send_photo(world: World, params: Parameters) -> dict[str, Any]:
    text, entities = caption(world, params)
    return _send(world, params, text, entities, file=file_of(world, params, "photo", "photo"))


def send_chat_action(world: World, params: Parameters) -> bool:
    action = params.text("action")
    if action not in _ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat = chat_to_write(world, params)
    chat.actions.append(action)
    world.notify()
    return True


def file_of(world: World, params: Parameters, name: str, kind: str) -> SentFile:
    """The file of a call: an upload, or one that was sent before, by its id."""
    upload = params.upload(name)
    if upload is not None:
        if not upload.content:
            raise bad_request("file must be non-empty")
        if len(upload.content) > (PHOTO_LIMIT if kind == "photo" else UPLOAD_LIMIT):
            raise Refused(413, "Request Entity Too Large")
        size = image_size(upload.content) if kind == "photo" else (0, 0)
        return world.files.keep(kind, upload.name, upload.mime, upload.content, size)
    given = params.text(name)
    if not given:
        raise bad_request(f"there is no {kind} in the request")
    if given.startswith(("http://", "https://")):
        raise bad_request("failed to get HTTP URL content")
    known = world.files.by_id(given)
    if known is None:
        raise bad_request("wrong remote file identifier specified: can't unserialize it. Wrong last symbol")
    if known.kind != kind:
        raise bad_request(f"can't use file of type {known.kind.capitalize()} as {kind.capitalize()}")
    return known


def _send(
    world: World, params: Parameters, text: str, entities: list[Entity],
    *, preview: dict[str, Any] | None = None, file: SentFile | None = None,
) -> dict[str, Any]:  # fmt: skip
    markup = reply_markup(params)
    sorts = {"photo": "photos", "document": "documents"}
    chat = chat_to_write(world, params, sorts[file.kind] if file is not None else "text messages")
    reply_to = _reply_to(world, chat, params)
    message = chat.add(
        world.bot,
        text,
        entities,
        markup=markup,
        link_preview=preview,
        file=file,
        reply_to=reply_to,
        protect_content=params.flag("protect_content"),
        disable_notification=params.flag("disable_notification"),
    )
    return message.as_json()


def _reply_to(world: World, chat: Chat, params: Parameters) -> Message | None:
    value = params.json("reply_parameters", "can't parse reply parameters JSON object")
    if value is None and params.number("reply_to_message_id"):
        value = {"message_id": params.number("reply_to_message_id")}
        value["allow_sending_without_reply"] = params.flag("allow_sending_without_reply")
    if not value:
        return None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply parameters")
    if "message_id" not in value:
        raise bad_request('can\'t find field "message_id"')
    where = world.chats.get(int(value.get("chat_id") or chat.id), chat)
    message = where.message(int(value["message_id"]))
    if message is None and not value.get("allow_sending_without_reply"):
        raise bad_request("message to be replied not found")
    return message


METHODS: dict[str, Method] = {
    "sendMessage": send_message,
    "sendDocument": send_document,
    "sendPhoto": send_photo,
    "sendChatAction": send_chat_action,
}
