"""Blocks, one under the other, and the ids that the platform gives to what has none."""

from __future__ import annotations

import copy
import secrets
import string
from collections.abc import Callable, Iterator
from typing import Any

from .elements import ELEMENTS, IN_ACTIONS, IN_CONTEXT_ACTIONS, IN_SECTION, INPUTS, check_element, check_slack_file
from .problems import Problems

_LETTERS = string.ascii_letters + string.digits
MARKDOWN_LIMIT = 12_000
_RICH_BLOCKS = frozenset({"rich_text_section", "rich_text_list", "rich_text_preformatted", "rich_text_quote"})
_RICH_WORDS = frozenset({"text", "link", "user", "channel", "usergroup", "emoji", "date", "broadcast", "color"})


def check_blocks(problems: Problems, blocks: Any, path: str, most: int, allowed: frozenset[str]) -> None:
    """`most` blocks of the kinds in `allowed`; block ids unique, action ids unique within a block."""
    if not problems.is_list(blocks, path, most, least=0):
        return
    ids: set[str] = set()
    for at, block in enumerate(blocks):
        here = f"{path}/{at}"
        if not problems.is_object(block, here) or not problems.is_kind(block, here, allowed):
            continue
        fields, check = BLOCKS[block["type"]]
        problems.only(block, here, {"type", "block_id"} | fields)
        problems.string(block, "block_id", here, 255)
        check(problems, block, here)
        block_id = block.get("block_id")
        if isinstance(block_id, str) and block_id in ids:
            problems.add(f'`block_id` "{block_id}" already exists', f"{here}/block_id")
        ids.add(str(block_id))
        _unique_actions(problems, block, here)
    markdown = sum(len(str(b.get("text"))) for b in blocks if isinstance(b, dict) and b.get("type") == "markdown")
    if markdown > MARKDOWN_LIMIT:
        problems.add(f"must be less than {MARKDOWN_LIMIT + 1} characters", path)


