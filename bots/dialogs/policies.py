"""Rules on approvals: listed, added, changed and removed, each said in words before it holds. No rule does without a yes; there is nothing here that could make one."""

from typing import Any
from uuid import UUID

from bots.dialogs import talk, ways
from bots.dialogs.people import called
from bots.dialogs.policy_words import alone, operation_name, role, sentences, short
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action, step
from bots.kit.screen import Block, Bullets, Button, Facts, Form, Heading, Paragraph, Screen, row
from core.approvals.policy import (
    DAY,
    DECIDERS,
    DEFAULT,
    HOUR,
    PolicySpec,
    check_policy,
    operations,
    put_policy,
    remove_policy,
    spec_of,
)
from core.kernel.errors import Invalid
from core.messaging.models import Conversation

DIALOG = "policy"
USUAL, NONE = "usual", "none"
UNDO = (0, 5, 10, 30, 60, 300, 600)
EXPIRY = (HOUR, 6 * HOUR, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY)
REMINDER = (HOUR, 6 * HOUR, DAY, 2 * DAY)


@action("policies.open")
def open_policies(chat: Chat) -> Reply:
    """The rules that there are."""
    return Reply(_list(chat), mode="replace")


def _list(chat: Chat, told: str = "") -> Screen:
    own = [policy.operation for policy in chat.work.suggestions.policies()]
    listed = (DEFAULT, *(name for name in own if name != DEFAULT))
    add = Button(label=chat.say("policies.add"), action="policy.add") if set(operations()) - set(own) else None
    blocks: list[Block] = [Heading(text=chat.say("policies.heading"))]
    blocks += [Paragraph(text=told)] if told else []
    blocks.append(Paragraph(text=chat.say("policies.what")))
    said = ((operation_name(chat, name), short(chat, name, _current(chat, name))) for name in listed)
    blocks.append(Facts(rows=tuple(said)))
    return Screen(
        blocks=tuple(blocks),
        buttons=ways.rows(*(row(_opens(chat, name)) for name in listed), row(add, ways.settings(chat))),
    )


def _opens(chat: Chat, operation: str) -> Button:
    return Button(label=operation_name(chat, operation), action="policy.open", args=(operation,))


@action("policy.add")
def add(chat: Chat) -> Reply:
    """Which action gets a rule of its own."""
    own = {policy.operation for policy in chat.work.suggestions.policies()}
    rows = [
        row(Button(label=operation_name(chat, name), action="policy.change", args=(name,)))
        for name in operations()
        if name not in own
    ]
    blocks = (Heading(text=chat.say("policies.add")), Paragraph(text=chat.say("policies.which")))
    return Reply(Screen(blocks=blocks, buttons=(*rows, row(_back(chat)))), mode="replace")


def _back(chat: Chat) -> Button:
    return Button(label=chat.say("way.back"), action="policies.open")


@action("policy.open")
def open_policy(chat: Chat, operation: str) -> Reply:
    """What holds for an action."""
    return Reply(_page(chat, operation), mode="replace")


def _page(chat: Chat, operation: str, told: str = "") -> Screen:
    stored = _stored(chat, operation)
    blocks: list[Block] = [Heading(text=operation_name(chat, operation))]
    blocks += [Paragraph(text=told)] if told else []
    blocks.append(Bullets(items=sentences(chat, operation, _current(chat, operation))))
    if not stored:
        blocks.append(Paragraph(text=chat.say("policy.built_in"), muted=True))
    change = Button(label=chat.say("policy.change"), action="policy.change", args=(operation,), style="primary")
    drop = Button(label=chat.say("policy.remove"), action="policy.remove", args=(operation,)) if stored else None
    return Screen(blocks=tuple(blocks), buttons=(row(change, drop), row(_back(chat))))


def _stored(chat: Chat, operation: str) -> bool:
    return any(policy.operation == operation for policy in chat.work.suggestions.policies())


def _current(chat: Chat, operation: str) -> PolicySpec:
    return spec_of(chat.work.suggestions.policy(operation))


@action("policy.change")
def change(chat: Chat, operation: str) -> Reply:
    """The form; who may say yes is asked only where there is more than one person."""
    spec = _current(chat, operation)
    values = {
        "quorum": spec.quorum, "roles": list(spec.allowed_roles), "people": [str(id) for id in spec.allowed_people], "own_request": spec.own_request,
        "escalate_to": str(spec.escalate_to or NONE), "undo": _key(spec.undo_seconds, USUAL),
        "amount": spec.amount_limit, "expiry": str(spec.expiry_seconds), "reminder": _key(spec.reminder_seconds, NONE),
    }  # fmt: skip
    form = Form(
        action="policy.look",
        args=(operation,),
        fields=forms.fields(_schema(chat, spec), values),
        submit=chat.say("policy.look"),
    )
    blocks = (Heading(text=operation_name(chat, operation)), Paragraph(text=chat.say("policies.what"), muted=True))
    return Reply(Screen(blocks=blocks, form=form, buttons=(row(_back(chat)),)))


def _key(seconds: int | None, without: str) -> str:
    return without if seconds is None else str(seconds)


