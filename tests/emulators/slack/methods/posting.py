"""Messages: new ones, changes, removals, ephemeral ones and their addresses."""

from __future__ import annotations

import json
from typing import Any

from tests.emulators.slack.blocks import message_blocks, with_ids
from tests.emulators.slack.message import Message, Version
from tests.emulators.slack.parameters import Parameters
from tests.emulators.slack.refusals import Refused, invalid_arguments, invalid_blocks
from tests.emulators.slack.telling import tell_of_change, tell_of_message, tell_of_removal
from tests.emulators.slack.text import posted

from .method import Caller, Method

POST_LIMIT = 40_000  # chat.postMessage cuts beyond it
UPDATE_LIMIT = 4_000
MARKDOWN_LIMIT = 12_000
METADATA_BYTES = 8_000


def post_message(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    where = caller.to_write()
    content = content_of(caller)
    parent = _parent(caller, where)
    if caller.params.flag("reply_broadcast") and parent is None:
        raise Refused("cannot_reply_to_message")
    message = where.add(
        caller.installation.bot, content.text[:POST_LIMIT], content.blocks, attachments=content.attachments,
        metadata=content.metadata, thread_ts=parent, subtype=None,
    )  # fmt: skip
    message.unfurl_links = caller.params.flag("unfurl_links", True)
    message.unfurl_media = caller.params.flag("unfurl_media", True)
    if parent in where.threads:
        where.threads[parent].status = ""
        caller.world.notify()
    tell_of_message(message)
    return {"channel": where.id, "ts": message.ts, "message": message.as_json()}


def post_ephemeral(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    where = caller.to_write()
    person = caller.team.member(caller.params.required("user"))
    if person is None or person not in where.members:
        raise Refused("user_not_in_channel")
    content = content_of(caller)
    if len(content.text) > POST_LIMIT:
        raise Refused("msg_too_long")
    message = where.add(
        caller.installation.bot, content.text, content.blocks, attachments=content.attachments,
        thread_ts=_parent(caller, where), only_for=person,
    )  # fmt: skip
    return {"message_ts": message.ts}


def update(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    where = caller.conversation()
    message = _own(caller, where, "cant_update_message")
    if message.streaming:
        raise Refused("streaming_state_conflict")
    if where.archived:
        raise Refused("is_inactive")
    text = caller.params.text("text")
    if len(text) > UPDATE_LIMIT:
        raise Refused("msg_too_long")
    if not any(name in caller.params.values for name in ("text", "blocks", "attachments", "markdown_text")):
        raise Refused("no_text")
    content = content_of(caller)
    # What the call leaves out stays as it was; an empty array, or an empty object for metadata, removes it.
    given, before = caller.params.values, message.as_json()
    message.change(
        Version(
            content.text if "text" in given or "markdown_text" in given else message.text,
            content.blocks if "blocks" in given or "markdown_text" in given else message.blocks,
            content.attachments if "attachments" in given else message.now.attachments,
            content.metadata if "metadata" in given else message.metadata,
            message.files,
        )
    )
    tell_of_change(message, before)
    return {"channel": where.id, "ts": message.ts, "text": message.text, "message": message.as_json()}


def delete(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    where = caller.conversation()
    message = _own(caller, where, "cant_delete_message")
    message.deleted = True
    tell_of_removal(message)
    caller.world.notify()
    return {"channel": where.id, "ts": message.ts}


def get_permalink(caller: Caller) -> dict[str, Any]:
    where = caller.conversation()
    message = caller.message(where, "message_ts")
    link = f"https://{caller.team.domain}.slack.com/archives/{where.id}/p{message.ts.replace('.', '')}"
    if message.thread_ts:
        link += f"?thread_ts={message.thread_ts}&cid={where.id}"
    return {"channel": where.id, "permalink": link}


def content_of(caller: Caller) -> Version:
    """Text, blocks, attachments and metadata of a call; refused where the platform would refuse them."""
    params = caller.params
    text = params.values.get("text", "")
    if not isinstance(text, str):
        raise invalid_arguments("must provide a string [json-pointer:/text]")
    given = params.json("blocks", "invalid_blocks_format")
    attachments = params.json("attachments", "invalid_attachments") or []
    markdown = params.text("markdown_text")
    if markdown and (text or given):
        raise Refused("markdown_text_conflict")
    if len(markdown) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    if not text and not given and not attachments and not markdown:
        raise Refused("no_text")
    if not isinstance(attachments, list):
        raise Refused("invalid_attachments")
    if len(attachments) > 100:
        raise Refused("too_many_attachments")
    blocks = with_ids(message_blocks(given)) if given else []
    if wrong := caller.knows_files(blocks, "/blocks"):
        raise invalid_blocks(wrong)
    if markdown:
        blocks = with_ids([{"type": "markdown", "text": markdown}])
    return Version(posted(text or markdown), blocks, attachments, metadata_of(params))


def metadata_of(params: Parameters) -> dict[str, Any] | None:
    metadata = params.json("metadata", "invalid_metadata_format")
    if not metadata:
        return None
    if not isinstance(metadata, dict) or not isinstance(metadata.get("event_type"), str):
        raise Refused("invalid_metadata_format")
    if not isinstance(metadata.get("event_payload"), dict):
        raise Refused("invalid_metadata_schema")
    if len(json.dumps(metadata).encode()) > METADATA_BYTES:
        raise Refused("metadata_too_large")
    return metadata


def _parent(caller: Caller, where: Any) -> str | None:
    """The ts of the thread to answer in: that of its first message, also where a reply is named."""
    ts = caller.params.text("thread_ts")
    if not ts:
        return None
    parent = where.message(ts)
    if parent is None:
        raise Refused("cannot_reply_to_message")
    return parent.thread_ts or parent.ts


def _own(caller: Caller, where: Any, otherwise: str) -> Message:
    message = caller.message(where)
    if message.sender.id != caller.installation.bot_user_id or message.subtype:
        raise Refused(otherwise)
    return message


METHODS: dict[str, Method] = {
    "chat.postMessage": post_message,
    "chat.postEphemeral": post_ephemeral,
    "chat.update": update,
    "chat.delete": delete,
    "chat.getPermalink": get_permalink,
}
