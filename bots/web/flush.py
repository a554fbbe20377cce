"""What is due in one chat of the page is shown there and then: claimed, rendered, settled. "Delivered" means that a page took it."""

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from bots.kit.chatting import open_chat
from bots.kit.dialog import Chat
from bots.kit.outbound import Letter, Letters
from bots.kit.parts import Parts
from bots.kit.render import render
from bots.web.lines import Lines, Shown, Speech
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.messaging.hold import admitted

log = logging.getLogger(__name__)
OVERLAP_MS = 10_000
LEASE_SECONDS = 10.0
PAGE = 40
AT_ONCE = 500


class Flush:
    """Shows what is due, and reads what stands in a chat."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._letters = Letters(parts)
        self._lines = Lines(parts)

    def speech(self, actor: Actor) -> Speech:
        """How the page speaks to this person now."""
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            return _speech(open_chat(self._parts, work, actor))

    def due(self, actor: Actor) -> None:
        """Takes everything that is due in the chat. Another page that was woken for the same waits at the claim until this is committed, then
        reads it."""
        waiting = self._waiting(actor)
        try:
            self._take(actor, waiting)
        except Exception:
            log.exception("one of %s deliveries cannot be shown: one by one", len(waiting))
            for delivery_id in waiting:
                self._alone(actor, delivery_id)

    def _take(self, actor: Actor, ids: Sequence[UUID]) -> None:
        if not ids:
            return
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            self._take_within(open_chat(self._parts, work, actor), ids)
            work.commit()

    def _take_within(self, chat: Chat, ids: Sequence[UUID]) -> None:
        """In one transaction: nothing slow lies between claim and settle here."""
        work = chat.work
        for delivery_id in ids:
            claimed = work.messages.claim(delivery_id, LEASE_SECONDS)
            delivery = admitted(work, claimed) if claimed is not None and claimed.link_id == chat.link.id else None
            if delivery is not None:
                letter = Letter(delivery, chat.link, render(chat, delivery), chat.say)
                self._letters.record(work, letter, str(delivery_id))

    def _alone(self, actor: Actor, delivery_id: UUID) -> None:
        """A card that cannot be shown keeps nothing else from being shown; it is put off."""
        try:
            self._take(actor, [delivery_id])
        except Exception as problem:
            log.warning("delivery %s cannot be shown now", delivery_id)
            self._letters.undrawn(DueItem(delivery_id, actor.workspace_id, actor.user_id), problem)

    def _waiting(self, actor: Actor) -> list[UUID]:
        assert actor.link_id is not None
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            return work.messages.due(actor.link_id, AT_ONCE)

    def lines(self, actor: Actor, after: UUID | None = None) -> list[Shown]:
        """What is due is shown; then the lines that changed after the message `after` (None: in the last ten seconds). Messages may become
        visible a little out of order, so the ten seconds before `after` is looked at again; the page knows what it has."""
        self.due(actor)
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            speech = _speech(open_chat(self._parts, work, actor))
            since = _earlier(after or uuid7())
            return self._lines.shown(speech, work.messages.changed(actor.link_id, since))

    def answered(self, actor: Actor, made: Sequence[UUID], since: UUID) -> list[Shown]:
        """The lines that came of an input: its deliveries `made` are shown, without looking for others. `since` is an id that this process
        made just before, so that nothing of it is missed."""
        try:
            return self._since(actor, made, since)
        except Exception:
            log.exception("an answer cannot be shown at once")
            return self.lines(actor)

    def _since(self, actor: Actor, made: Sequence[UUID], since: UUID) -> list[Shown]:
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            chat = open_chat(self._parts, work, actor)
            if made:
                self._take_within(chat, made)
            shown = self._lines.shown(_speech(chat), work.messages.changed(actor.link_id, since))
            if made:
                work.commit()
        return shown

    def page(self, actor: Actor, before: UUID | None, language: str = "") -> tuple[Speech, list[Shown], str | None]:
        """A page of the chat, newest last, and where the one before it ends (None: there is none). `language` is that of the client."""
        if before is None:
            self.due(actor)
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            speech = _speech(open_chat(self._parts, work, actor, extra={"language": language}))
            rows: list[Any] = list(work.messages.transcript(actor.link_id, before, PAGE + 1))
            more = len(rows) > PAGE
            rows = rows[-PAGE:]
            first = (rows[0].delivery or rows[0].message).id if rows else None
            return speech, self._lines.shown(speech, rows), str(first) if more else None


def _speech(chat: Any) -> Speech:
    return Speech(chat.say, chat.place, chat.link.id)


def _earlier(message_id: UUID) -> UUID:
    """The first id of the ten seconds before (RFC 9562, 5.7: 48 bits of milliseconds lead)."""
    milliseconds = max((message_id.int >> 80) - OVERLAP_MS, 0)
    return UUID(int=milliseconds << 80 | 0x7 << 76 | 0b10 << 62)
