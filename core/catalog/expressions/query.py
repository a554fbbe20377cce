"""JMESPath, with a bound on what an expression can make of its input."""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from jmespath.functions import Functions, signature
from jmespath.parser import ParsedResult

from core.catalog.expressions.weight import refuse_long, shown, too_big, weigh
from core.kernel.errors import Invalid

MAX_NESTING = 60
MAX_GROWTH = 500
MAX_RESULT_VALUES = 200_000
MAX_RESULT_TEXT = 32_000_000
WHOLE = "@"

_LEFT_ONLY = frozenset(
    ("subexpression", "index_expression", "pipe", "projection", "filter_projection", "value_projection", "flatten")
)


class _Bounded(Functions):
    @signature({"types": ["string"]}, {"types": ["array-string"]})
    def _func_join(self, separator: str, array: list[str]) -> str:
        if len(separator) * len(array) > MAX_RESULT_TEXT:
            raise OverflowError
        return separator.join(array)


_OPTIONS = jmespath.Options(custom_functions=_Bounded())


class Query:
    """A compiled expression. `names` are the paths that it takes from its scope: `("mails", "found")` for `mails.found[0].id`; at most
    two steps each, `("@",)` for the scope as a whole. `path` is the whole expression where it is nothing but fields (`a.b.c`)."""

    __slots__ = ("_parsed", "expression", "names", "path")

    def __init__(self, expression: str) -> None:
        """Raises Invalid `catalog.expression_broken` or `catalog.expression_too_big`."""
        refuse_long(expression)
        try:
            self._parsed: ParsedResult = jmespath.compile(expression)
        except (JMESPathError, RecursionError) as problem:
            raise Invalid("catalog.expression_broken", expression=shown(expression)) from problem
        self.expression = expression
        if _nesting(self._parsed.parsed) > MAX_NESTING:
            raise too_big(expression, "nesting")
        if _growth(self._parsed.parsed) > MAX_GROWTH:
            raise too_big(expression, "growth")
        self.names = frozenset(_names(self._parsed.parsed))
        self.path = _path(self._parsed.parsed)

    @property
    def tree(self) -> Mapping[str, Any]:
        """The parsed expression, as the library has it."""
        return self._parsed.parsed

    def __call__(self, scope: Mapping[str, Any]) -> Any:
        """What it finds in `scope` (JSON values): None for what is not there. Raises Invalid `catalog.expression_failed` (a function of
        the wrong type of value) or `catalog.expression_too_big`."""
        if self.path is not None:
            found: Any = scope
            for key in self.path:
                if type(found) is not dict and not isinstance(found, Mapping):
                    return None
                found = found.get(key)
            return found
        try:
            found = self._parsed.search(scope, _OPTIONS)
        except OverflowError as problem:
            raise too_big(self.expression, "result") from problem
        except (JMESPathError, RecursionError, ValueError, TypeError, ArithmeticError) as problem:
            raise Invalid("catalog.expression_failed", expression=shown(self.expression), why="type") from problem
        weight = weigh(found, MAX_RESULT_VALUES)
        if weight.values > MAX_RESULT_VALUES or weight.text > MAX_RESULT_TEXT:
            raise too_big(self.expression, "result")
        return found


@lru_cache(maxsize=2048)
def query(expression: str) -> Query:
    """The compiled expression; see Query."""
    return Query(expression)


def _path(tree: Mapping[str, Any]) -> tuple[str, ...] | None:
    if tree["type"] == "field":
        return (tree["value"],)
    if tree["type"] == "subexpression":
        parts = [_path(child) for child in tree["children"]]
        return None if None in parts else tuple(key for part in parts if part for key in part)
    return None


def _names(tree: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """What stands right of a dot, a pipe or a projection looks into what is left of it, not into the scope."""
    path = _path(tree)
    if path is not None:
        yield path[:2]
        return
    kind, children = tree["type"], tree.get("children", ())
    if kind in ("current", "identity"):
        yield (WHOLE,)
        return
    if kind == "subexpression" and (leading := _leading_fields(children)):
        yield leading[:2]
        return
    for child in children[:1] if kind in _LEFT_ONLY else children:
        if child["type"] != "expref":
            yield from _names(child)


def _leading_fields(children: list[Mapping[str, Any]]) -> tuple[str, ...]:
    leading: list[str] = []
    for child in children:
        if child["type"] != "field":
            break
        leading.append(child["value"])
    return tuple(leading)


def _nesting(tree: Mapping[str, Any]) -> int:
    deepest, todo = 0, [(tree, 1)]
    while todo:
        node, depth = todo.pop()
        deepest = max(deepest, depth)
        todo.extend((child, depth + 1) for child in node.get("children", ()))
    return deepest


def _growth(tree: Mapping[str, Any]) -> float:
    """How many times as large as its input a result can be: what is named twice counts twice, steps after each other multiply."""
    kind, children = tree["type"], tree.get("children", ())
    grown = [_growth(child) for child in children]
    if kind in ("multi_select_list", "multi_select_dict"):
        return max(1.0, sum(grown))
    if kind == "function_expression":
        product = 1.0
        for factor in grown:
            product *= factor
        escapes = 6 if tree["value"] == "to_string" else 1
        return max(sum(grown), product) * escapes
    if kind in (
        "subexpression",
        "pipe",
        "projection",
        "value_projection",
        "index_expression",
        "key_val_pair",
        "expref",
    ):
        product = 1.0
        for factor in grown:
            product *= factor
        return product
    if kind == "filter_projection":
        return grown[0] * grown[1]
    return max([1.0, *grown])
