"""Making a trigger: a schedule in words that is echoed before it holds, an event from a list, an address to call."""

from typing import Any
from uuid import UUID

from bots.dialogs import talk, targets, trigger_pages
from bots.dialogs.schedule_words import cron_in
from bots.dialogs.trigger_words import AHEAD, EVENTS, cron_words, event_words
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Block, Bullets, Button, Form, Heading, Paragraph, Screen, row
from bots.kit.speak import failure
from core.kernel.errors import Invalid
from core.messaging.models import Conversation
from core.workflows.cron import preview
from core.workflows.trigger import TriggerSpec, make_trigger

DIALOG = "trigger"
UNCLEAR = frozenset(
    ("workflows.words_unclear", "workflows.words_beyond_cron", "workflows.cron_invalid", "workflows.cron_never")
)
SOURCES = ("standard", "github", "stripe")


@action("trigger.add_schedule")
def add_schedule(chat: Chat, kind: str, id: str) -> Reply:
    """Asks for it in words."""
    talk.begin(chat, DIALOG, "words", {"kind": kind, "id": id})
    return Reply(_ask(chat, kind, id))


def _ask(chat: Chat, kind: str, id: str, problem: str = "") -> Screen:
    blocks: list[Block] = [Heading(text=chat.say("triggers.heading", what=targets.named(chat, kind, id)))]
    blocks += [Paragraph(text=problem)] if problem else []
    blocks.append(Paragraph(text=chat.say("trigger.ask")))
    return Screen(blocks=tuple(blocks), buttons=(row(talk.cancel(chat)),), tone="ask")


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """What was understood, with the next times; it holds once that was agreed to."""
    kind, id = conversation.state["kind"], conversation.state["id"]
    said = getattr(chat.input, "text", "")
    try:
        cron = cron_in(chat.profile.language, said)
        times = preview(cron, chat.profile.timezone, chat.work.now, AHEAD)
    except Invalid as unclear:
        if unclear.code not in UNCLEAR:
            raise
        told = failure(chat.say, Invalid(unclear.code, **{"words": said[:100], "cron": said[:100], **unclear.data}))
        return Reply(_ask(chat, kind, id, told.line))
    talk.keep(chat, conversation, "agree", cron=cron)
    understood = chat.say("trigger.schedule", words=cron_words(chat, cron), zone=chat.profile.timezone)
    yes = Button(label=chat.say("trigger.agree"), action="trigger.agree", style="primary")
    return Reply(
        Screen(
            blocks=(
                Heading(text=chat.say("triggers.heading", what=targets.named(chat, kind, id))),
                Paragraph(text=chat.say("trigger.understood", told=understood)),
                Paragraph(text=chat.say("trigger.ahead", n=len(times))),
                Bullets(items=tuple(f"{chat.place.day(at)}, {chat.place.clock(at)}" for at in times)),
                Paragraph(text=chat.say("trigger.again"), muted=True),
            ),
            buttons=(row(yes, talk.cancel(chat)),),
            tone="ask",
        )
    )


@action("trigger.agree")
def agree(chat: Chat) -> Reply:
    """The schedule that was echoed holds from now on."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None or "cron" not in conversation.state:
        return Reply(toast=chat.say("trigger.lapsed"), alert=True)
    kept = conversation.state
    spec = TriggerSpec(type="schedule", cron=kept["cron"], timezone=chat.profile.timezone)
    made = make_trigger(chat.work, chat.actor, spec, **targets.only(kept["kind"], kept["id"]))
    talk.end(chat, DIALOG)
    return Reply(trigger_pages.page(chat, made.trigger, chat.say("trigger.made")), mode="replace")


def _event(chat: Chat) -> dict[str, Any]:
    kinds = [{"const": kind, "title": event_words(chat, kind)} for kind in EVENTS]
    return {
        "type": "object",
        "properties": {
            "event_kind": {"type": "string", "title": chat.say("trigger.when"), "oneOf": kinds},
            "filter": _filter(chat, "event"),
        },
        "required": ["event_kind"],
    }


def _webhook(chat: Chat) -> dict[str, Any]:
    sources = [{"const": source, "title": chat.say(f"trigger.source.{source}")} for source in SOURCES]
    return {
        "type": "object",
        "properties": {
            "source": {
                "type": "string",
                "title": chat.say("trigger.source"),
                "oneOf": sources,
                "default": "standard",
            },
            "filter": _filter(chat, "webhook"),
        },
        "required": ["source"],
    }


def _filter(chat: Chat, kind: str) -> dict[str, Any]:
    return {
        "type": "string",
        "title": chat.say("trigger.filter.ask"),
        "description": chat.say(f"trigger.filter.{kind}"),
        "maxLength": 2000,
    }


@action("trigger.add_event")
def add_event(chat: Chat, kind: str, id: str) -> Reply:
    """Asks for what it shall listen to."""
    return _form(chat, kind, id, "trigger.make_event", _event(chat))


@action("trigger.add_webhook")
def add_webhook(chat: Chat, kind: str, id: str) -> Reply:
    """Asks who will call. Its secret is shown once, and only on the page: elsewhere it would stay in a history that is not ours."""
    if chat.link.provider != "web":
        return Reply(toast=chat.say("trigger.on_the_page"), alert=True)
    return _form(chat, kind, id, "trigger.make_webhook", _webhook(chat))


def _form(chat: Chat, kind: str, id: str, action: str, schema: dict[str, Any]) -> Reply:
    heading = Heading(text=chat.say("triggers.heading", what=targets.named(chat, kind, id)))
    form = Form(action=action, args=(kind, id), fields=forms.fields(schema), submit=chat.say("trigger.add"))
    back = Button(label=chat.say("way.back"), action="triggers.open", args=(kind, id))
    return Reply(Screen(blocks=(heading,), form=form, buttons=(row(back),)))


@action("trigger.make_event")
def make_event(chat: Chat, kind: str, id: str, values: dict[str, Any]) -> Reply:
    """It listens from now on."""
    given = forms.read(_event(chat), values)
    return _made(chat, kind, id, TriggerSpec(type="event", **given))


@action("trigger.make_webhook")
def make_webhook(chat: Chat, kind: str, id: str, values: dict[str, Any]) -> Reply:
    """It has an address from now on; its secret is shown this once."""
    given = forms.read(_webhook(chat), values)
    return _made(chat, kind, id, TriggerSpec(type="webhook", **given))


def _made(chat: Chat, kind: str, id: str, spec: TriggerSpec) -> Reply:
    made = make_trigger(chat.work, chat.actor, spec, **targets.only(kind, str(UUID(id))))
    shown = trigger_pages.page(chat, made.trigger, chat.say("trigger.made"), made.secret or "")
    return Reply(shown, mode="replace")
