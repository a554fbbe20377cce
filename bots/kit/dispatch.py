"""The hop from an async door to the sync core. One input is one transaction: what was said is kept, its handler runs, the reply is
put into the chat; a failure takes all of it back and is put into words."""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID

from bots.kit import clean
from bots.kit.chatting import open_chat
from bots.kit.dialog import Chat, Input, Reply, Submit, Tap, Tried
from bots.kit.heard import answer, kept, sound
from bots.kit.known import known, note
from bots.kit.parts import Parts
from bots.kit.place import place
from bots.kit.render import problem
from bots.kit.screen import Button, Screen
from bots.kit.speak import Spoken, failure, speak
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Failure, Invalid, Unavailable
from core.kernel.faults import fault
from core.kernel.ids import new_id
from core.kernel.telemetry import measure, span
from core.kernel.trace import traceparent
from core.messaging import post

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Answer:
    """What a door shows at once: a `toast` (`alert`: to be closed), and the chat's own `deliveries` that are due now. `code` names what
    failed, if something did; then nothing was changed. `understood`: as in Reply."""

    toast: str | None = None
    alert: bool = False
    deliveries: tuple[UUID, ...] = ()
    code: str | None = None
    understood: bool = False


class Forms(Protocol):
    """How a surface that has no forms asks their questions. Both work in the transaction of the input."""

    def ask(self, chat: Chat, reply: Reply) -> Reply:
        """What to show instead of a reply whose screen has a form."""
        ...

    def again(self, chat: Chat, wrong: Invalid) -> Reply | None:
        """What to show when the answers that this input completed were refused; None when it completed none."""
        ...


