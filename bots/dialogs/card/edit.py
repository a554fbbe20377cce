"""Editing a suggestion: field by field in a form, or by answering the card with new text. Either makes a new revision with its own Approve."""

from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from bots.dialogs import own_words
from bots.dialogs.card.action import title
from bots.dialogs.card.decide import truly
from bots.dialogs.card.outcome import Facts
from bots.dialogs.card.show import visible
from bots.dialogs.card.when import day_or_moment
from bots.kit import forms
from bots.kit.dialog import Chat, Reply, action
from bots.kit.screen import Button, Form, Heading, Paragraph, Screen, row
from core.approvals import decide
from core.connectors.kinds import integration
from core.kernel.errors import Invalid

Schema = dict[str, Any]
ADDRESSES = ("to", "cc")


@action("suggestion.edit")
def edit(chat: Chat, suggestion_id: str, revision: str) -> Reply:
    """Shows the form with the action's fields."""
    facts = visible(chat, UUID(suggestion_id))
    if facts.suggestion.revision != int(revision):
        return Reply(toast=chat.say("decided.stale"), alert=True)
    schema, values = form_of(chat, facts)
    if not schema["properties"]:
        return Reply(toast=chat.say("card.edit.nothing"), alert=True)
    form = Form(
        action="suggestion.revise", args=(suggestion_id, revision), fields=forms.fields(schema, values), submit=chat.say("card.edit.save"),
        changes=True,
    )  # fmt: skip
    heading = Heading(
        text=chat.say("card.edit.heading", title=title(chat, facts.suggestion.kind, facts.revision.action))
    )
    return Reply(
        Screen(
            blocks=(heading, Paragraph(text=chat.say("card.edit.hint"), muted=True)), form=form, buttons=(_leave(chat),)
        )
    )


def _leave(chat: Chat) -> tuple[Button, ...]:
    return row(Button(label=chat.say("command.cancel"), action="command.run", args=("cancel",)))


@action("suggestion.revise")
def revise(chat: Chat, suggestion_id: str, revision: str, values: dict[str, Any]) -> Reply:
    """Makes the new revision of what was filled in; the card takes the form's place and shows the difference."""
    facts = visible(chat, UUID(suggestion_id))
    schema, _ = form_of(chat, facts)
    changes = _changes(chat, facts, forms.read(schema, values))

    def attempt() -> Reply:
        _revise(chat, facts.suggestion.id, int(revision), changes)
        return Reply(subject=("suggestion", facts.suggestion.id), mode="replace", toast=chat.say("decided.edited"))

    return truly(chat, suggestion_id, attempt)


def replace_text(chat: Chat, facts: Facts, words: str) -> Reply:
    """New text for a mail, as it was written in answer to its card."""
    if facts.revision.action.operation != "mail.send":
        button = Button(
            label=chat.say("card.edit"),
            action="suggestion.edit",
            args=(str(facts.suggestion.id), str(facts.suggestion.revision)),
        )
        return Reply(Screen(blocks=(Paragraph(text=chat.say("card.edit.by_form")),), buttons=(row(button),)))

    def attempt() -> Reply:
        decide.edit(chat.work, chat.actor, facts.suggestion.id, facts.suggestion.revision, {"body": words})
        return Reply(subject=("suggestion", facts.suggestion.id), understood=True)

    answer = truly(chat, str(facts.suggestion.id), attempt)
    if answer.subject is None:
        return Reply(Screen(blocks=(Paragraph(text=answer.toast or ""),), tone="problem"))
    return answer


def _revise(chat: Chat, suggestion_id: UUID, revision: int, changes: dict[str, Any]) -> None:
    """Raises Invalid `form.field_invalid` where the connector refuses a field."""
    try:
        decide.edit(chat.work, chat.actor, suggestion_id, revision, changes)
    except Invalid as wrong:
        field = str(wrong.data.get("field", "")).split(".", 1)[0]
        if wrong.code != "connectors.input_invalid":
            raise
        rule = {"rule": "format", "format": "email"} if field in ADDRESSES else {"rule": "other"}
        raise Invalid("form.field_invalid", field=field, **rule) from wrong


def form_of(chat: Chat, facts: Facts) -> tuple[Schema, dict[str, Any]]:
    """The questions about an action, and what is set now."""
    given = facts.revision.action.input
    match facts.revision.action.operation:
        case "mail.send":
            return _mail(chat, given)
        case "calendar.create":
            return _event(chat, given)
        case "task.create":
            return _task(chat, given)
        case operation:
            return _declared(chat, facts, operation)


def _schema(properties: Schema, *required: str) -> Schema:
    return {"type": "object", "properties": properties, "required": list(required)}


def _line(title_: str, limit: int = 998, **more: Any) -> Schema:
    return {"type": "string", "title": title_, "maxLength": limit, **more}


def _long(title_: str, limit: int) -> Schema:
    return _line(title_, limit, format="multiline")