def elements_of(block: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path within the block and element, for everything in it that has a `type` of its own."""
    for field in ("accessory", "element"):
        if isinstance(block.get(field), dict):
            yield f"/{field}", block[field]
    if isinstance(block.get("elements"), list) and block.get("type") != "rich_text":
        for at, element in enumerate(block["elements"]):
            if isinstance(element, dict):
                yield f"/elements/{at}", element


def slack_files(blocks: list[dict[str, Any]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Path within the blocks and reference, for every picture that is a file at Slack."""
    for at, block in enumerate(blocks):
        for where, one in (("", block), *elements_of(block)):
            if one.get("type") == "image" and "slack_file" in one:
                yield f"/{at}{where}/slack_file", one["slack_file"]


def with_ids(blocks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A copy in which every block has a block_id and every interactive element an action_id."""
    blocks = copy.deepcopy(blocks)
    for block in blocks:
        block.setdefault("block_id", _random_id())
        for _, element in elements_of(block):
            if element["type"] in ELEMENTS and element["type"] != "image":
                element.setdefault("action_id", _random_id())
    return blocks


def _random_id() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(5))


def _unique_actions(problems: Problems, block: dict[str, Any], path: str) -> None:
    seen: set[str] = set()
    for where, element in elements_of(block):
        action = element.get("action_id")
        if isinstance(action, str):
            if action in seen:
                problems.add(f'`action_id` "{action}" already exists', f"{path}{where}/action_id")
            seen.add(action)


def _section(problems: Problems, block: dict[str, Any], path: str) -> None:
    if "text" not in block and "fields" not in block:
        problems.add("must define either `text` or `fields`", path)
    problems.text(block, "text", path, 3000, plain=False)
    problems.boolean(block, "expand", path)
    if "fields" in block and problems.is_list(block["fields"], f"{path}/fields", 10):
        for at, field in enumerate(block["fields"]):
            problems.text({str(at): field}, str(at), f"{path}/fields", 2000, plain=False)
    if "accessory" in block:
        check_element(problems, block["accessory"], f"{path}/accessory", IN_SECTION)


def _elements(most: int, allowed: frozenset[str]) -> Callable[[Problems, dict[str, Any], str], None]:
    def check(problems: Problems, block: dict[str, Any], path: str) -> None:
        if problems.has(block, path, "elements") and problems.is_list(block["elements"], f"{path}/elements", most):
            for at, element in enumerate(block["elements"]):
                check_element(problems, element, f"{path}/elements/{at}", allowed)

    return check


def _context(problems: Problems, block: dict[str, Any], path: str) -> None:
    if not problems.has(block, path, "elements") or not problems.is_list(block["elements"], f"{path}/elements", 10):
        return
    for at, element in enumerate(block["elements"]):
        here = f"{path}/elements/{at}"
        if isinstance(element, dict) and element.get("type") == "image":
            check_element(problems, element, here, frozenset({"image"}))
        else:
            problems.text({str(at): element}, str(at), f"{path}/elements", 3000, plain=False)


def _header(problems: Problems, block: dict[str, Any], path: str) -> None:
    problems.has(block, path, "text")
    problems.text(block, "text", path, 150)


def _input(problems: Problems, block: dict[str, Any], path: str) -> None:
    if not problems.has(block, path, "label", "element"):
        return
    problems.text(block, "label", path, 2000)
    problems.text(block, "hint", path, 2000)
    problems.boolean(block, "optional", path)
    problems.boolean(block, "dispatch_action", path)
    check_element(problems, block["element"], f"{path}/element", INPUTS)


def _image(problems: Problems, block: dict[str, Any], path: str) -> None:
    problems.has(block, path, "alt_text")
    if not block.get("image_url") and not block.get("slack_file"):
        problems.add("missing required field: image_url", path)
    problems.string(block, "image_url", path, 3000)
    problems.string(block, "alt_text", path, 2000)
    problems.text(block, "title", path, 2000)
    check_slack_file(problems, block, path)


def _markdown(problems: Problems, block: dict[str, Any], path: str) -> None:
    problems.has(block, path, "text")
    problems.string(block, "text", path, MARKDOWN_LIMIT)


def _table(problems: Problems, block: dict[str, Any], path: str) -> None:
    if problems.has(block, path, "rows") and problems.is_list(block["rows"], f"{path}/rows", 100):
        for at, row in enumerate(block["rows"]):
            if problems.is_list(row, f"{path}/rows/{at}", 20):
                for number, cell in enumerate(row):
                    _cell(problems, cell, f"{path}/rows/{at}/{number}")


def _cell(problems: Problems, cell: Any, path: str) -> None:
    if problems.is_object(cell, path) and problems.is_kind(cell, path, ("raw_text", "rich_text")):
        if cell["type"] == "raw_text":
            problems.has(cell, path, "text")
            problems.string(cell, "text", path, 3000)
        else:
            _rich_text(problems, cell, path)


def _rich_text(problems: Problems, block: dict[str, Any], path: str) -> None:
    if problems.has(block, path, "elements") and problems.is_list(block["elements"], f"{path}/elements", 1000, 0):
        for at, element in enumerate(block["elements"]):
            _rich_element(problems, element, f"{path}/elements/{at}", _RICH_BLOCKS)


def _rich_element(problems: Problems, element: Any, path: str, allowed: frozenset[str]) -> None:
    if not problems.is_object(element, path) or not problems.is_kind(element, path, allowed):
        return
    if element["type"] in _RICH_BLOCKS:
        inner = frozenset({"rich_text_section"}) if element["type"] == "rich_text_list" else _RICH_WORDS
        if problems.has(element, path, "elements") and problems.is_list(
            element["elements"], f"{path}/elements", 1000, 0
        ):
            for at, one in enumerate(element["elements"]):
                _rich_element(problems, one, f"{path}/elements/{at}", inner)
        return
    needed = {"text": "text", "link": "url", "user": "user_id", "channel": "channel_id", "emoji": "name"}
    if needed_field := needed.get(element["type"]):
        problems.has(element, path, needed_field)
        problems.string(element, needed_field, path, 3000, least=0)


def _nothing(problems: Problems, block: dict[str, Any], path: str) -> None:
    """A divider has nothing that could be wrong."""


BLOCKS: dict[str, tuple[set[str], Callable[[Problems, dict[str, Any], str], None]]] = {
    "section": ({"text", "fields", "accessory", "expand"}, _section),
    "divider": (set(), _nothing),
    "header": ({"text"}, _header),
    "context": ({"elements"}, _context),
    "actions": ({"elements"}, _elements(25, IN_ACTIONS)),
    "context_actions": ({"elements"}, _elements(5, IN_CONTEXT_ACTIONS)),
    "image": ({"image_url", "slack_file", "alt_text", "title"}, _image),
    "input": ({"label", "element", "hint", "optional", "dispatch_action"}, _input),
    "markdown": ({"text"}, _markdown),
    "rich_text": ({"elements"}, _rich_text),
    "table": ({"rows", "column_settings"}, _table),
}
