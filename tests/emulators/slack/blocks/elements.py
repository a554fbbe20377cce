"""Elements that a person presses, chooses in or writes into."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from .composition import check_choices, check_confirm, check_initial, check_options
from .problems import Problems

_COMMON = {"type", "action_id", "confirm", "focus_on_load", "placeholder"}
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d")
_FILE_ID = re.compile(r"[F][A-Z0-9]{8,}")
_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:\S+")

Check = Callable[[Problems, dict[str, Any], str], None]


def check_element(problems: Problems, element: Any, path: str, allowed: frozenset[str]) -> None:
    if not problems.is_object(element, path) or not problems.is_kind(element, path, allowed):
        return
    fields, check = ELEMENTS[element["type"]]
    problems.only(element, path, _COMMON | fields)
    problems.string(element, "action_id", path, 255)
    problems.boolean(element, "focus_on_load", path)
    problems.text(element, "placeholder", path, 150)
    check_confirm(problems, element, path)
    check(problems, element, path)


def _button(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.has(element, path, "text")
    problems.text(element, "text", path, 75)
    problems.string(element, "value", path, 2000)
    problems.string(element, "url", path, 3000)
    _address(problems, element, "url", path)
    problems.one_of(element, "style", path, ("primary", "danger"))
    problems.string(element, "accessibility_label", path, 75)


def _address(problems: Problems, element: dict[str, Any], field: str, path: str) -> None:
    url = element.get(field)
    if isinstance(url, str) and url and not _ADDRESS.fullmatch(url):
        problems.add("Invalid URL", f"{path}/{field}")


def _static(problems: Problems, element: dict[str, Any], path: str) -> None:
    check_choices(problems, element, path)
    problems.number(element, "max_selected_items", path, 1, 100)
    if not problems.found:
        check_initial(problems, element, path)


def _external(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.number(element, "min_query_length", path, 0, 100)
    problems.number(element, "max_selected_items", path, 1, 100)


def _few(most: int, *, plain: bool) -> Check:
    def check(problems: Problems, element: dict[str, Any], path: str) -> None:
        check_options(problems, element, path, most, plain=plain)
        if not problems.found:
            check_initial(problems, element, path)

    return check


def _date(problems: Problems, element: dict[str, Any], path: str) -> None:
    if not _DATE.fullmatch(str(element.get("initial_date", "2000-01-01"))):
        problems.add("must be a valid date", f"{path}/initial_date")


def _time(problems: Problems, element: dict[str, Any], path: str) -> None:
    if not _TIME.fullmatch(str(element.get("initial_time", "00:00"))):
        problems.add("must be a valid time", f"{path}/initial_time")


def _text_input(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.string(element, "initial_value", path, 3000, least=0)
    problems.boolean(element, "multiline", path)
    problems.number(element, "min_length", path, 0, 3000)
    problems.number(element, "max_length", path, 1, 3000)
    if not problems.found and element.get("min_length", 0) > element.get("max_length", 3000):
        problems.add("`min_length` must be less than or equal to `max_length`", f"{path}/min_length")


def _number(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.has(element, path, "is_decimal_allowed")
    for field in ("initial_value", "min_value", "max_value"):
        problems.string(element, field, path, 100)


def _image(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.has(element, path, "alt_text")
    if not element.get("image_url") and not element.get("slack_file"):
        problems.add("missing required field: image_url", path)
    problems.string(element, "image_url", path, 3000)
    problems.string(element, "alt_text", path, 2000)
    _address(problems, element, "image_url", path)
    check_slack_file(problems, element, path)


def check_slack_file(problems: Problems, owner: dict[str, Any], path: str) -> None:
    """The form of a reference to a file at Slack; whether there is one is asked where the team is known."""
    if "slack_file" not in owner or not problems.is_object(owner["slack_file"], f"{path}/slack_file"):
        return
    given, here = owner["slack_file"], f"{path}/slack_file"
    problems.only(given, here, {"id", "url"})
    problems.string(given, "url", here, 3000)
    if "id" in given and not _FILE_ID.fullmatch(str(given["id"])):
        problems.add(f"input must match regex pattern: ^{_FILE_ID.pattern}$", f"{here}/id")
    if "id" not in given and "url" not in given:
        problems.has(given, here, "id")


def _file_input(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.number(element, "max_files", path, 1, 10)
    if "filetypes" in element and problems.is_list(element["filetypes"], f"{path}/filetypes", 100):
        for at, kind in enumerate(element["filetypes"]):
            problems.string({str(at): kind}, str(at), f"{path}/filetypes", 50)


def _feedback(problems: Problems, element: dict[str, Any], path: str) -> None:
    if not problems.has(element, path, "positive_button", "negative_button"):
        return
    for field in ("positive_button", "negative_button"):
        here = f"{path}/{field}"
        if problems.is_object(element[field], here) and problems.has(element[field], here, "text", "value"):
            problems.text(element[field], "text", here, 75)
            problems.string(element[field], "value", here, 2000)
            problems.string(element[field], "accessibility_label", here, 75)


def _icon(problems: Problems, element: dict[str, Any], path: str) -> None:
    problems.has(element, path, "icon", "text")
    problems.one_of(element, "icon", path, ("trash",))
    problems.text(element, "text", path, 75)
    problems.string(element, "value", path, 2000)


def _nothing(problems: Problems, element: dict[str, Any], path: str) -> None:
    """Everything that can be wrong is among the common fields."""


_MULTI = {"max_selected_items"}
_STATIC = {"options", "option_groups"}
_CONVERSATIONS = {"default_to_current_conversation", "response_url_enabled", "filter"}

ELEMENTS: dict[str, tuple[set[str], Check]] = {
    "button": ({"text", "value", "url", "style", "accessibility_label"}, _button),
    "static_select": (_STATIC | {"initial_option"}, _static),
    "multi_static_select": (_STATIC | _MULTI | {"initial_options"}, _static),
    "external_select": ({"initial_option", "min_query_length"}, _external),
    "multi_external_select": (_MULTI | {"initial_options", "min_query_length"}, _external),
    "users_select": ({"initial_user"}, _nothing),
    "multi_users_select": (_MULTI | {"initial_users"}, _nothing),
    "channels_select": ({"initial_channel", "response_url_enabled"}, _nothing),
    "multi_channels_select": (_MULTI | {"initial_channels"}, _nothing),
    "conversations_select": (_CONVERSATIONS | {"initial_conversation"}, _nothing),
    "multi_conversations_select": (_CONVERSATIONS | _MULTI | {"initial_conversations"}, _nothing),
    "overflow": ({"options"}, _few(5, plain=True)),
    "checkboxes": ({"options", "initial_options"}, _few(10, plain=False)),
    "radio_buttons": ({"options", "initial_option"}, _few(10, plain=False)),
    "datepicker": ({"initial_date"}, _date),
    "timepicker": ({"initial_time", "timezone"}, _time),
    "datetimepicker": ({"initial_date_time"}, _nothing),
    "plain_text_input": (
        {"initial_value", "multiline", "min_length", "max_length", "dispatch_action_config"}, _text_input,
    ),
    "email_text_input": ({"initial_value", "dispatch_action_config"}, _nothing),
    "url_text_input": ({"initial_value", "dispatch_action_config"}, _nothing),
    "number_input": (
        {"is_decimal_allowed", "initial_value", "min_value", "max_value", "dispatch_action_config"}, _number,
    ),
    "file_input": ({"filetypes", "max_files"}, _file_input),
    "image": ({"image_url", "slack_file", "alt_text"}, _image),
    "feedback_buttons": ({"positive_button", "negative_button"}, _feedback),
    "icon_button": ({"icon", "text", "value", "accessibility_label", "visible_to_user_ids"}, _icon),
}  # fmt: skip

_CHOICES = frozenset(name for name in ELEMENTS if "select" in name)
INPUTS = _CHOICES | {
    "checkboxes", "radio_buttons", "datepicker", "timepicker", "datetimepicker", "plain_text_input",
    "email_text_input", "url_text_input", "number_input", "file_input",
}  # fmt: skip
_PRESSED = frozenset({"button", "overflow", "datepicker", "timepicker", "datetimepicker", "checkboxes"})
IN_ACTIONS = _PRESSED | _CHOICES | {"radio_buttons"}
IN_SECTION = _PRESSED | _CHOICES | {"radio_buttons", "image"}
IN_CONTEXT_ACTIONS = frozenset({"feedback_buttons", "icon_button"})