def _mail(chat: Chat, given: Any) -> tuple[Schema, dict[str, Any]]:
    say = chat.say
    schema = _schema(
        {
            "to": _line(say("card.to"), 4000, description=say("card.edit.addresses"), minLength=3),
            "cc": _line(say("card.cc"), 4000),
            "subject": _line(say("card.subject")),
            "body": _long(say("card.text"), 100_000),
        },
        "to",
        "body",
    )
    return schema, {**given, "to": ", ".join(given["to"]), "cc": ", ".join(given.get("cc", ()))}


def _event(chat: Chat, given: Any) -> tuple[Schema, dict[str, Any]]:
    say = chat.say
    start, end = day_or_moment(given["start"]), day_or_moment(given["end"])
    properties: Schema = {"title": _line(say("card.event"), minLength=1), "first_day": _day(say("card.edit.first_day"))}
    values = {**given}
    if isinstance(start, datetime) and isinstance(end, datetime):
        here, there = chat.place.local(start), chat.place.local(end)
        clock = {"type": "string", "format": "time"}
        hint = say("card.edit.zone", zone=chat.profile.timezone)
        properties |= {
            "from": {**clock, "title": say("card.edit.from"), "description": hint},
            "last_day": _day(say("card.edit.last_day")),
            "until": {**clock, "title": say("card.edit.until")},
        }
        values |= {
            "first_day": here.date().isoformat(), "from": f"{here:%H:%M}",
            "last_day": there.date().isoformat(), "until": f"{there:%H:%M}",
        }  # fmt: skip
    else:
        properties["last_day"] = _day(say("card.edit.last_day"))
        values |= {"first_day": str(start), "last_day": str(_as_day(end) - timedelta(days=1))}
    properties |= {"location": _line(say("card.where"), 1000), "description": _long(say("card.notes"), 10_000)}
    asked = ("title", "first_day", "last_day", *(name for name in ("from", "until") if name in properties))
    return _schema(properties, *asked), values


def _as_day(value: date | datetime) -> date:
    return value.date() if isinstance(value, datetime) else value


def _day(title_: str) -> Schema:
    return {"type": "string", "format": "date", "title": title_}


def _task(chat: Chat, given: Any) -> tuple[Schema, dict[str, Any]]:
    properties = {
        "title": _line(chat.say("card.task"), minLength=1),
        "due": _day(chat.say("card.due")),
        "notes": _long(chat.say("card.notes"), 10_000),
    }
    return _schema(properties, "title"), dict(given)


def _declared(chat: Chat, facts: Facts, operation: str) -> tuple[Schema, dict[str, Any]]:
    """The plain fields of an operation outside the vocabulary, as its own schema declares them; none for one without a schema."""
    connection = chat.work.connections.get(facts.revision.action.connection_id)
    connector = integration(connection.integration)
    declared, told = connector.operation(operation).input_schema or {}, own_words.told(chat, connector)
    askable = {
        name: {**rules, "title": told(rules.get("title", name))}
        for name, rules in declared.get("properties", {}).items()
        if _askable(rules)
    }
    required = [name for name in declared.get("required", ()) if name in askable]
    return _schema(askable, *required), dict(facts.revision.action.input)


def _askable(rules: Schema) -> bool:
    try:
        return forms.kind_of(rules) not in ("file", "secret")
    except ValueError:
        return False


def _changes(chat: Chat, facts: Facts, values: dict[str, Any]) -> dict[str, Any]:
    """What was filled in, as fields of the action's input. Raises Invalid `form.field_invalid` for an end before its beginning."""
    operation = facts.revision.action.operation
    if operation == "mail.send":
        addresses = {name: values.get(name, "").replace(";", ",").split(",") for name in ADDRESSES}
        listed = {name: [one.strip() for one in found if one.strip()] for name, found in addresses.items()}
        return {"subject": "", **values, **listed}
    if operation == "calendar.create":
        return _event_changes(chat, values)
    if operation == "task.create":
        return {"notes": "", "due": None, **values}
    return values


def _event_changes(chat: Chat, values: dict[str, Any]) -> dict[str, Any]:
    first, last = date.fromisoformat(values["first_day"]), date.fromisoformat(values["last_day"])
    changes = {
        "title": values["title"],
        "location": values.get("location", ""),
        "description": values.get("description", ""),
    }
    if "from" in values:
        zone = ZoneInfo(chat.profile.timezone)
        start = datetime.combine(first, time.fromisoformat(values["from"]), zone)
        end = datetime.combine(last, time.fromisoformat(values["until"]), zone)
        if end <= start:
            raise Invalid("form.field_invalid", field="until", rule="form.rule.after_start")
        return {**changes, "start": start.isoformat(), "end": end.isoformat(), "timezone": chat.profile.timezone}
    if last < first:
        raise Invalid("form.field_invalid", field="last_day", rule="form.rule.after_start")
    return {**changes, "start": first.isoformat(), "end": (last + timedelta(days=1)).isoformat()}
