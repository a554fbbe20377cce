"""Texts with gaps, in Jinja's syntax, that a person or a program wrote: they may read the values that they are given and nothing else, and they end.

Jinja's own sandbox keeps a template away from Python, but not from a billion rounds or a billion letters. So this is less of Jinja: no assignments, macros,
calls or slices; and each round, filter and letter is paid for out of one budget."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import wraps
from typing import Any, cast

from jinja2 import StrictUndefined, TemplateError, Undefined, nodes
from jinja2.filters import FILTERS
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from core.kernel.errors import Invalid

LONGEST_TEMPLATE = 20_000
LONGEST_TEXT = 1_000_000
"""Both in characters."""
BUDGET = 5_000_000
ROUND = 20
"""Units of the budget: 20 for a round of a loop or a filter, one for each entry or letter that is compared, joined or written."""

_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "groupby",
    "int",
    "items",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "string",
    "striptags",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
]
_TESTS = frozenset(
    [
        "boolean",
        "defined",
        "even",
        "false",
        "float",
        "integer",
        "mapping",
        "none",
        "number",
        "odd",
        "sequence",
        "string",
        "true",
        "undefined",
    ]
)
_LOOP = frozenset(("index", "index0", "first", "last", "length", "revindex", "revindex0"))
_REFUSED = (
    nodes.Assign, nodes.AssignBlock, nodes.Block, nodes.Call, nodes.CallBlock, nodes.Extends, nodes.FilterBlock, nodes.FromImport, nodes.Import, nodes.Include,
    nodes.Macro, nodes.Pow, nodes.EvalContextModifier, nodes.Slice, nodes.With,
)  # fmt: skip

Shown = Callable[[Any], Any]


class _TooMuch(Exception):
    """The budget is used up."""


class _Missing(Exception):
    """A gap without a value."""


class _Refused(TemplateError):
    """Something that a template here cannot do; the message is its name."""

    def __init__(self, what: str, lineno: int) -> None:
        super().__init__(what)
        self.lineno = lineno


def render(template: str, values: Mapping[str, Any], shown: Shown = lambda value: value) -> str:
    """The text with its gaps filled from `values` (JSON values); the same for the same. `shown` may change what is put into a gap.

    Raises Invalid: `orchestration.template_broken` (data: line, why), `orchestration.template_too_large` (data: limit), `orchestration.template_value_missing`
    (data: name)."""
    if len(template) > LONGEST_TEMPLATE:
        raise Invalid("orchestration.template_too_large", limit=LONGEST_TEMPLATE)
    house = _House(shown)
    try:
        return "".join(_limited(house.from_string(house.checked(template)).generate(dict(values))))
    except _TooMuch:
        raise Invalid("orchestration.template_too_large", limit=LONGEST_TEXT) from None
    except _Missing as missing:
        raise Invalid("orchestration.template_value_missing", name=str(missing)) from None
    except TemplateError as broken:
        why = str(broken.message) if isinstance(broken, _Refused) else type(broken).__name__
        raise Invalid("orchestration.template_broken", line=getattr(broken, "lineno", 0) or 0, why=why) from None
    except (ArithmeticError, LookupError, MemoryError, RecursionError, SyntaxError, TypeError, ValueError) as wrong:
        raise Invalid("orchestration.template_broken", line=0, why=type(wrong).__name__) from None


def _limited(pieces: Iterable[str]) -> Iterator[str]:
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > LONGEST_TEXT:
            raise _TooMuch
        yield piece


class _Strict(StrictUndefined):
    """What is missing, by its name."""

    def _missing(self, *args: Any, **kwargs: Any) -> Any:
        raise _Missing(str(self._undefined_name or "")[:60])

    _fail_with_undefined_error = _missing  # pyright: ignore[reportAssignmentType]
    __str__ = __repr__ = __iter__ = __len__ = __eq__ = __ne__ = __bool__ = __hash__ = _missing  # pyright: ignore[reportAssignmentType]
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __contains__ = _missing
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __lt__ = __le__ = __gt__ = __ge__ = __neg__ = __pos__ = _missing


class _House(ImmutableSandboxedEnvironment):
    """The smaller Jinja, with the budget of one text."""

    intercepted_binops = frozenset(("+", "-", "*", "/", "//", "%"))

    def __init__(self, shown: Shown) -> None:
        super().__init__(undefined=_Strict, finalize=shown, optimized=False, keep_trailing_newline=True, cache_size=0)
        self._left = BUDGET
        self.globals = {}
        self.filters = {name: self._paid(FILTERS[name]) for name in _FILTERS}
        ours = (self._join, self._replace, self._round, self._sum, self._tojson)
        self.filters |= {filter.__name__.removeprefix("_"): filter for filter in ours}
        self._named = frozenset(self.filters)
        self.filters |= {"_rounds": self._rounds, "_glued": self._glued, "_compared": self._compared}

    def checked(self, template: str) -> nodes.Template:
        """The parsed template; its loops, comparisons and joints pay. Raises TemplateError."""
        tree = self.parse(template)
        for node in tree.find_all(nodes.Node):
            self._check(node)
        for loop in list(tree.find_all(nodes.For)):
            loop.iter = _through("_rounds", loop.iter)
        for compare in list(tree.find_all(nodes.Compare)):
            compare.expr = _through("_compared", compare.expr)
            for operand in compare.ops:
                operand.expr = _through("_compared", operand.expr)
        for concat in list(tree.find_all(nodes.Concat)):
            concat.nodes = [_through("_glued", part) for part in concat.nodes]
        return tree

    def _check(self, node: nodes.Node) -> None:
        if isinstance(node, _REFUSED) or (isinstance(node, nodes.For) and node.recursive):
            raise _Refused(type(node).__name__.lower(), node.lineno)
        if isinstance(node, nodes.Name) and node.name == "self":
            raise _Refused("self", node.lineno)
        if isinstance(node, nodes.Filter) and node.name not in self._named:
            raise _Refused(f"filter {node.name}"[:60], node.lineno)
        if isinstance(node, nodes.Test) and node.name not in _TESTS:
            raise _Refused(f"test {node.name}"[:60], node.lineno)

    def _pay(self, units: int) -> None:
        self._left -= units
        if self._left < 0:
            raise _TooMuch

    def _weigh(self, value: Any) -> None:
        """Pays for all that is in a value."""
        waiting = [value]
        while waiting:
            part = waiting.pop()
            if isinstance(part, str):
                self._pay(1 + len(part))
            elif isinstance(part, list | tuple):
                self._pay(1 + len(part))
                waiting += part
            elif isinstance(part, Mapping):
                self._pay(1 + len(part))
                waiting += part.values()

    def _paid(self, filter: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(filter)
        def paying(*given: Any, **more: Any) -> Any:
            self._pay(ROUND)
            for value in (*given, *more.values()):
                if not isinstance(value, Context):
                    self._weigh(value)
            result = filter(*given, **more)
            return list(self._rounds(result)) if isinstance(result, Iterator) else result

        return paying

    def _rounds(self, entries: Any) -> Iterator[Any]:
        for entry in entries:
            self._pay(ROUND)
            yield entry

    def _compared(self, value: Any) -> Any:
        self._weigh(value)
        return value

    def _glued(self, value: Any) -> Any:
        self._weigh(value)
        return value

    def _join(self, entries: Any, between: str = "", attribute: str | None = None) -> str:
        chosen = [entry if attribute is None else self.getitem(entry, attribute) for entry in self._rounds(entries)]
        texts = [str(between)] * max(0, 2 * len(chosen) - 1)
        texts[::2] = [str(entry) for entry in chosen]
        self._weigh(texts)
        return "".join(texts)

    def _replace(self, text: Any, old: str, new: str) -> str:
        text = str(text)
        self._weigh(text)
        self._pay(text.count(old) * len(str(new)))
        return text.replace(old, str(new))

    def _round(self, number: float, digits: int = 0) -> float:
        return round(_number(number), max(-15, min(15, int(digits))))

    def _sum(self, numbers: Any, attribute: str | None = None) -> float:
        taken = self._rounds(numbers)
        return sum(_number(entry if attribute is None else self.getitem(entry, attribute)) for entry in taken)

    def _tojson(self, value: Any) -> str:
        if isinstance(value, Undefined):
            return str(value)
        self._weigh(value)
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """Arithmetic of numbers; `+` also joins texts or lists, and pays for it."""
        if operator == "+" and isinstance(left, str | list) and isinstance(right, str | list):
            self._weigh([left, right])
            return left + right  # pyright: ignore[reportOperatorIssue]
        return super().call_binop(context, operator, _number(left), _number(right))

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Only what is in a value: `x.items` is the entry of that name, never a method."""
        if isinstance(obj, LoopContext) and attribute in _LOOP:
            return getattr(obj, attribute)
        return self.getitem(obj, attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """An entry of an object or of a list, or a letter of a text."""
        if isinstance(obj, Undefined):
            return str(obj)
        try:
            if isinstance(obj, Mapping) or (isinstance(obj, list | str | tuple) and isinstance(argument, int)):
                return obj[argument]
        except (LookupError, TypeError):
            pass
        return self.undefined(name=str(argument))


def _through(filter: str, node: nodes.Node) -> nodes.Expr:
    return nodes.Filter(cast(nodes.Expr, node), filter, [], [], None, None, lineno=node.lineno)


def _number(value: Any) -> float:
    if isinstance(value, Undefined):
        str(value)
    if not isinstance(value, int | float) or abs(value) > 10**15:
        raise TypeError
    return value
