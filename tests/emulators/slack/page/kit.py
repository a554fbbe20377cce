"""Blocks and their elements as HTML."""

from __future__ import annotations

from base64 import b64encode
from html import escape
from typing import Any

from tests.emulators.slack.blocks.composition import every_option
from tests.emulators.slack.message import SentFile
from tests.emulators.slack.team import Team
from tests.emulators.slack.views import View

from .marks import markdown, mrkdwn, plain

_SIGNS = {"pending": "○", "in_progress": "◐", "complete": "✓", "error": "✕"}


def blocks(team: Team, every: list[dict[str, Any]], view: View | None = None) -> str:
    return "".join(f"<div class='block {block['type']}'>{_block(team, block, view)}</div>" for block in every)


def _text(team: Team, value: dict[str, Any]) -> str:
    return mrkdwn(team, value["text"]) if value["type"] == "mrkdwn" else plain(value["text"])


def _block(team: Team, block: dict[str, Any], view: View | None) -> str:
    match block["type"]:
        case "section":
            body = f"<div>{_text(team, block['text'])}</div>" if block.get("text") else ""
            fields = "".join(f"<div>{_text(team, one)}</div>" for one in block.get("fields") or [])
            body += f"<div class=fields>{fields}</div>" if fields else ""
            side = f"<div class=accessory>{_element(team, block['accessory'])}</div>" if block.get("accessory") else ""
            return f"<div class=body>{body}</div>{side}"
        case "header":
            return f"<h3>{_text(team, block['text'])}</h3>"
        case "divider":
            return "<hr>"
        case "context":
            return "".join(
                _element(team, one) if one["type"] == "image" else f"<span>{_text(team, one)}</span>"
                for one in block["elements"]
            )
        case "actions" | "context_actions":
            return "".join(_element(team, one) for one in block["elements"])
        case "image":
            title = f"<div class=title>{_text(team, block['title'])}</div>" if block.get("title") else ""
            return f"{title}{_picture(team, block)}"
        case "markdown":
            return markdown(block["text"])
        case "plan":
            tasks = "".join(f"<li>{_SIGNS[one['status']]} {plain(one['title'])}</li>" for one in block["tasks"])
            return f"<div class=title>{plain(block['title'])}</div><ul>{tasks}</ul>"
        case "input":
            return _input(team, block, view)
        case "table":
            rows = "".join(f"<tr>{''.join(f'<td>{_cell(team, cell)}' for cell in row)}" for row in block["rows"])
            return f"<table>{rows}</table>"
        case "rich_text":
            return _rich(team, block)
        case other:
            return escape(other)


def _picture(team: Team, shown: dict[str, Any]) -> str:
    """A picture that is a file at Slack is in the page itself; one of elsewhere is not fetched."""
    source = escape(shown.get("image_url", ""))
    if "slack_file" in shown:
        file = team.world.files.known(team, shown["slack_file"])
        source = inline(file) if file is not None else ""
    return f"<img src='{source}' alt='{escape(shown['alt_text'])}'>"


def inline(file: SentFile) -> str:
    """A file as an address of its own bytes."""
    return f"data:{escape(file.mime)};base64,{b64encode(file.content).decode()}"


def _cell(team: Team, cell: dict[str, Any]) -> str:
    return plain(cell.get("text", "")) if "text" in cell else _rich(team, cell)


def _rich(team: Team, value: dict[str, Any]) -> str:
    tags = {"rich_text_preformatted": "pre", "rich_text_quote": "blockquote", "rich_text_list": "ul"}
    parts: list[str] = []
    for one in value.get("elements", []):
        if "elements" in one:
            inner = _rich(team, one)
            tag = "li" if value.get("type") == "rich_text_list" else tags.get(one["type"], "div")
            parts.append(f"<{tag}>{inner}</{tag}>")
        elif one["type"] == "link":
            parts.append(f'<a href="{escape(one["url"])}">{plain(one.get("text") or one["url"])}</a>')
        elif one["type"] == "user":
            parts.append(mrkdwn(team, f"<@{one['user_id']}>"))
        elif one["type"] == "text":
            names = {"bold": "strong", "italic": "em", "strike": "s", "code": "code"}
            text = plain(one["text"])
            for style, tag in names.items():
                text = f"<{tag}>{text}</{tag}>" if (one.get("style") or {}).get(style) else text
            parts.append(text)
    return "".join(parts)


