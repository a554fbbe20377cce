"""Forms as modals, and back. What a modal is about goes with it, proved by the same token that a button would carry: any process can take it."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from bots.kit import clean
from bots.kit.screen import Field, Form, Screen
from bots.kit.words import Say
from bots.slack import blocks
from bots.slack.blocks import Drawn, plain
from bots.slack.pieces import VIEW_BLOCKS

TITLE, INPUT, OPTION, VALUE, OPTIONS, BOXES = 24, 3000, 75, 150, 100, 10
"""Limits of Block Kit: a modal's title and buttons, what is typed, an option's words and value, options of a menu, boxes to tick."""
LABEL, HINT, NAME = 2000, 2000, 255
FORM, WAITING = "nod.form", "nod.waiting"
KINDS = {"boolean": "b", "choices": "m", "file": "f"}
ONE = "v"


class NotHere(Exception):
    """A modal cannot ask this; `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def waiting(say: Say) -> Drawn:
    """What is opened at once, and becomes the form when it is known."""
    return _view(say, WAITING, [{"type": "section", "text": plain(say("slack.modal.loading"))}])


def notice(say: Say, words: str) -> Drawn:
    """A modal that only says something."""
    return _view(say, WAITING, [{"type": "section", "text": plain(words)}])


def form(screen: Screen, say: Say, token: str, place: UUID | None) -> Drawn:
    """The form of a screen. Raises NotHere."""
    asked = screen.form
    assert asked is not None
    check(asked)
    made = blocks.drawn(screen.blocks, say)
    for one in asked.fields:
        if one.error:
            made.append({"type": "context", "elements": [plain(f"{one.label}: {one.error}", blocks.FIELD)]})
        made.append(_input(one, say, asked.args if one.kind == "file" else ()))
    if len(made) > VIEW_BLOCKS:
        raise NotHere("slack.form.too_long")
    view = _view(say, FORM, made)
    view["submit"] = plain(asked.submit, TITLE)
    about = {"token": token, "place": str(place) if place else None, "language": say.place.language}
    view["private_metadata"] = json.dumps(about)
    return view


def check(asked: Form) -> None:
    """Raises NotHere for a form that a modal cannot ask, or must not: `slack.form.secret`, `slack.form.too_long`."""
    for one in asked.fields:
        if one.kind == "secret":
            raise NotHere("slack.form.secret")
        if isinstance(one.value, str) and clean.utf16(one.value) > INPUT:
            raise NotHere("slack.form.too_long")
        if one.kind in ("choice", "choices") and (
            len(one.options) > OPTIONS or any(len(value) > VALUE or not value for value, _ in one.options)
        ):
            raise NotHere("slack.form.too_long")


def _view(say: Say, callback: str, made: list[Drawn]) -> Drawn:
    title, close = plain(say("slack.modal.title"), TITLE), plain(say("slack.modal.close"), TITLE)
    return {"type": "modal", "callback_id": callback, "title": title, "close": close, "blocks": made}


def block_id(one: Field) -> str:
    """Names the field, and how its answer is read."""
    return f"{KINDS.get(one.kind, 't')}.{one.name}"[:NAME]


def _input(one: Field, say: Say, suffixes: tuple[str, ...]) -> Drawn:
    element = _file(suffixes) if one.kind == "file" else _element(one, say)
    made: Drawn = {
        "type": "input", "block_id": block_id(one), "label": plain(one.label, LABEL), "element": element,
        "optional": not one.required or one.kind == "boolean",
    }  # fmt: skip
    if one.help:
        made["hint"] = plain(one.help, HINT)
    return made


def _element(one: Field, say: Say) -> Drawn:
    value = one.value
    match one.kind:
        case "boolean":
            yes = _option("true", say("slack.form.yes"))
            return _with({"type": "checkboxes", "options": [yes]}, "initial_options", [yes] if value else None)
        case "choice" if one.options:
            options = [_option(*option) for option in one.options]
            chosen = [made for made in options if made["value"] == str(value)]
            return _with({"type": "static_select", "options": options}, "initial_option", chosen[0] if chosen else None)
        case "choices" if one.options:
            options = [_option(*option) for option in one.options]
            wanted = [str(value)] if isinstance(value, str) else [str(single) for single in value or ()]
            chosen = [made for made in options if made["value"] in wanted]
            kind = "checkboxes" if len(options) <= BOXES else "multi_static_select"
            return _with({"type": kind, "options": options}, "initial_options", chosen or None)
        case "date":
            return _with({"type": "datepicker"}, "initial_date", str(value) if value else None)
        case "time":
            return _with({"type": "timepicker"}, "initial_time", str(value)[:5] if value else None)
        case "integer" | "number":
            return _number(one)
        case _:
            typed: Drawn = {"type": "plain_text_input", "multiline": one.kind == "multiline"}
            if one.max_length:
                typed["max_length"] = min(one.max_length, INPUT)
            return _with(typed, "initial_value", str(value) if value else None)


def _file(suffixes: tuple[str, ...]) -> Drawn:
    made = _with({"type": "file_input", "max_files": 1}, "", None)
    kinds = [suffix.lstrip(".") for suffix in suffixes if suffix.startswith(".")]
    return made | ({"filetypes": kinds} if kinds else {})


def _number(one: Field) -> Drawn:
    made: Drawn = {"type": "number_input", "is_decimal_allowed": one.kind == "number"}
    for name, limit in (("min_value", one.minimum), ("max_value", one.maximum)):
        if limit is not None:
            made[name] = f"{limit:g}" if abs(limit) < 1e6 else f"{limit:.0f}"
    return _with(made, "initial_value", str(one.value) if one.value is not None else None)


def _with(element: Drawn, name: str, value: Any) -> Drawn:
    made = {**element, "action_id": ONE}
    return made if value is None else {**made, name: value}


def _option(value: str, label: str) -> Drawn:
    return {"value": value, "text": plain(label, OPTION)}


def answers(view: Mapping[str, Any]) -> dict[str, Any]:
    """What was filled in, by field name, as a form posts it; files are left out (`files`)."""
    given: dict[str, Any] = {}
    for place, elements in view["state"]["values"].items():
        kind, _, name = place.partition(".")
        if kind != KINDS["file"]:
            given[name] = _answer(kind, elements.get(ONE) or {})
    return given


def files(view: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What Slack says of the files that were handed over, by field name."""
    found: dict[str, dict[str, Any]] = {}
    for place, elements in view["state"]["values"].items():
        kind, _, name = place.partition(".")
        given = (elements.get(ONE) or {}).get("files") or []
        if kind == KINDS["file"] and given and isinstance(given[0], dict):
            found[name] = given[0]
    return found


def _answer(kind: str, state: Mapping[str, Any]) -> Any:
    if kind in ("b", "m"):
        chosen = [str(option["value"]) for option in state.get("selected_options") or ()]
        return chosen if kind == "m" else (chosen or [""])[0]
    for name in ("value", "selected_date", "selected_time"):
        if state.get(name) is not None:
            return str(state[name])
    return str((state.get("selected_option") or {}).get("value") or "")


def wrong(view: Mapping[str, Any], errors: Mapping[str, str], general: str) -> dict[str, str]:
    """A sentence beside each wrong field (`response_action: errors`); what is of no field stands beside the first one."""
    places = {
        str(one["block_id"]).partition(".")[2]: str(one["block_id"]) for one in view["blocks"] if one["type"] == "input"
    }
    told = {places[name]: clean.cut(words, LABEL, clean.utf16) for name, words in errors.items() if name in places}
    if not told and places:
        told[next(iter(places.values()))] = clean.cut(general, LABEL, clean.utf16)
    return told


def about(view: Mapping[str, Any]) -> tuple[str, UUID | None]:
    """The token and the place that a modal carries. Raises ValueError."""
    told = json.loads(view.get("private_metadata") or "{}")
    place = told.get("place")
    return str(told.get("token") or ""), UUID(place) if place else None


def language(view: Mapping[str, Any]) -> str:
    """The language of a form of ours; English where it does not say."""
    try:
        return str(json.loads(view.get("private_metadata") or "{}").get("language") or "en")
    except (ValueError, AttributeError):
        return "en"