class Dispatch:
    """Answers inputs. Safe to use from many tasks at once. `forms` None: the surface shows forms itself."""

    def __init__(self, parts: Parts, forms: Forms | None = None) -> None:
        self._parts = parts
        self._forms = forms

    async def handle(
        self,
        actor: Actor,
        heard: Input,
        extra: Mapping[str, Any] | None = None,
        once: UUID | None = None,
        key: str | None = None,
    ) -> Answer:
        """Answers an input of a verified person. `extra` is what the door knows besides (`timezone`, `language` of the client, the `thread` of the chat).
        `once` is the id of the stored event that it came by: the same event has one effect, however often it is handled.
        `key` is what its sender named it: sent again, to another process too, it has one effect and an empty answer.

        Never raises for what an input can cause; with `once`, Unavailable when the database is away: the event is still there."""
        started = time.perf_counter()
        with span(f"{actor.surface}.{type(heard).__name__.lower()}", workspace=actor.workspace_id):
            answered = await self._parts.hop(self.answer, actor, heard, traceparent.get(), dict(extra or {}), once, key)
        if isinstance(heard, Tap):
            measure("tap_to_toast_seconds", time.perf_counter() - started, surface=actor.surface)
        return answered

    def answer(
        self,
        actor: Actor,
        heard: Input,
        trace: str | None,
        extra: dict[str, Any],
        once: UUID | None = None,
        key: str | None = None,
    ) -> Answer:
        """The same, in this thread."""
        heard = sound(heard)
        try:
            try:
                return self._attempt(actor, heard, trace, extra, once, key)
            except Conflict as stale:
                if stale.code != "kernel.version_stale":
                    raise
                if key is not None and self._was_done(actor, key):
                    return Answer()
                return self._attempt(actor, heard, trace, extra, once, key)
        except Failure as expected:
            if isinstance(expected, Unavailable) and expected.code.startswith("kernel."):
                if once is not None:
                    raise
                return self._away(expected)
            return self._failed(actor, heard, expected.code, expected, extra, once=once)
        except Exception:
            incident = str(new_id())[-12:]
            log.exception("input failed", extra={"incident": incident, "workspace": str(actor.workspace_id)})
            return self._failed(actor, heard, "error.unexpected", None, extra, incident, once)

    def _away(self, expected: Failure) -> Answer:
        """Without a database nobody's language is known."""
        say = self._parts.words.in_language(place("en", "UTC", datetime.now(UTC)))
        return Answer(clean.line(failure(say, expected).line), True, (), expected.code)

    def _was_done(self, actor: Actor, key: str) -> bool:
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            return known(work, actor, key)

    def _attempt(
        self, actor: Actor, heard: Input, trace: str | None, extra: dict[str, Any], once: UUID | None, key: str | None
    ) -> Answer:
        try:
            return self._answered(answer, actor, heard, trace, extra, once, key)
        except Tried as tried:
            return self._answered(tried.reply, actor, heard, trace, extra, once, key)

    def _answered(
        self, by: Callable[[Chat], Reply], actor: Actor, heard: Input, trace: str | None, extra: dict[str, Any],
        once: UUID | None, key: str | None,
    ) -> Answer:  # fmt: skip
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            if once is not None and work.messages.known(once):
                return Answer()
            if key is not None:
                note(work, actor, key)
            chat = open_chat(self._parts, work, actor, heard, trace, extra)
            _hear(chat, heard, once)
            reply = by(chat)
            made = self._put(chat, reply)
            toast = reply.toast or (chat.say("room.answered_alone") if made and _in_room(chat) else None)
            work.commit()
        fault("input_committed")
        return Answer(clean.line(toast) if toast else None, reply.alert, made, understood=reply.understood)

    def _put(self, chat: Chat, reply: Reply) -> tuple[UUID, ...]:
        if self._forms is not None and reply.screen is not None and reply.screen.form is not None:
            reply = self._forms.ask(chat, reply)
        place = getattr(chat.input, "delivery_id", None) if reply.mode == "replace" else None
        work, link = chat.work, chat.link
        if place is not None and _in_room(chat):
            place = None  # What one of them is told is nobody else's: it comes into their own chat.
        if reply.subject is not None:
            if place is None:
                return (post.show(work, link, *reply.subject, trace=chat.trace, thread=chat.thread).id,)
            delivery = work.messages.delivery(place)
            delivery.subject_kind, delivery.subject_id = reply.subject
            delivery.wanted += 1
            delivery.status, delivery.due_at, delivery.priority = "pending", work.now, post.RECEIPT
            work.ring(f"deliveries.{delivery.channel}", delivery.id)
            return (place,)
        if reply.screen is None:
            return ()
        payload = {"screen": clean.screen(reply.screen).model_dump(mode="json")}
        if place is None:
            return (post.answer(work, link, payload, chat.trace, chat.thread).id,)
        return (post.replace(work, link, place, payload).id,)

    def _failed(
        self,
        actor: Actor,
        heard: Input,
        code: str,
        expected: Failure | None,
        extra: dict[str, Any],
        incident: str = "",
        once: UUID | None = None,
    ) -> Answer:
        """The words of a failure, in a transaction of their own: beside the fields of the form, as a toast for a tap, else as a message."""
        with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
            chat = open_chat(self._parts, work, actor, heard, extra=extra)
            spoken = failure(chat.say, expected) if expected else speak(chat.say, code, {"incident": incident})
            toast = clean.line(spoken.line)
            _hear(chat, heard, once, failed=code)
            asked = self._forms.again(chat, expected) if self._forms and isinstance(expected, Invalid) else None
            if asked is not None:
                made, toast = self._put(chat, asked), clean.line(asked.toast or "")
            elif isinstance(heard, Tap):
                made = self._refreshed(chat, heard)
            elif isinstance(heard, Submit) and isinstance(expected, Invalid) and heard.delivery_id is not None:
                made, toast = self._form_again(chat, heard, expected, spoken), ""
            else:
                made, toast = (self._told(chat, spoken),), ""
            work.commit()
        return Answer(toast or None, bool(toast), made, code)

    def _refreshed(self, chat: Chat, tap: Tap) -> tuple[UUID, ...]:
        """A tap that could not be done is mostly one on a card that is out of date: shown anew."""
        if tap.delivery_id is None:
            return ()
        try:
            delivery = chat.work.messages.delivery(tap.delivery_id)
        except Failure:
            return ()
        if delivery.subject_kind == "message":
            return ()
        delivery.wanted += 1
        chat.work.ring(f"deliveries.{delivery.channel}", delivery.id)
        return (delivery.id,)

    def _told(self, chat: Chat, spoken: Spoken) -> UUID:
        help_button = Button(label=chat.say("command.help"), action="command.run", args=("help",))
        payload = {"screen": clean.screen(problem(spoken, help_button)).model_dump(mode="json")}
        return post.answer(chat.work, chat.link, payload, chat.trace, chat.thread).id

    def _form_again(self, chat: Chat, submit: Submit, wrong: Invalid, spoken: Spoken) -> tuple[UUID, ...]:
        """The same form with what was filled in (not the secrets) and an error beside each wrong field."""
        assert submit.delivery_id is not None
        delivery = chat.work.messages.delivery(submit.delivery_id)
        shown = chat.work.messages.get(delivery.message_id).payload.get("screen") if delivery.message_id else None
        screen = Screen.model_validate(shown) if shown else None
        if screen is None or screen.form is None:
            return (self._told(chat, spoken),)
        errors = field_errors(chat, wrong)
        fields = tuple(
            field.model_copy(
                update={
                    "error": errors.pop(field.name, ""),
                    "value": None if field.kind in ("secret", "file") else submit.values.get(field.name, field.value),
                }
            )
            for field in screen.form.fields
        )
        if errors or wrong.code != "form.field_invalid":
            fields = (fields[0].model_copy(update={"error": spoken.line}), *fields[1:])
        again = screen.model_copy(update={"form": screen.form.model_copy(update={"fields": fields})})
        payload = {"screen": clean.screen(again).model_dump(mode="json")}
        return (post.replace(chat.work, chat.link, submit.delivery_id, payload).id,)


def _in_room(chat: Chat) -> bool:
    """Whether it was tapped or answered in a shared chat."""
    place = getattr(chat.input, "delivery_id", None) or getattr(chat.input, "reply_to", None)
    return place is not None and chat.work.messages.delivery(place).room_id is not None


def _hear(chat: Chat, heard: Input, once: UUID | None, **more: str) -> None:
    """Keeps what was said, for whoever answers it to find again."""
    message = post.hear(chat.work, chat.link, {**kept(heard), **more}, getattr(heard, "blob", None), once)
    chat.heard = message.id


def field_errors(chat: Chat, wrong: Invalid) -> dict[str, str]:
    """A sentence for each wrong field of `form.field_invalid`. A rule is one of JSON Schema (`form.rule.<rule>`) or an error code."""
    sentences = {}
    for error in wrong.data.get("errors") or ([wrong.data] if "field" in wrong.data else []):
        rule = str(error["rule"])
        code = f"form.rule.{rule}"
        if rule in ("format", "type"):
            code = f"{code}.{error.get('format', 'string')}"
        if not chat.say.knows(code):
            code = rule if chat.say.knows(rule) else "form.rule.other"
        sentences.setdefault(str(error["field"]), chat.say(code, **error))
    return sentences
