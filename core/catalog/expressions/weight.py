"""How much a JSON value is, counted without recursion and never further than a limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.kernel.errors import Invalid

MAX_EXPRESSION = 2_000
SHOWN = 120


@dataclass(frozen=True)
class Weight:
    """`values` counts every value in it, `text` the characters of its strings and keys, `depth` how far it nests (1: a list of
    scalars), `widest` the entries of its longest list or mapping."""

    values: int
    text: int
    depth: int
    widest: int


def weigh(value: Any, most: int) -> Weight:
    """Counts; stops soon after `most` values, so what is shared many times costs no more than that."""
    values = text = deepest = widest = 0
    todo: list[tuple[Any, int]] = [(value, 0)]
    while todo and values <= most:
        each, depth = todo.pop()
        values += 1
        if isinstance(each, str):
            text += len(each)
            continue
        if isinstance(each, Mapping):
            text += sum(len(key) for key in each if isinstance(key, str))
            inner: Any = each.values()
        elif isinstance(each, list | tuple):
            inner = each
        else:
            continue
        deepest = max(deepest, depth + 1)
        widest = max(widest, len(each))
        if len(each) > most:
            values += len(each)
            break
        todo.extend((one, depth + 1) for one in inner)
    return Weight(values, text, deepest, widest)


def refuse_long(expression: str) -> None:
    """Raises Invalid `catalog.expression_too_big`."""
    if len(expression) > MAX_EXPRESSION:
        raise too_big(expression, "length")


def too_big(expression: str, rule: str) -> Invalid:
    """`rule`: length, nesting, growth (its result would be many times its input), work (too many steps for this input) or result."""
    return Invalid("catalog.expression_too_big", expression=shown(expression), rule=rule)


def shown(expression: str) -> str:
    """As much of it as an error may carry."""
    return expression if len(expression) <= SHOWN else expression[: SHOWN - 1] + "…"
