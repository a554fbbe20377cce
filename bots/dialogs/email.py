"""A person's mail address: given, proved by a code that goes there, and from then on a way into the page."""

from collections.abc import Mapping
from typing import Any

from bots.dialogs import ways
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, notice
from bots.kit.screen import Block, Button, Form, Heading, Paragraph, Screen, row
from core.identity.sign_in import MAIL_MINUTES, mailbox, offer_to_verify, verify
from core.kernel.errors import Invalid
from core.messaging import post


@notice("email.mail")
def mail(chat: Chat, data: Mapping[str, Any]) -> Screen:
    """The mail that proves an address."""
    say = chat.say
    return Screen(
        blocks=(
            Heading(text=say("email.mail")),
            Paragraph(text=say("email.mail.asked", account=str(data["to"]))),
            Paragraph(text=say("email.mail.code", code=str(data["code"]), n=int(data["n"]))),
            Paragraph(text=say("email.mail.not_you")),
        )
    )


@action("email.open")
def open_email(chat: Chat) -> Reply:
    """What is known, and the form to give another. Where no mail server is set up there is nothing to fill in."""
    say, user = chat.say, chat.user
    blocks: list[Block] = [Heading(text=say("email.heading"))]
    if user.email_verified_at is not None:
        blocks.append(Paragraph(text=say("email.proved", account=user.email, at=user.email_verified_at)))
    else:
        blocks.append(Paragraph(text=say("email.unproved", account=user.email)))
    back = (row(ways.settings(chat)),)
    if not chat.mail:
        return Reply(Screen(blocks=(*blocks, Paragraph(text=say("email.no_server"), muted=True)), buttons=back))
    blocks.append(Paragraph(text=say("email.what"), muted=True))
    form = Form(action="email.ask", fields=forms.fields(_address(chat)), submit=say("email.send"))
    return Reply(Screen(blocks=tuple(blocks), form=form, buttons=back))


@action("email.ask")
def ask(chat: Chat, values: dict[str, Any]) -> Reply:
    """A code goes to that address, whoever has it: the answer is the same."""
    if not chat.mail:
        raise Invalid("identity.mail_not_set_up")
    to = forms.read(_address(chat), values)["email"].strip()
    try:
        way = offer_to_verify(chat.work, chat.actor, to)
    except Invalid as wrong:
        raise Invalid("form.field_invalid", field="email", rule=wrong.code) from None
    until = chat.work.people.sign_in(way.id).expires_at
    told = {"to": to, "code": way.code, "url": None, "n": MAIL_MINUTES, "until": until.isoformat()}
    post.answer(chat.work, mailbox(chat.work, chat.user.id), {"say": "email.mail", "data": told})
    return Reply(_enter(chat, chat.say("email.sent", account=to, n=MAIL_MINUTES)), mode="replace")


@action("email.confirm")
def confirm(chat: Chat, values: dict[str, Any]) -> Reply:
    """The code from the mail."""
    code = forms.read(_code(chat), values)["code"]
    outcome = verify(chat.work, chat.actor, code)
    if outcome == "wrong":
        return Reply(_enter(chat, "", wrong=chat.say("email.wrong")), mode="replace")
    if outcome == "over":
        again = Button(label=chat.say("email.again"), action="email.open", style="primary")
        blocks = (Heading(text=chat.say("email.heading")), Paragraph(text=chat.say("email.over")))
        return Reply(Screen(blocks=blocks, buttons=(row(again, ways.settings(chat)),), tone="problem"), mode="replace")
    done = chat.say("email.done", account=chat.work.people.user(chat.user.id).email)
    buttons = (row(ways.settings(chat), ways.inbox(chat)),)
    return Reply(
        Screen(blocks=(Heading(text=done), Paragraph(text=chat.say("email.done.what"))), buttons=buttons, tone="done"),
        mode="replace",
    )


def _enter(chat: Chat, told: str, wrong: str = "") -> Screen:
    fields = forms.fields(_code(chat))
    if wrong:
        fields = (fields[0].model_copy(update={"error": wrong}),)
    blocks: tuple[Block, ...] = (Heading(text=chat.say("email.enter")), *((Paragraph(text=told),) if told else ()))
    form = Form(action="email.confirm", fields=fields, submit=chat.say("email.confirm"))
    return Screen(
        blocks=blocks,
        form=form,
        buttons=(row(Button(label=chat.say("email.again"), action="email.open"), ways.settings(chat)),),
    )


def _address(chat: Chat) -> dict[str, Any]:
    field = {"type": "string", "title": chat.say("email.field"), "format": "email", "maxLength": 254}
    return {"type": "object", "properties": {"email": field}, "required": ["email"]}


def _code(chat: Chat) -> dict[str, Any]:
    field = {"type": "string", "title": chat.say("email.code"), "maxLength": 20, "minLength": 1}
    return {"type": "object", "properties": {"code": field}, "required": ["code"]}