def _schema(chat: Chat, spec: PolicySpec) -> dict[str, Any]:
    say = chat.say

    def times(code: str, offered: tuple[int, ...], now: int | None, *without: tuple[str, str]) -> dict[str, Any]:
        seconds = sorted({*offered, *(() if now is None else (now,))})
        choices = [{"const": key, "title": title} for key, title in without]
        choices += [
            {"const": str(one), "title": say("policy.seconds", seconds=one) if one else say("policy.at_once")}
            for one in seconds
        ]
        return {"type": "string", "title": say(code), "oneOf": choices}

    able = [one for one in chat.work.people.active_members() if one.role in DECIDERS]
    people = [{"const": str(one.user_id), "title": called(chat.work.people.user(one.user_id))} for one in able]
    who: dict[str, Any] = {
        "quorum": {"type": "integer", "title": say("policy.field.quorum"), "minimum": 1, "maximum": 20},
        "roles": {
            "type": "array", "title": say("policy.field.roles"), "uniqueItems": True,
            "items": {"oneOf": [{"const": name, "title": role(chat, name)} for name in DECIDERS]},
        },
        "people": {
            "type": "array", "title": say("policy.field.people"), "uniqueItems": True, "items": {"oneOf": people},
        },
        "own_request": {"type": "boolean", "title": say("policy.field.own_request")},
        "escalate_to": {
            "type": "string", "title": say("policy.field.escalate_to"), "oneOf": [{"const": NONE, "title": say("policy.nobody")}, *people],
        },
    }  # fmt: skip
    when = {
        "undo": times("policy.field.undo", UNDO, spec.undo_seconds, (USUAL, say("policy.usual"))),
        "amount": {"type": "integer", "title": say("policy.field.amount"), "minimum": 0, "maximum": 1_000_000_000},
        "expiry": times("policy.field.expiry", EXPIRY, spec.expiry_seconds),
        "reminder": times("policy.field.reminder", REMINDER, spec.reminder_seconds, (NONE, say("policy.none"))),
    }
    asked = when if alone(chat) else who | when
    optional = ("own_request", "roles", "people", "amount")
    return {"type": "object", "properties": asked, "required": [name for name in asked if name not in optional]}


@action("policy.look")
def look(chat: Chat, operation: str, values: dict[str, Any]) -> Reply:
    """What was filled in, in words; it holds after a yes."""
    before = _current(chat, operation)
    given = forms.read(_schema(chat, before), values)
    changes = {
        "undo_seconds": None if given["undo"] == USUAL else int(given["undo"]),
        "amount_limit": given.get("amount"),
        "expiry_seconds": int(given["expiry"]),
        "reminder_seconds": None if given["reminder"] == NONE else int(given["reminder"]),
    }
    if not alone(chat):
        changes |= {
            "quorum": given["quorum"],
            "allowed_roles": tuple(given.get("roles") or ()),
            "allowed_people": tuple(UUID(id) for id in given.get("people") or ()),
            "escalate_to": None if given["escalate_to"] == NONE else UUID(given["escalate_to"]),
            "own_request": given["own_request"],
        }
    if not alone(chat) and not given.get("roles") and not given.get("people"):
        wrong = {"field": "roles", "rule": "approvals.policy_nobody"}
        raise Invalid("form.field_invalid", **wrong, errors=[wrong])
    spec = PolicySpec.model_validate(before.model_dump() | changes)
    check_policy(chat.work, operation, spec)
    talk.begin(chat, DIALOG, "agree", {"operation": operation, "spec": spec.model_dump(mode="json")})
    return Reply(_ask(chat, operation, spec), mode="replace")


def _ask(chat: Chat, operation: str, spec: PolicySpec) -> Screen:
    yes = Button(label=chat.say("policy.agree"), action="policy.agree", style="primary")
    return Screen(
        blocks=(
            Heading(text=chat.say("policy.from_now_on", name=operation_name(chat, operation))),
            Bullets(items=sentences(chat, operation, spec)),
        ),
        buttons=(row(yes, talk.cancel(chat)),),
        tone="ask",
    )


@step(DIALOG)
def words(chat: Chat, conversation: Conversation) -> Reply:
    """Words are no yes: what is asked is shown once more."""
    return Reply(_ask(chat, conversation.state["operation"], PolicySpec.model_validate(conversation.state["spec"])))


@action("policy.agree")
def agree(chat: Chat) -> Reply:
    """The rule that was shown holds from now on."""
    conversation = talk.current(chat, DIALOG)
    if conversation is None:
        return Reply(toast=chat.say("policy.lapsed"), alert=True)
    operation = conversation.state["operation"]
    put_policy(chat.work, chat.actor, operation, PolicySpec.model_validate(conversation.state["spec"]))
    talk.end(chat, DIALOG)
    return Reply(_page(chat, operation, chat.say("policy.saved")), mode="replace")


@action("policy.remove")
def ask_to_remove(chat: Chat, operation: str) -> Reply:
    """What holds without it, before it goes."""
    others = [policy for policy in chat.work.suggestions.policies() if policy.operation == DEFAULT != operation]
    rest = spec_of(others[0]) if others else PolicySpec()
    yes = Button(label=chat.say("policy.remove.yes"), action="policy.drop", args=(operation,), style="danger")
    return Reply(
        Screen(
            blocks=(
                Heading(text=chat.say("policy.without", name=operation_name(chat, operation))),
                Bullets(items=sentences(chat, operation, rest)),
            ),
            buttons=(row(yes, _opens(chat, operation)),),
            tone="ask",
        ),
        mode="replace",
    )


@action("policy.drop")
def drop(chat: Chat, operation: str) -> Reply:
    """It is gone."""
    remove_policy(chat.work, chat.actor, operation)
    return Reply(_list(chat, chat.say("policy.removed", name=operation_name(chat, operation))), mode="replace")
