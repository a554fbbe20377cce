"""Dialogs that only these tests speak: enough to try every part of a screen."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from bots.kit import forms
from bots.kit.dialog import Chat, Reply, Text, Upload, action, command, renderer, step
from bots.kit.screen import (
    Bullets,
    Button,
    Change,
    Countdown,
    Facts,
    Form,
    Heading,
    Paragraph,
    Progress,
    Quote,
    Screen,
)
from core.kernel.errors import Conflict
from core.kernel.ids import new_id
from core.messaging.models import Conversation

SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["host", "password"],
    "properties": {
        "host": {"type": "string", "title": "Mail server", "description": "For example imap.example.org"},
        "password": {"type": "string", "title": "Password", "writeOnly": True},
        "port": {"type": "integer", "title": "Port", "minimum": 1, "maximum": 65535, "default": 993},
        "mode": {"enum": ["tls", "starttls"], "title": "Security", "default": "tls"},
        "days": {
            "type": "array",
            "title": "Days",
            "items": {"oneOf": [{"const": 1, "title": "Monday"}, {"const": 2, "title": "Tuesday"}]},
        },
        "drafts": {"type": "boolean", "title": "Draft replies", "default": True},
    },
}
HOSTILE = '<script>document.title="broken"</script><b>bold</b>\u202egnp.exe'
saved: list[dict[str, Any]] = []
counted: list[str] = []
truths: dict[UUID, str] = {}


def card(heading: str = "Reply to Mara", tone: str = "ask", *buttons: Button) -> Screen:
    """A card with one of everything."""
    return Screen(
        blocks=(
            Heading(text=heading),
            Paragraph(text="Priority high", muted=True),
            Facts(rows=(("To", "mara@example.org"), ("Subject", HOSTILE))),
            Quote(text="Thank you.\nTuesday works.", source="The reply"),
            Bullets(items=("first", "second")),
            Change(lines=(("keep", "Hi"), ("remove", "Tuesday"), ("add", "Thursday"))),
            Progress(label="Messages read", done=3, total=4),
        ),
        buttons=((Button(label="Approve", action="probe.approve", style="primary"), *buttons),),
        tone=tone,  # pyright: ignore[reportArgumentType]
    )


@command("probe_card")
def _card(chat: Chat, rest: str) -> Reply:
    return Reply(
        card(
            rest or "Reply to Mara",
            "ask",
            Button(label="Late", action="probe.late"),
            Button(label="Break", action="probe.broken"),
        )
    )


@action("probe.approve")
def _approve(chat: Chat) -> Reply:
    counted.append("approve")
    done = Screen(
        blocks=(
            Heading(text="Approved"),
            Countdown(text="Sending in {seconds} s.", until=chat.work.now + timedelta(seconds=10)),
        ),
        buttons=((Button(label="Undo", action="probe.undo"),),),
        tone="done",
    )
    return Reply(done, mode="replace", toast="Approved, sending in 10 s")


@action("probe.undo")
def _undo(chat: Chat) -> Reply:
    return Reply(card("Taken back"), mode="replace", toast="Nothing was sent")


@action("probe.late")
def _late(chat: Chat) -> Reply:
    raise Conflict("kernel.version_stale_forever")


@action("probe.broken")
def _broken(chat: Chat) -> Reply:
    raise RuntimeError("a secret detail")


@command("probe_form")
def _form(chat: Chat, rest: str) -> Reply:
    form = Form(action="probe.save", fields=forms.fields(SCHEMA), submit="Connect")
    return Reply(Screen(blocks=(Heading(text="Connect"),), form=form))


@action("probe.save")
def _save(chat: Chat, values: dict[str, Any]) -> Reply:
    saved.append(forms.read(SCHEMA, values))
    return Reply(Screen(blocks=(Heading(text="Connected"),), tone="done"), mode="replace", toast="Connected")


@command("probe_say")
def _say(chat: Chat, rest: str) -> Reply:
    return Reply(Screen(blocks=(Paragraph(text=rest),)))


@action("probe.stale")
def _stale(chat: Chat) -> Reply:
    counted.append("tried")
    if len(counted) == 1:
        raise Conflict("kernel.version_stale")
    return Reply(toast="Done")


@action("probe.half")
def _half(chat: Chat) -> Reply:
    _ask(chat, "")
    raise Conflict("messaging.button_unknown")


@command("probe_place")
def _place(chat: Chat, rest: str) -> Reply:
    return Reply(Screen(blocks=(Paragraph(text=f"{chat.extra.get('timezone')} {chat.extra.get('language')}"),)))


@command("probe_ask")
def _ask(chat: Chat, rest: str) -> Reply:
    now, link = chat.work.now, chat.link
    conversation = Conversation(
        id=new_id(), workspace_id=link.workspace_id, user_id=link.user_id, link_id=link.id, dialog="probe", step="name",
        state={}, created_at=now, expires_at=now + timedelta(minutes=0 if rest == "lapsed" else 10),
    )  # fmt: skip
    chat.work.conversations.put(conversation)
    return Reply(Screen(blocks=(Paragraph(text="What is it called?"),)))


@step("probe")
def _heard(chat: Chat, conversation: Conversation) -> Reply:
    heard = chat.input
    chat.work.conversations.end(chat.link.id)
    if isinstance(heard, Upload):
        size = len(chat.extra["blobs"](heard.blob)) if "blobs" in chat.extra else heard.size
        return Reply(Screen(blocks=(Paragraph(text=f"A file: {heard.name}, {size} bytes"),)))
    return Reply(Screen(blocks=(Paragraph(text=f"It is called {heard.text if isinstance(heard, Text) else '?'}"),)))


@renderer("probe")
def _subject(chat: Chat, subject_id: UUID) -> Screen:
    if truths.get(subject_id) == "broken":
        raise RuntimeError("this card cannot be drawn")
    return Screen(blocks=(Heading(text=f"Subject: {truths.get(subject_id, 'new')}"),))