def _input(team: Team, block: dict[str, Any], view: View | None) -> str:
    optional = " <i>(optional)</i>" if block.get("optional") else ""
    element, error, hint = block["element"], "", ""
    state = view.values.get(block["block_id"], {}).get(element["action_id"], {}) if view else {}
    if view and block["block_id"] in view.errors:
        error = f"<p class=error>{plain(view.errors[block['block_id']])}</p>"
    if block.get("hint"):
        hint = f"<p class=hint>{plain(block['hint']['text'])}</p>"
    return f"<label>{plain(block['label']['text'])}{optional}{_element(team, element, state)}</label>{error}{hint}"


def _element(team: Team, element: dict[str, Any], state: dict[str, Any] | None = None) -> str:
    kind = element["type"]
    value = next((one for key, one in (state or {}).items() if key != "type"), None)
    match kind:
        case "button" | "icon_button":
            style, text = element.get("style", "default"), plain(element["text"]["text"])
            name = f" aria-label='{escape(element['accessibility_label'])}'" if "accessibility_label" in element else ""
            if element.get("url"):
                return f'<a class="button {style}" href="{escape(element["url"])}"{name}>{text}</a>'
            return f"<button class={style}{name}>{text}</button>"
        case "feedback_buttons":
            sides = (("👍", element["positive_button"]), ("👎", element["negative_button"]))
            return "".join(
                f"<button class=feedback>{icon} {plain(one['text']['text'])}</button>" for icon, one in sides
            )
        case "image":
            return _picture(team, element)
        case "file_input":
            names = ", ".join(escape(one["name"]) for one in value or []) or "Choose a file, or drag it here"
            return f"<span class=drop>📎 {names}</span>"
        case "overflow":
            return "<button class=overflow aria-label='More actions'>⋯</button>"
        case "checkboxes" | "radio_buttons":
            return _boxes(team, element, value)
        case "plain_text_input" if element.get("multiline"):
            return f"<textarea rows=6 placeholder='{_placeholder(element)}'>{escape(value or '')}</textarea>"
        case "plain_text_input" | "email_text_input" | "url_text_input" | "number_input":
            return f"<input value='{escape(str(value or ''))}' placeholder='{_placeholder(element)}'>"
        case "datepicker" | "timepicker":
            given = value or element.get("initial_date") or element.get("initial_time") or ""
            return f"<input type={kind.removesuffix('picker')} aria-label='{_placeholder(element)}' value='{escape(given)}'>"
        case _:
            return f"<select aria-label='{_placeholder(element) or kind}'>{_options(element, value)}</select>"


def _placeholder(element: dict[str, Any]) -> str:
    return escape(element.get("placeholder", {}).get("text", ""))


def _boxes(team: Team, element: dict[str, Any], value: Any) -> str:
    kind = "checkbox" if element["type"] == "checkboxes" else "radio"
    given = value or element.get("initial_options") or element.get("initial_option") or []
    chosen = [one["value"] for one in (given if isinstance(given, list) else [given])]
    lines: list[str] = []
    for option in every_option(element):
        checked = " checked" if option["value"] in chosen else ""
        more = f"<small>{_text(team, option['description'])}</small>" if option.get("description") else ""
        name = f"<span>{_text(team, option['text'])}{more}</span>"
        lines.append(
            f"<label class=box><input type={kind} name='{escape(element['action_id'])}'{checked}>{name}</label>"
        )
    return f"<div class=boxes>{''.join(lines)}</div>"


def _options(element: dict[str, Any], value: Any) -> str:
    given = value or element.get("initial_option") or {}
    chosen = given.get("value") if isinstance(given, dict) else None
    first = f"<option>{_placeholder(element)}" if not chosen else ""
    return first + "".join(
        f"<option{' selected' if one['value'] == chosen else ''}>{plain(one['text']['text'])}"
        for one in every_option(element)
    )
