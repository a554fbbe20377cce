"""A message that grows while it is written: chat.startStream, appendStream, stopStream."""

from __future__ import annotations

from typing import Any

from tests.emulators.slack.blocks import message_blocks, with_ids
from tests.emulators.slack.message import Message, Plan, Version
from tests.emulators.slack.refusals import Refused
from tests.emulators.slack.telling import tell_of_change, tell_of_message
from tests.emulators.slack.text import posted

from .method import Caller, Method
from .posting import MARKDOWN_LIMIT, metadata_of

_CHUNKS = {"markdown_text": "text", "task_update": "id", "plan_update": "title", "blocks": "blocks"}
_STATUSES = {"pending", "in_progress", "complete", "error"}


def start_stream(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    where = caller.to_write()
    thread = caller.params.text("thread_ts")
    parent = where.message(thread) if thread else None
    if thread and parent is None:
        raise Refused("message_not_found")
    if where.kind == "im" and parent is None:
        raise Refused("channel_type_not_supported")
    if where.kind != "im":
        team = caller.params.text("recipient_team_id")
        if not team:
            raise Refused("missing_recipient_team_id")
        if not caller.params.text("recipient_user_id"):
            raise Refused("missing_recipient_user_id")
        if caller.team.member(caller.params.text("recipient_user_id")) is None:
            raise Refused("user_not_found")
        if team != caller.team.id:
            raise Refused("team_not_found")
    plan = Plan()
    text = _text(caller, plan)
    thread_ts = (parent.thread_ts or parent.ts) if parent else None
    message = where.add(caller.installation.bot, text, _blocks(text, plan), thread_ts=thread_ts)
    message.streaming, message.plan = True, plan
    if thread_ts in where.threads:
        where.threads[thread_ts].status = ""
    tell_of_message(message)
    return {"channel": where.id, "ts": message.ts}


def append_stream(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    message = _streaming(caller)
    plan = message.plan or Plan()
    added = _text(caller, plan)
    if not added and not caller.params.values.get("chunks"):
        raise Refused("no_text")
    text = message.text + added
    message.change(Version(text, _blocks(text, plan), [], message.metadata))
    return {"channel": message.conversation.id, "ts": message.ts}


def stop_stream(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write")
    message = _streaming(caller)
    plan = message.plan or Plan()
    text = message.text + _text(caller, plan)
    given = caller.params.json("blocks", "invalid_blocks_format")
    end = with_ids(message_blocks(given)) if given else []
    if not text and not end and not plan.tasks:
        raise Refused("no_text")
    metadata, before = metadata_of(caller.params) or message.metadata, message.as_json()
    message.streaming = False
    message.change(Version(text, [*_blocks(text, plan), *end], [], metadata))
    tell_of_change(message, before)
    return {"channel": message.conversation.id, "ts": message.ts, "message": message.as_json()}


def _streaming(caller: Caller) -> Message:
    where = caller.conversation()
    message = caller.message(where)
    if message.sender.id != caller.installation.bot_user_id:
        raise Refused("message_not_owned_by_app")
    if not message.streaming:
        raise Refused("message_not_in_streaming_state")
    return message


def _text(caller: Caller, plan: Plan) -> str:
    """What a call adds: `markdown_text`, or chunks, of which tasks and blocks are put into the `plan`."""
    text = caller.params.text("markdown_text")
    if len(text) > MARKDOWN_LIMIT:
        raise Refused("msg_too_long")
    chunks = caller.params.json("chunks", "invalid_chunks") or []
    if not isinstance(chunks, list):
        raise Refused("invalid_chunks")
    parts = [text]
    for chunk in chunks:
        kind = chunk.get("type") if isinstance(chunk, dict) else None
        if kind not in _CHUNKS or not chunk.get(_CHUNKS[kind]):
            raise Refused("invalid_chunks")
        if kind == "task_update":
            if not chunk.get("title") or chunk.get("status", "pending") not in _STATUSES:
                raise Refused("invalid_chunks")
            plan.tasks[chunk["id"]] = {"status": "pending", **chunk, "type": "task_card", "task_id": chunk["id"]}
        elif kind == "plan_update":
            plan.title = chunk["title"]
        elif kind == "blocks":
            plan.blocks += message_blocks(chunk["blocks"])
        else:
            parts.append(chunk[_CHUNKS[kind]])
    return posted("".join(parts))


def _blocks(text: str, plan: Plan) -> list[dict[str, Any]]:
    made: list[dict[str, Any]] = []
    if plan.tasks or plan.title:
        made.append({"type": "plan", "title": plan.title, "tasks": list(plan.tasks.values())})
    return with_ids([*made, *([{"type": "markdown", "text": text}] if text else []), *plan.blocks])


METHODS: dict[str, Method] = {
    "chat.startStream": start_stream,
    "chat.appendStream": append_stream,
    "chat.stopStream": stop_stream,
}
