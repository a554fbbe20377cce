"""What a CEL expression names, and an upper bound on the steps that it can take: read from its tokens, before the library sees it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from core.catalog.expressions.weight import too_big

MAX_NESTING = 24
MAX_TOKENS = 600
PATTERN, LARGE_PATTERN = 100, 3_000

_TOKEN = re.compile(
    r"""(?P<space>\s+|//[^\n]*)
    |(?P<string>[bB]?[rR][bB]?(?:\"{3}.*?\"{3}|'{3}.*?'{3}|"[^"\n]*"|'[^'\n]*')
       |[bB]?(?:\"{3}(?:\\.|[^\\])*?\"{3}|'{3}(?:\\.|[^\\])*?'{3}|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'))
    |(?P<name>[A-Za-z_]\w*)
    |(?P<number>\d[\w.]*)
    |(?P<sign>.)""",
    re.VERBOSE | re.DOTALL | re.ASCII,
)
_NO_VARIABLES = frozenset(
    ("true", "false", "null", "in", "int", "uint", "double", "bool", "string", "bytes", "list", "map", "type", "null_type", "timestamp", "duration")
)  # fmt: skip
_ANSWERING = frozenset(("all", "exists", "exists_one", "existsOne"))
_CLOSING = {")": "(", "]": "[", "}": "{"}


@dataclass
class _Body:
    """What is repeated for each entry: the arguments of a macro. The outermost one is the expression itself. `collects`: it makes a list, which the library copies for
    each entry that it adds; `grows`: its entries may be larger than those that it goes through. `outer` are the variables of the scope within it, `nested_variable` says that it names that of another macro."""

    variable: str | None = None
    collects: bool = False
    grows: bool = False
    above: "_Body | None" = None
    depth: int = 0
    mentions: int = 0
    outer: set[str] = field(default_factory=set)
    nested_variable: bool = False
    literals: bool = False
    tokens: int = 0


@dataclass(frozen=True)
class Shape:
    """`paths`: the fields that the expression takes from its scope (`("read", "mails")`), none of them within another. `loops`: whether it goes through lists."""

    paths: tuple[tuple[str, ...], ...]
    loops: bool
    _bodies: tuple[_Body, ...]
    _tokens: int
    _plus: int
    _patterns: tuple[tuple[int, int], ...]

    def work(self, sizes: Mapping[str, int], widest: int) -> float:
        """A bound on the steps for variables of these sizes (`name → values`), whose longest list has `widest` entries."""
        everything = sum(sizes.values()) + self._tokens
        width = float(max(widest, self._tokens) if any(b.literals for b in self._bodies) else widest) * (self._plus + 1)
        growth, busiest = 1.0, 1
        for body in self._bodies:
            if body.grows:
                growth *= max(1, body.mentions)
            busiest = max(busiest, body.mentions)
        total = everything * growth * busiest
        for body in self._bodies[1:]:
            repeated = width**body.depth
            if body.collects:
                total += repeated * everything / 2
            total += repeated * (sum(sizes.get(name, 1) for name in body.outer) + body.tokens * body.literals)
            if body.nested_variable:
                total += width ** (body.depth - 1) * everything
        return total + sum(width**depth * cost for depth, cost in self._patterns)


def shape(expression: str) -> Shape:
    """Reads the tokens. What is no CEL may pass: the library refuses it. Raises Invalid `catalog.expression_too_big`."""
    tokens = list(_tokens(expression))
    if len(tokens) > MAX_TOKENS:
        raise too_big(expression, "length")
    reading = _Reading(tokens)
    for at in range(len(tokens)):
        reading.take(at)
        if reading.deepest > MAX_NESTING:
            raise too_big(expression, "nesting")
    return Shape(
        paths=tuple(sorted(_shortest(reading.paths))),
        loops=len(reading.bodies) > 1,
        _bodies=tuple(reading.bodies),
        _tokens=len(tokens),
        _plus=sum(1 for token in tokens if token == ("sign", "+")),
        _patterns=tuple(reading.patterns),
    )


def _tokens(expression: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(expression):
        if found.lastgroup != "space":
            yield str(found.lastgroup), found.group()


def _shortest(paths: set[tuple[str, ...]]) -> set[tuple[str, ...]]:
    return {path for path in paths if not any(path[:n] in paths for n in range(1, len(path)))}


class _Reading:
    """One pass from left to right."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._open: list[_Body] = []
        self._body = _Body()
        self._row = 0
        self.bodies = [self._body]
        self.paths: set[tuple[str, ...]] = set()
        self.patterns: list[tuple[int, int]] = []
        self.deepest = 0

    def take(self, at: int) -> None:
        kind, text = self._tokens[at]
        self._body.tokens += 1
        self._row = self._row + 1 if text in ("-", "!", "?") else 0 if kind == "sign" and text in ",(" else self._row
        if kind == "name":
            self._name(at, text)
        elif text in ("(", "[", "{"):
            self._open.append(self._body)
            if text == "(":
                self._call(at)
            elif not self._indexes(at):
                self._body.literals = True
        elif text in _CLOSING and self._open:
            self._body = self._open.pop()
        self.deepest = max(self.deepest, len(self._open), self._row)

    def _is(self, at: int, *texts: str) -> bool:
        return 0 <= at < len(self._tokens) and self._tokens[at][1] in texts and self._tokens[at][0] != "string"

    def _indexes(self, at: int) -> bool:
        return at > 0 and (self._tokens[at - 1][0] in ("name", "string") or self._is(at - 1, ")", "]", "}"))

    def _call(self, at: int) -> None:
        method = self._tokens[at - 1][1] if at >= 2 and self._is(at - 2, ".") else ""
        if self._is(at - 1, "matches"):
            pattern = next((t for t in self._tokens[at + 1 : at + 4] if t[0] == "string"), None)
            small = pattern is not None and "{" not in pattern[1]
            self.patterns.append((self._body.depth, PATTERN if small else LARGE_PATTERN))
        if method and at + 2 < len(self._tokens) and self._tokens[at + 1][0] == "name" and self._is(at + 2, ","):
            self._body = _Body(
                self._tokens[at + 1][1],
                collects=method not in _ANSWERING,
                grows=method not in _ANSWERING and method != "filter",
                above=self._body,
                depth=self._body.depth + 1,
            )
            self.bodies.append(self._body)

    def _name(self, at: int, name: str) -> None:
        if self._is(at - 1, ".") or self._is(at + 1, "(") or name in _NO_VARIABLES:
            return
        self._body.mentions += 1
        if name == self._body.variable:
            return
        around = self._body.above
        while around is not None:
            if name == around.variable:
                self._body.nested_variable = True
                return
            around = around.above
        body: _Body | None = self._body
        while body is not None:
            body.outer.add(name)
            body = body.above
        self.paths.add(self._path(at, name))

    def _path(self, at: int, name: str) -> tuple[str, ...]:
        path = [name]
        while self._is(at + 1, ".") and at + 2 < len(self._tokens) and self._tokens[at + 2][0] == "name":
            if self._is(at + 3, "("):
                break
            path.append(self._tokens[at + 2][1])
            at += 2
        return tuple(path)
