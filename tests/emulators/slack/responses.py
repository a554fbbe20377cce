"""Answers to interactions: response_url, and what an ack may carry for a command or a modal."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .blocks import check_view, message_blocks, with_ids
from .message import Message, Version
from .refusals import Refused
from .telling import tell_of_change, tell_of_message, tell_of_removal
from .text import posted
from .views import View

if TYPE_CHECKING:
    from .conversation import Conversation
    from .deliveries import Delivery
    from .people import Person

USES = 5
LIFETIME_SECONDS = 30 * 60


@dataclass(eq=False)
class ResponseUrl:
    """An address that may speak where the interaction happened: five times within half an hour."""

    url: str
    person: Person
    conversation: Conversation
    original: Message | None
    delivery: Delivery | None = None
    left: int = USES
    made_at: float = 0.0

    def use(self, body: dict[str, Any]) -> None:
        if self.left <= 0:
            raise Refused("used_url", status=404)
        if time.monotonic() - self.made_at > LIFETIME_SECONDS:
            raise Refused("expired_url", status=404)
        self.say(body)
        self.left -= 1

    def say(self, body: dict[str, Any]) -> None:
        """Carry out one answer: new text for the person or for all, or a change of the original."""
        blocks = body.get("blocks")
        if isinstance(blocks, str):
            blocks = json.loads(blocks)
        checked = with_ids(message_blocks(blocks)) if blocks is not None else None
        text = posted(str(body.get("text", "")))
        if body.get("delete_original"):
            if self.original is None:
                raise Refused("no_original", status=404)
            self.original.deleted = True
            tell_of_removal(self.original)
            self.conversation.world.notify()
            return
        if not text and not checked:
            raise Refused("no_text", status=500)
        if body.get("replace_original") and self.original is not None:
            before = self.original.as_json()
            self.original.change(Version(text, checked or [], body.get("attachments", []), body.get("metadata")))
            tell_of_change(self.original, before)
            return
        only_for = None if body.get("response_type") == "in_channel" else self.person
        message = self.conversation.add(
            self.conversation.team.bot, text, checked, thread_ts=body.get("thread_ts"), only_for=only_for
        )
        if only_for is None:
            tell_of_message(message)
        if self.delivery is not None:
            self.delivery.messages.append(message)


def answer_command(delivery: Delivery, url: ResponseUrl) -> None:
    """The ack of a slash command: nothing, text, or a message."""
    answer = delivery.answer
    if delivery.state == "failed":
        return
    if isinstance(answer, str) and answer:
        answer = {"text": answer}
    if isinstance(answer, dict) and (answer.get("text") or answer.get("blocks")):
        try:
            url.say(answer)
        except Refused as refusal:
            delivery.trouble = refusal.error


def answer_submission(delivery: Delivery, view: View) -> None:
    """The ack of a submitted form: close it, say what is wrong, show another, or put one on top."""
    if delivery.state == "failed":
        view.trouble = "We had some trouble connecting. Try again?"
        return
    answer = delivery.answer if isinstance(delivery.answer, dict) else {}
    try:
        _respond(answer, view)
    except Refused as refusal:
        view.trouble = delivery.trouble = f"{refusal.error}: {refusal.extra}"


def _respond(answer: dict[str, Any], view: View) -> None:
    person = view.person
    match answer.get("response_action"):
        case None:
            person.pops(view)
        case "clear":
            person.clears()
        case "errors":
            errors = answer.get("errors") or {}
            inputs = {block["block_id"] for block in view.blocks if block["type"] == "input"}
            if not errors or not set(errors) <= inputs:
                raise Refused("invalid_errors", errors=errors, inputs=sorted(inputs))
            view.errors = dict(errors)
        case "update":
            view.change(check_view(answer.get("view"), "modal"))
        case "push":
            person.pushes(check_view(answer.get("view"), "modal"))
        case other:
            raise Refused("invalid_response_action", action=other)
