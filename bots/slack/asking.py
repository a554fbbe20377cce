"""*Ask an agent about this*: a message from anywhere in Slack becomes the input of a run. And *Read all*, forms that a button in the chat opens, and files that are
chosen in a modal."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from bots.dialogs import ways
from bots.kit import clean
from bots.kit.dialog import Chat, Reply, Tap, action
from bots.kit.render import render
from bots.kit.screen import Field, Form, Heading, Paragraph, Quote, Screen, row
from bots.slack.pieces import pieces
from core.kernel.errors import Invalid, NotFound
from core.kernel.ids import new_id
from core.messaging.models import Conversation
from core.messaging.post import answer
from core.orchestration.start import start

DIALOG = "slack.ask_agent"
FILE, FILE_SENT = "file", "slack.file_sent"
"""The field of a file, and what the form around it is for."""
LAPSES = timedelta(hours=1)
AGENTS, SHOWN = 100, 1500


def remember(chat: Chat, quoted: str) -> None:
    """Keeps the message for when it is known which agent to ask."""
    chat.work.conversations.put(
        Conversation(
            id=new_id(), workspace_id=chat.link.workspace_id, user_id=chat.user.id, link_id=chat.link.id, dialog=DIALOG,
            step="agent", state={"quoted": quoted}, created_at=chat.work.now, expires_at=chat.work.now + LAPSES,
        )
    )  # fmt: skip


def _quoted(chat: Chat) -> str | None:
    kept = chat.work.conversations.current(chat.link.id)
    if kept is None or kept.dialog != DIALOG or kept.expires_at <= chat.work.now:
        return None
    return str(kept.state["quoted"])


@action("slack.ask_agent")
def ask(chat: Chat) -> Reply:
    """Which agent, and what about it."""
    quoted = _quoted(chat)
    agents = [one for one in chat.work.agents.page(chat.user.id, None, AGENTS) if one.status == "active"]
    if quoted is None or not agents:
        return Reply(toast=chat.say("slack.ask.no_agent" if quoted is not None else "slack.ask.over"), alert=True)
    fields = (
        Field(
            name="agent", label=chat.say("slack.ask.agent"), kind="choice", required=True, value=str(agents[0].id),
            options=tuple((str(one.id), one.name) for one in agents),
        ),
        Field(name="question", label=chat.say("slack.ask.question"), kind="multiline", max_length=2000),
    )  # fmt: skip
    blocks = (Heading(text=chat.say("slack.ask.heading")), Quote(text=clean.cut(quoted, SHOWN)))
    form = Form(action="slack.asked", fields=fields, submit=chat.say("slack.ask.submit"))
    return Reply(Screen(blocks=blocks, form=form))


@action("slack.asked")
def asked(chat: Chat, values: dict[str, Any]) -> Reply:
    """Starts a run of the agent with the message as its input; its card shows how far it is."""
    quoted = _quoted(chat)
    if quoted is None:
        return Reply(toast=chat.say("slack.ask.over"), alert=True)
    try:
        agent = chat.work.agents.get(UUID(str(values.get("agent"))))
    except (ValueError, NotFound):
        raise Invalid("form.field_invalid", field="agent", rule="required") from None
    given = {"text": quoted, "question": str(values.get("question") or ""), "source": "slack"}
    run = start(chat.work, chat.actor, agent.id, "chat", given)
    chat.work.conversations.end(chat.link.id)
    return Reply(subject=("run", run.id))


@action("slack.form")
def open_form(chat: Chat) -> Reply:
    """The form of the tapped message."""
    screen = _shown(chat)
    if screen is None or screen.form is None:
        return Reply(toast=chat.say("slack.read_gone"), alert=True)
    return Reply(screen, mode="replace")


@action("slack.file")
def choose_file(chat: Chat) -> Reply:
    """Asks for the file that the tapped message waits for; what is chosen is then heard as if it had been sent in the chat."""
    screen = _shown(chat)
    if screen is None or not screen.accepts_file:
        return Reply(toast=chat.say("slack.read_gone"), alert=True)
    field = Field(name=FILE, label=chat.say("slack.file.label"), kind="file", required=True)
    form = Form(action=FILE_SENT, args=screen.accepts_file, fields=(field,), submit=chat.say("slack.file.submit"))
    return Reply(Screen(blocks=(Heading(text=chat.say("slack.file.heading")),), form=form))


@action(FILE_SENT)
def heard_as_a_file(chat: Chat, *given: Any) -> Reply:
    """What is chosen is heard as the file that it is (bots.slack.submitting), never as a form."""
    raise Invalid("messaging.button_unknown", action=FILE_SENT)


@action("slack.read")
def read_all(chat: Chat) -> Reply:
    """Sends the parts of what the tapped message stands for, in order; what can be decided stands under the last one only."""
    screen = _shown(chat)
    if screen is None:
        return Reply(Screen(blocks=(Paragraph(text=chat.say("slack.read_gone")),), buttons=(row(ways.inbox(chat)),)))
    parts = pieces(screen.model_copy(update={"picture": None, "document": None}), chat.say)
    for number, part in enumerate(parts, 1):
        note = Paragraph(text=chat.say("slack.part", part=number, parts=len(parts)), muted=True)
        said = part.model_copy(update={"blocks": (*part.blocks, note)})
        delivery = answer(chat.work, chat.link, {"screen": said.model_dump(mode="json")}, chat.trace, chat.thread)
        delivery.due_at += timedelta(microseconds=number)  # They are due at one moment, and must come in order.
    return Reply(toast=chat.say("slack.reading", n=len(parts)))


def _shown(chat: Chat) -> Screen | None:
    """The whole of what the tapped place showed last; of a card in a channel, what it shows everybody there now."""
    place = chat.input.delivery_id if isinstance(chat.input, Tap) else None
    if place is None:
        return None
    delivery = chat.work.messages.delivery(place)
    if delivery.room_id is not None:
        # What was shown there is sealed with the key of whom it is about, who need not be the one who reads.
        return render(replace(chat, room=chat.work.rooms.get(delivery.room_id)), delivery)
    payload = chat.work.messages.get(delivery.message_id).payload if delivery.message_id else {}
    return Screen.model_validate(payload["screen"]) if "screen" in payload else None
