"""JSON values as a person reads them: what a question is about, what a step gave back."""

from collections.abc import Mapping
from typing import Any

from bots.kit.screen import Block, Bullets, Facts, Quote

ROWS = 12
LENGTH = 1500
SHORT = 200


def shown(value: Any, room: int = LENGTH) -> list[Block]:
    """Blocks that show a value: text as a quote, an object as labels with values, a list as a list; nothing for what is empty."""
    if value in (None, "", {}, []):
        return []
    if isinstance(value, Mapping):
        rows = [(named(str(key)), flat(inner)) for key, inner in value.items() if inner not in (None, "", {}, [])]
        return [Facts(rows=tuple(rows[:ROWS]))] if rows else []
    if isinstance(value, list | tuple):
        return [Bullets(items=tuple(flat(inner) for inner in value[:ROWS]))]
    return [Quote(text=str(value)[:room])]


def flat(value: Any, room: int = SHORT) -> str:
    """One line for a value: `a: 1, b: 2`."""
    if isinstance(value, Mapping):
        text = ", ".join(f"{named(str(key))}: {flat(inner, room)}" for key, inner in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(flat(inner, room) for inner in value)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= room else text[: room - 1] + "…"


def named(name: str) -> str:
    """`due_date` as `due date`."""
    return name.replace("_", " ")
