"""Assistant threads, reactions and files."""

from __future__ import annotations

import re
from typing import Any

from tests.emulators.slack.blocks import message_blocks, with_ids
from tests.emulators.slack.conversation import AssistantThread
from tests.emulators.slack.refusals import Refused, invalid_arguments, missing_argument
from tests.emulators.slack.telling import tell_of_message
from tests.emulators.slack.text import posted

from .method import Caller, Method

_EMOJI = re.compile(r"[a-z0-9_+'-]+(?:::skin-tone-[2-6])?")


def set_status(caller: Caller) -> dict[str, Any]:
    caller.needs("chat:write", "assistant:write")
    thread = _any_thread(caller)
    messages = caller.params.json("loading_messages", "invalid_arguments") or []
    if len(messages) > 10:
        raise invalid_arguments("no more than 10 items allowed [json-pointer:/loading_messages]")
    for at, one in enumerate(messages):
        if len(str(one)) > 50:
            raise invalid_arguments(f"must be less than 51 characters [json-pointer:/loading_messages/{at}]")
    thread.status = caller.params.text("status")
    thread.statuses.append(thread.status)
    caller.world.notify()
    return {}


def set_title(caller: Caller) -> dict[str, Any]:
    caller.needs("assistant:write")
    thread = _any_thread(caller) if caller.world.app.agent else _thread(caller)
    thread.title = caller.params.required("title")
    caller.world.notify()
    return {}


def set_suggested_prompts(caller: Caller) -> dict[str, Any]:
    caller.needs("assistant:write")
    # Without a thread they stand over the conversation. With one an app with agent_view gets nothing, and no word why.
    place = _thread(caller) if caller.params.text("thread_ts") else caller.conversation("channel_id")
    prompts = caller.params.json("prompts", "invalid_arguments")
    if not isinstance(prompts, list) or not prompts:
        raise missing_argument("prompts")
    if len(prompts) > 4:
        raise invalid_arguments("no more than 4 items allowed [json-pointer:/prompts]")
    for at, prompt in enumerate(prompts):
        for field in ("title", "message"):
            if not isinstance(prompt, dict) or not prompt.get(field):
                raise invalid_arguments(f"missing required field: {field} [json-pointer:/prompts/{at}]")
    if caller.world.app.agent == (not caller.params.text("thread_ts")):
        place.prompts, place.prompts_title = prompts, caller.params.text("title")
    caller.world.notify()
    return {}


def _thread(caller: Caller) -> AssistantThread:
    where = caller.conversation("channel_id")
    thread = where.threads.get(caller.params.required("thread_ts"))
    if thread is None:
        raise Refused("invalid_thread_ts")
    return thread


def _any_thread(caller: Caller) -> AssistantThread:
    """A status may stand in every thread of the app, not only in those that its assistant opened."""
    where = caller.conversation("channel_id")
    root = where.message(caller.params.required("thread_ts"))
    if root is None:
        raise Refused("invalid_thread_ts")
    return where.threads.setdefault(root.ts, AssistantThread(where, root, root.sender))


def reactions_add(caller: Caller) -> dict[str, Any]:
    caller.needs("reactions:write")
    users = _reaction(caller, add=True)
    if caller.installation.bot_user_id in users:
        raise Refused("already_reacted")
    users.append(caller.installation.bot_user_id)
    caller.world.notify()
    return {}


def reactions_remove(caller: Caller) -> dict[str, Any]:
    caller.needs("reactions:write")
    users = _reaction(caller, add=False)
    if caller.installation.bot_user_id not in users:
        raise Refused("no_reaction")
    users.remove(caller.installation.bot_user_id)
    caller.world.notify()
    return {}


def _reaction(caller: Caller, *, add: bool) -> list[str]:
    name = caller.params.required("name").strip(":")
    if not _EMOJI.fullmatch(name):
        raise Refused("invalid_name")
    where = caller.conversation()
    if not caller.params.text("timestamp"):
        raise Refused("no_item_specified")
    message = caller.message(where, "timestamp")
    return message.reactions.setdefault(name, []) if add else message.reactions.get(name, [])


def get_upload_url(caller: Caller) -> dict[str, Any]:
    caller.needs("files:write")
    length = caller.params.number("length", 0)
    name = caller.params.text("filename")
    if not name or length <= 0:
        raise Refused("missing_argument")
    upload = caller.world.files.promise(caller.team, name, length, caller.installation.bot_user_id)
    return {"upload_url": f"{caller.world.url}/upload/v1/{upload.file_id}", "file_id": upload.file_id}


def complete_upload(caller: Caller) -> dict[str, Any]:
    caller.needs("files:write")
    given = caller.params.json("files", "invalid_arguments")
    if not isinstance(given, list) or not given:
        raise missing_argument("files")
    uploads = []
    for one in given:
        upload = caller.world.files.uploads.get(str(one.get("id")))
        if upload is None or upload.content is None or upload.done or upload.team is not caller.team:
            raise Refused("file_not_found")
        uploads.append((upload, one.get("title") or upload.name))
    blocks = caller.params.json("blocks", "invalid_blocks_format")
    checked = with_ids(message_blocks(blocks)) if blocks else None
    where = caller.team.conversation(caller.params.text("channel_id")) if caller.params.text("channel_id") else None
    if caller.params.text("channel_id") and where is None:
        raise Refused("invalid_channel")
    if where is not None and caller.installation.bot not in where.members:
        raise Refused("not_in_channel")
    files = tuple(caller.world.files.complete(upload, title) for upload, title in uploads)
    if where is not None:
        comment = posted(caller.params.text("initial_comment"))
        thread = caller.params.text("thread_ts") or None
        tell_of_message(where.add(caller.installation.bot, comment, checked, files=files, thread_ts=thread))
    return {"files": [caller.world.files.as_json(file) for file in files]}


METHODS: dict[str, Method] = {
    "assistant.threads.setStatus": set_status,
    "assistant.threads.setTitle": set_title,
    "assistant.threads.setSuggestedPrompts": set_suggested_prompts,
    "reactions.add": reactions_add,
    "reactions.remove": reactions_remove,
    "files.getUploadURLExternal": get_upload_url,
    "files.completeUploadExternal": complete_upload,
}
