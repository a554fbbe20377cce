"""Forms in a chat that has none: one question at a time. How far a form is, is kept in the conversation's row (sealed), so that it
survives restarts; secrets are not asked here at all. At the end it is submitted exactly as the page does it."""

import secrets
from datetime import datetime, timedelta
from typing import Any

from bots.dialogs import ways
from bots.kit import clean, heard
from bots.kit.addresses import page
from bots.kit.dialog import Chat, Reply, Submit, Tap, Text, Upload, action, command, replies, step
from bots.kit.dispatch import field_errors
from bots.kit.screen import Block, Bullets, Button, Facts, Field, Heading, Paragraph, Quote, Screen, row
from bots.kit.speak import failure
from bots.telegram import questions, render
from bots.telegram.questions import Flow, Unclear
from core.kernel.errors import Invalid
from core.kernel.ids import new_id
from core.messaging.models import Conversation

DIALOG = "telegram.form"
LAPSES = timedelta(hours=1)
SHOWN = 1500
IN_A_LINE = 80
PLACEHOLDER = 64
"""Characters that the empty field shows (core.telegram.org/bots/api#forcereply)."""


class FormFlow:
    """bots.kit.dispatch.Forms."""

    def __init__(self, public_url: str | None) -> None:
        self._public_url = public_url

    def ask(self, chat: Chat, reply: Reply) -> Reply:
        """Begins with the first question, under what the form's screen says. A form with a secret is not for this chat."""
        screen = reply.screen
        assert screen is not None
        assert screen.form is not None
        if any(field.kind == "secret" for field in screen.form.fields):
            shown = self._elsewhere(chat, screen)
        else:
            flow = questions.begin(screen.form, secrets.token_hex(3), _outer(chat))
            _keep(chat, flow)
            shown = opened(chat, flow, before=screen.blocks)
        return Reply(shown, "new" if shown.asks else reply.mode, reply.toast, reply.alert)

    def _elsewhere(self, chat: Chat, screen: Screen) -> Screen:
        address = page("/", self._public_url)
        code = "telegram.form.secret" if address else "telegram.form.secret_no_page"
        blocks = (*screen.blocks, Paragraph(text=chat.say(code)))
        there = row(Button(label=chat.say("telegram.form.open_page"), url=address)) if address else ()
        return screen.model_copy(update={"blocks": blocks, "form": None, "buttons": (there, *screen.buttons)})

    def again(self, chat: Chat, wrong: Invalid) -> Reply | None:
        """What was refused is asked once more; everything else stays answered."""
        conversation = chat.work.conversations.current(chat.link.id)
        if conversation is None or conversation.dialog != DIALOG or not _is_answer(chat):
            return None
        try:
            flow = _progress(chat, _flow(conversation))
        except (Unclear, Invalid):
            return None
        if not flow.complete:
            return None
        errors = {name: text for name, text in field_errors(chat, wrong).items() if name in questions.values(flow)}
        errors = errors or {flow.form.fields[flow.ask[-1]].name: failure(chat.say, wrong).line}
        asked = questions.again(flow, errors)
        _keep(chat, asked)
        return _shown(chat, asked)


def _is_answer(chat: Chat) -> bool:
    """Whether the input was one for the form, not a command or another button."""
    match chat.input:
        case Tap(name):
            return name == "telegram.answer"
        case Text(words, reply_to):
            if heard.COMMAND.fullmatch(words.strip()):
                return False
            return reply_to is None or chat.work.messages.delivery(reply_to).subject_kind not in replies
        case _:
            return isinstance(chat.input, Upload)


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """Words or a file, in answer to the open question."""
    return _go_on(chat, _flow(conversation))


@action("telegram.answer")
def tapped(chat: Chat, mark: str, at: str, what: str) -> Reply:
    """A button of a question."""
    conversation = chat.work.conversations.current(chat.link.id)
    if conversation is None or conversation.dialog != DIALOG or conversation.expires_at <= chat.work.now:
        return Reply(toast=chat.say("telegram.form.over"), alert=True)
    flow = _flow(conversation)
    if flow.overview and at == flow.menu:
        flow = flow.model_copy(update={"shown": True})
    if (flow.mark, flow.place) != (mark, at):
        return Reply(toast=chat.say("telegram.form.stale"), alert=True)
    return _go_on(chat, flow)


@command("back")
def back(chat: Chat, rest: str = "") -> Reply:
    """One question back, where a question has no buttons that do it."""
    conversation = chat.work.conversations.current(chat.link.id)
    if conversation is None or conversation.dialog != DIALOG or conversation.expires_at <= chat.work.now:
        return Reply(_alone(chat, "telegram.form.over"))
    try:
        flow = questions.back(_flow(conversation))
    except Unclear:
        flow = _flow(conversation)
    _keep(chat, flow)
    return Reply(opened(chat, flow))


