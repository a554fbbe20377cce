"""Reply markups: what the server accepts, and in whose words it refuses the rest."""

from __future__ import annotations

import re
from typing import Any

from .parameters import Parameters
from .refusals import bad_request

_INLINE_ACTIONS = (
    "url", "callback_data", "callback_game", "pay", "switch_inline_query", "switch_inline_query_chosen_chat",
    "switch_inline_query_current_chat", "login_url", "web_app", "copy_text",
)  # fmt: skip
_STYLES = {"", "default", "primary", "danger", "success"}
_ADDRESS = re.compile(r"(?:(?:https?|tg|ton)://)?[^\s/?#]+(?:[./?#:]\S*)?", re.IGNORECASE)
CALLBACK_LIMIT = 64
BUTTON_LIMIT = 100
PLACEHOLDER_LIMIT = 64


def reply_markup(params: Parameters, *, inline_only: bool = False) -> dict[str, Any] | None:
    """The markup of a call, None for none. `inline_only` where a message is edited."""
    value = params.json("reply_markup", "can't parse reply keyboard markup JSON object")
    if value is None:
        return None
    if not isinstance(value, dict):
        raise bad_request("object expected as reply markup")
    markup = _one_of(value)
    if markup and inline_only and "inline_keyboard" not in markup:
        raise bad_request("inline keyboard expected")
    return markup


def _one_of(value: dict[str, Any]) -> dict[str, Any] | None:
    if rows := _rows(value, "keyboard"):
        return {**value, "keyboard": [[_keyboard_button(button) for button in row] for row in rows]}
    if rows := _rows(value, "inline_keyboard"):
        keyboard = [[_inline_button(button) for button in row] for row in rows]
        if sum(map(len, keyboard)) > BUTTON_LIMIT:
            raise bad_request("reply markup is too long")
        keyboard = [row for row in keyboard if row]
        return {"inline_keyboard": keyboard} if keyboard else None
    if value.get("force_reply") and len(str(value.get("input_field_placeholder", ""))) > PLACEHOLDER_LIMIT:
        raise bad_request("input field placeholder is too long")
    if value.get("remove_keyboard") or value.get("force_reply"):
        return value
    return None


def _rows(value: dict[str, Any], field: str) -> list[list[Any]]:
    rows = value.get(field, [])
    if not isinstance(rows, list):
        raise bad_request(f'field "{field}" must be of type Array')
    if not all(isinstance(row, list) for row in rows):
        if field == "keyboard":
            raise bad_request('field "keyboard" must be an Array of Arrays')
        raise bad_request('field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays')
    return rows


def _keyboard_button(button: Any) -> dict[str, Any]:
    if isinstance(button, str):
        button = {"text": button}
    if not isinstance(button, dict):
        raise bad_request("can't parse keyboard button: KeyboardButton must be a String or an Object")
    _check_label(button, "keyboard button")
    return button


def _inline_button(button: Any) -> dict[str, Any]:
    if not isinstance(button, dict):
        raise bad_request("can't parse inline keyboard button: InlineKeyboardButton must be an Object")
    _check_label(button, "inline keyboard button")
    kind = next((name for name in _INLINE_ACTIONS if button.get(name) not in (None, "")), None)
    if kind is None:
        raise bad_request("can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    if kind == "callback_data" and len(str(button["callback_data"]).encode()) > CALLBACK_LIMIT:
        raise bad_request("BUTTON_DATA_INVALID")
    if kind == "url" and not _ADDRESS.fullmatch(str(button["url"])):
        raise bad_request(f"inline keyboard button URL '{button['url']}' is invalid: Wrong HTTP URL")
    if kind == "copy_text" and not 1 <= len(button["copy_text"].get("text", "")) <= 256:
        raise bad_request("BUTTON_COPY_TEXT_INVALID")
    return {name: button[name] for name in ("text", kind, "style", "icon_custom_emoji_id") if name in button}


def _check_label(button: dict[str, Any], what: str) -> None:
    if not isinstance(button.get("text"), str):
        raise bad_request(f"can't parse {what}: Can't find field \"text\"")
    if not button["text"].strip():
        raise bad_request(f"{what} text must be non-empty")
    if str(button.get("style", "")).lower() not in _STYLES:
        raise bad_request(f"can't parse {what}: invalid button style specified")
