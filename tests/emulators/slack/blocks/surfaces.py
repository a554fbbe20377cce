"""Where blocks stand: in a message, a modal or a home tab."""

from __future__ import annotations

import json
from typing import Any

from tests.emulators.slack.refusals import Refused, invalid_arguments, invalid_blocks

from .layout import BLOCKS, check_blocks
from .problems import Problems

MESSAGE_LIMIT = 50
VIEW_LIMIT = 100
VIEW_BYTES = 250_000
BLOCK_CHARACTERS = 13_200  # not documented; as measured in slackapi/bolt-js#2509

_IN_MESSAGES = frozenset(BLOCKS)
_IN_VIEWS = frozenset(BLOCKS) - {"markdown", "table", "context_actions"}
_BOTH = {"type", "blocks", "private_metadata", "callback_id", "external_id"}
_MODAL = _BOTH | {"title", "close", "submit", "clear_on_close", "notify_on_close"}


def message_blocks(blocks: Any, most: int = MESSAGE_LIMIT) -> list[dict[str, Any]]:
    """The blocks of a message when nothing is wrong with them; refused as the platform refuses them."""
    if not isinstance(blocks, list):
        raise Refused("invalid_blocks_format")
    problems = Problems()
    check_blocks(problems, blocks, "/blocks", most, _IN_MESSAGES)
    if problems.found:
        raise invalid_blocks(problems.found)
    if _characters(blocks) > BLOCK_CHARACTERS:
        raise Refused("msg_blocks_too_long")
    return blocks


def check_view(view: Any, kind: str | None = None) -> dict[str, Any]:
    """A view when nothing is wrong with it; `kind` is what the method takes: modal, home, or None for either."""
    problems = Problems()
    if not problems.is_object(view, "/view"):
        raise invalid_arguments(*problems.found)
    if view.get("type") not in ((kind,) if kind else ("modal", "home")):
        raise invalid_arguments(
            "failed to match all allowed schemas [json-pointer:/view]",
            f"unsupported type: {view.get('type')} [json-pointer:/view/type]",
        )
    if len(json.dumps(view).encode()) > VIEW_BYTES:
        raise Refused("view_too_large")
    if view["type"] == "modal":
        _modal(problems, view)
    else:
        problems.only(view, "/view", _BOTH)
        problems.has(view, "/view", "blocks")
    problems.string(view, "private_metadata", "/view", 3000, least=0)
    problems.string(view, "callback_id", "/view", 255, least=0)
    problems.string(view, "external_id", "/view", 255, least=0)
    check_blocks(problems, view.get("blocks", []), "/view/blocks", VIEW_LIMIT, _IN_VIEWS)
    if problems.found:
        raise invalid_arguments("failed to match all allowed schemas [json-pointer:/view]", *problems.found)
    return view


def _modal(problems: Problems, view: dict[str, Any]) -> None:
    problems.only(view, "/view", _MODAL)
    problems.has(view, "/view", "title", "blocks")
    for field in ("title", "close", "submit"):
        problems.text(view, field, "/view", 24)
    for field in ("clear_on_close", "notify_on_close"):
        problems.boolean(view, field, "/view")
    blocks = view.get("blocks")
    for at, block in enumerate(blocks if isinstance(blocks, list) else []):
        if isinstance(block, dict) and block.get("type") == "input" and "submit" not in view:
            problems.add("must define `submit` to use `input` block", f"/view/blocks/{at}/input")


def _characters(value: Any) -> int:
    if isinstance(value, dict):
        return sum(
            len(one) if name == "text" and isinstance(one, str) else _characters(one) for name, one in value.items()
        )
    if isinstance(value, list):
        return sum(map(_characters, value))
    return 0