def _alone(chat: Chat, code: str) -> Screen:
    return Screen(blocks=(Paragraph(text=chat.say(code)),), buttons=(row(ways.inbox(chat), ways.help_(chat)),))


def _go_on(chat: Chat, flow: Flow) -> Reply:
    """The next question; after the last one, whoever waits for the form answers. Raises what that raises."""
    try:
        moved = _progress(chat, flow)
    except Unclear as unclear:
        told = chat.say(unclear.code, **unclear.data)
        if isinstance(chat.input, Tap):
            return Reply(toast=told, alert=True)
        return Reply(opened(chat, flow, error=told))
    except Invalid as wrong:
        told = field_errors(chat, wrong).get(flow.field.name) or failure(chat.say, wrong).line
        return Reply(opened(chat, flow, error=told))
    if not moved.complete:
        _keep(chat, moved)
        return _shown(chat, moved)
    _restore(chat, moved.outer)
    place = chat.input.delivery_id if isinstance(chat.input, Tap) else None
    chat.input = Submit(moved.form.action, moved.form.args, questions.values(moved), place)
    return heard.answer(chat)


def _progress(chat: Chat, flow: Flow) -> Flow:
    """The flow after the input. Raises Unclear, Invalid."""
    match chat.input:
        case Tap(_, args):
            return questions.tapped(flow, args[-1])
        case Text(text):
            return questions.said(flow, text)
        case Upload():
            return questions.handed(flow, chat.input)
        case _:
            raise Unclear("telegram.form.stale")


def _shown(chat: Chat, flow: Flow) -> Reply:
    """A tapped question is replaced; after words the next one stands under them. One that opens the field for words is a message of its own: Telegram opens it for
    a new message only."""
    screen = opened(chat, flow)
    return Reply(screen, "replace" if isinstance(chat.input, Tap) and not screen.asks else "new", understood=True)


def opened(chat: Chat, flow: Flow, before: tuple[Block, ...] = (), error: str = "") -> Screen:
    """The overview, or the open question."""
    return overview(chat, flow, before, error) if flow.shown else question(chat, flow, before, error)


def overview(chat: Chat, flow: Flow, before: tuple[Block, ...] = (), error: str = "") -> Screen:
    """What stands, with a button for each part of it."""
    blocks: list[Block] = [*before, *([Paragraph(text=error)] if error else [])]
    for field in flow.form.fields:
        value = flow.answers.get(field.name, questions.posted(field))
        words = _spoken(chat, field, value)
        if len(words) > IN_A_LINE or "\n" in words:
            blocks.append(Quote(text=clean.cut(words, SHOWN), source=chat.say("telegram.label", label=field.label)))
        else:
            blocks.append(Facts(rows=((field.label, words),)))
    picks = [
        Button(label=field.label, action="telegram.answer", args=(flow.mark, flow.menu, f"f{at}"))
        for at, field in enumerate(flow.form.fields)
    ]
    save = Button(
        label=flow.form.submit, action="telegram.answer", args=(flow.mark, flow.menu, "save"), style="primary"
    )
    rows = [tuple(picks[at : at + 2]) for at in range(0, len(picks), 2)]
    return Screen(blocks=tuple(blocks), buttons=(*rows, row(save, _leave(chat))), tone="ask")


def _spoken(chat: Chat, field: Field, value: Any) -> str:
    """A value as a person reads it."""
    if field.kind == "boolean":
        return chat.say("telegram.form.yes" if value else "telegram.form.no")
    labels = dict(field.options)
    chosen = [value] if isinstance(value, str) else list(value) if isinstance(value, list | tuple) else []
    return ", ".join(labels.get(one, one) for one in chosen if one) or chat.say("telegram.form.empty")


def _leave(chat: Chat) -> Button:
    return Button(label=chat.say("command.cancel"), action="command.run", args=("cancel",))


def question(chat: Chat, flow: Flow, before: tuple[Block, ...] = (), error: str = "") -> Screen:
    """The open question with its buttons."""
    field, say = flow.field, chat.say
    wrong = error or flow.errors.get(field.name, "") or field.error
    number = Paragraph(text=say("telegram.form.number", n=flow.at + 1, of=len(flow.ask)), muted=True)
    counted = len(flow.ask) > 1 and not flow.overview
    blocks: list[Block] = [*before, *([number] if counted else []), Heading(text=field.label)]
    blocks += [Paragraph(text=text, muted=muted) for text, muted in ((wrong, False), (field.help, True)) if text]
    if field.kind not in ("choices", "boolean") and flow.preset and isinstance(flow.preset, str):
        blocks.append(Quote(text=clean.cut(_label(flow, flow.preset), SHOWN), source=say("telegram.form.now")))
    if any(clean.utf16(field.options[at][1]) > render.LABEL_LIMIT - 4 for at in flow.offered):
        blocks.append(Bullets(items=tuple(field.options[at][1] for at in flow.offered)))
    if flow.by_reply:
        blocks += [Paragraph(text=say(f"telegram.form.how.{_reply_how(flow)}")), Facts(rows=_ways_out(chat, flow))]
        return Screen(blocks=tuple(blocks), asks=clean.line(field.label, PLACEHOLDER), tone="ask")
    blocks.append(Paragraph(text=say(_how(flow)), muted=True))
    return Screen(blocks=tuple(blocks), buttons=_buttons(chat, flow), tone="ask")


