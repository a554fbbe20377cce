"""CEL (Common Expression Language, github.com/google/cel-spec), with a bound on the work that an expression can cause: the library
itself has none, holds the interpreter while it works, and overflows its stack on deep values."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from math import isfinite
from typing import Any

from core.catalog.expressions.cost import Shape, shape
from core.catalog.expressions.weight import refuse_long, shown, too_big, weigh
from core.kernel.errors import Invalid

MAX_WORK = 1_000_000
MAX_VALUES = 500_000
MAX_DEPTH = 100
_MISSING = object()


class Condition:
    """A compiled expression. `names` are the paths that it takes from its scope, at most two steps each."""

    __slots__ = ("_paths", "_program", "_shape", "expression", "names")

    def __init__(self, expression: str) -> None:
        """Raises Invalid `catalog.expression_broken` or `catalog.expression_too_big`."""
        import cel  # It brings a whole command line along (typer, rich, prompt_toolkit): a third of a second.

        refuse_long(expression)
        self.expression = expression
        self._shape: Shape = shape(expression)
        try:
            self._program = cel.compile(expression)
        except ValueError as problem:
            raise Invalid("catalog.expression_broken", expression=shown(expression)) from problem
        self._paths = self._shape.paths
        self.names = frozenset(path[:2] for path in self._paths)

    def holds(self, scope: Mapping[str, Any]) -> bool:
        """Whether it is true in `scope` (JSON values). Raises Invalid `catalog.expression_failed` with `why`: missing (a name or field that is not there), type (also a result
        that is neither true nor false), number (overflow, division by zero); and `catalog.expression_too_big`."""
        found = self.value(scope)
        if not isinstance(found, bool):
            raise Invalid("catalog.expression_failed", expression=shown(self.expression), why="type")
        return found

    def value(self, scope: Mapping[str, Any]) -> Any:
        """What it makes of `scope`: a JSON value; a timestamp becomes RFC 3339, a duration seconds. Raises as `holds` does."""
        given = self._given(scope)
        try:
            return self._plain(self._program.execute(given))
        except (KeyError, RuntimeError) as problem:
            raise Invalid("catalog.expression_failed", expression=shown(self.expression), why="missing") from problem
        except ArithmeticError as problem:
            raise Invalid("catalog.expression_failed", expression=shown(self.expression), why="number") from problem
        except (TypeError, ValueError, IndexError) as problem:
            raise Invalid("catalog.expression_failed", expression=shown(self.expression), why="type") from problem

    def _given(self, scope: Mapping[str, Any]) -> dict[str, Any]:
        """Only what the expression names: the library copies what it is given."""
        given: dict[str, Any] = {}
        heavy = self._shape.loops
        for path in self._paths:
            found: Any = scope
            for key in path:
                found = found.get(key, _MISSING) if isinstance(found, Mapping) else _MISSING
                if found is _MISSING:
                    break
            if found is _MISSING:
                _bring_parent(given, path, scope)
                continue
            heavy = (
                heavy or isinstance(found, Mapping | list | tuple) or (isinstance(found, str) and len(found) > 1_000)
            )
            _bring(given, path, found)
        if heavy:
            self._refuse_heavy(given)
        return given

    def _refuse_heavy(self, given: Mapping[str, Any]) -> None:
        sizes: dict[str, int] = {}
        widest = 1
        for name, value in given.items():
            weight = weigh(value, MAX_VALUES)
            if weight.depth > MAX_DEPTH:
                raise too_big(self.expression, "nesting")
            sizes[name] = weight.values + weight.text // 16
            widest = max(widest, weight.widest)
            if weight.values > MAX_VALUES:
                raise too_big(self.expression, "work")
        if self._shape.work(sizes, widest) > MAX_WORK:
            raise too_big(self.expression, "work")

    def _plain(self, found: Any) -> Any:
        if found is None or isinstance(found, bool | int | str):
            return found
        if isinstance(found, float):
            if not isfinite(found):
                raise OverflowError
            return found
        if isinstance(found, datetime):
            return found.isoformat().replace("+00:00", "Z")
        if isinstance(found, timedelta):
            return found.total_seconds()
        if isinstance(found, list | tuple):
            return [self._plain(each) for each in found]
        if isinstance(found, dict) and all(isinstance(key, str) for key in found):
            return {key: self._plain(each) for key, each in found.items()}
        raise TypeError


def _bring(given: dict[str, Any], path: tuple[str, ...], found: Any) -> None:
    """Puts `found` where `path` says; what a shorter path brought whole already has it."""
    for key in path[:-1]:
        inner = given.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        given = inner
    given[path[-1]] = found


def _bring_parent(given: dict[str, Any], path: tuple[str, ...], scope: Mapping[str, Any]) -> None:
    """The field is not there: brings the mappings above it without it, or what stands in their place (null of a skipped node)."""
    found: Any = scope
    for depth, key in enumerate(path[:-1], start=1):
        if key not in found:
            return
        found = found[key]
        if not isinstance(found, Mapping):
            _bring(given, path[:depth], found)
            return
        _bring_empty(given, path[:depth])


def _bring_empty(given: dict[str, Any], path: tuple[str, ...]) -> None:
    for key in path:
        inner = given.setdefault(key, {})
        if not isinstance(inner, dict):
            return
        given = inner


@lru_cache(maxsize=2048)
def condition(expression: str) -> Condition:
    """The compiled expression; see Condition."""
    return Condition(expression)
