"""Drafts: a message that the bot is still writing, seen in private chats for a while (core.telegram.org/bots/api#sendmessagedraft)."""

from __future__ import annotations

import time

from tests.emulators.telegram.chat import Draft
from tests.emulators.telegram.parameters import Parameters
from tests.emulators.telegram.refusals import bad_request
from tests.emulators.telegram.text import MESSAGE_LIMIT, units
from tests.emulators.telegram.world import World

from .formatted import formatted
from .method import Method, chat_to_write


def send_message_draft(world: World, params: Parameters) -> bool:
    text, entities = formatted(world, params, "text", "entities")
    if units(text) > MESSAGE_LIMIT:
        raise bad_request("message is too long")
    chat = chat_to_write(world, params)
    if chat.person is None:
        raise bad_request("TEXTDRAFT_PEER_INVALID")
    draft_id = params.number("draft_id")
    if draft_id == 0:
        raise bad_request("RANDOM_ID_INVALID")
    chat.streams(Draft(draft_id, text, entities, time.monotonic()))
    return True


METHODS: dict[str, Method] = {"sendMessageDraft": send_message_draft}