def _reply_how(flow: Flow) -> str:
    if not flow.overview:
        return "words"
    return "reply_anew" if flow.field.required or not flow.preset else "reply_or_empty"


def _ways_out(chat: Chat, flow: Flow) -> tuple[tuple[str, str], ...]:
    """Commands in the place of buttons: Telegram puts either these or the open field under a message."""
    back = [("/back", chat.say("telegram.form.way.leave" if flow.overview else "telegram.form.way.back"))]
    cancel = [("/cancel", chat.say("telegram.form.way.cancel"))]
    return tuple(back if flow.overview else [*(back if flow.at else []), *cancel])


def _how(flow: Flow) -> str:
    kind = flow.field.kind
    if kind in ("choice", "boolean", "choices", "file"):
        return f"telegram.form.how.{kind}"
    return "telegram.form.how.search" if flow.field.options else "telegram.form.how.words"


def _buttons(chat: Chat, flow: Flow) -> tuple[tuple[Button, ...], ...]:
    say, field = chat.say, flow.field

    def button(label: str, what: str, style: Any = "plain") -> Button:
        return Button(label=label, action="telegram.answer", args=(flow.mark, flow.place, what), style=style)

    rows: list[tuple[Button, ...]] = []
    if field.kind == "boolean":
        rows.append((button(say("telegram.form.yes"), "yes"), button(say("telegram.form.no"), "no")))
    for at in flow.offered:
        label = field.options[at][1]
        if field.kind == "choices":
            label = say("telegram.form.ticked" if at in flow.ticks else "telegram.form.unticked", label=label)
        rows.append((button(label, f"t{at}" if field.kind == "choices" else f"o{at}"),))
    if flow.pages > 1:
        pages = ((flow.page - 1, "way.previous"), (flow.page + 1, "way.next"))
        turning = [button(say(code), f"p{page}") for page, code in pages if 0 <= page < flow.pages]
        rows.append(tuple(turning))
    if field.kind == "choices":
        rows.append((button(say("telegram.form.done"), "done", "primary"),))
    elif flow.preset:
        shown = clean.line(_label(flow, flow.preset) if isinstance(flow.preset, str) else "", 30)
        if field.kind == "boolean":
            shown = say("telegram.form.yes")
        if field.kind != "file":
            rows.append((button(say("telegram.form.keep", value=shown), "keep", "primary"),))
    elif not field.required and field.kind != "boolean":
        rows.append((button(say("telegram.form.skip"), "keep"),))
    rows.append(row(button(say("telegram.form.back"), "back") if flow.at or flow.overview else None, _leave(chat)))
    return tuple(rows)


def _label(flow: Flow, value: str) -> str:
    return next((label for option, label in flow.field.options if option == value), value)


def _flow(conversation: Conversation) -> Flow:
    return Flow.model_validate(conversation.state)


def _keep(chat: Chat, flow: Flow) -> None:
    chat.work.conversations.put(
        Conversation(
            id=new_id(), workspace_id=chat.link.workspace_id, user_id=chat.user.id, link_id=chat.link.id, dialog=DIALOG,
            step=str(flow.at), state=flow.model_dump(mode="json"), created_at=chat.work.now,
            expires_at=chat.work.now + LAPSES,
        )
    )  # fmt: skip


def _outer(chat: Chat) -> dict[str, Any] | None:
    """The conversation that the form is part of."""
    current = chat.work.conversations.current(chat.link.id)
    if current is None or current.expires_at <= chat.work.now:
        return None
    if current.dialog == DIALOG:
        return _flow(current).outer
    return {
        "dialog": current.dialog,
        "step": current.step,
        "state": current.state,
        "since": current.created_at.isoformat(),
    }


def _restore(chat: Chat, outer: dict[str, Any] | None) -> None:
    if outer is None:
        chat.work.conversations.end(chat.link.id)
        return
    chat.work.conversations.put(
        Conversation(
            id=new_id(), workspace_id=chat.link.workspace_id, user_id=chat.user.id, link_id=chat.link.id,
            dialog=outer["dialog"], step=outer["step"], state=outer["state"],
            created_at=datetime.fromisoformat(outer["since"]), expires_at=chat.work.now + LAPSES,
        )
    )  # fmt: skip
