"""Checks a graph's values against the schemas of its skills, so that what cannot work is refused when it is made."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from core.catalog.expressions import condition, query
from core.catalog.graph.infer import (  # fmt: skip
    ANYTHING,
    Missing,
    Shape,
    alternatives,
    closed,
    field,
    infer,
    items,
    list_of,
    scope,
    type_of,
    types,
)
from core.catalog.graph.literals import first_problem
from core.catalog.graph.models import Graph, Node
from core.catalog.graph.order import ERRORS, OUTPUT, REFERENCE, is_reference, order, references
from core.kernel.errors import Invalid, NotFound

SHOWN = 80
_RUN = {
    "type": "object",
    "additionalProperties": True,
    "properties": {"id": {"type": "string"}, "dry_run": {"type": "boolean"}},
}


class SkillCatalog(Protocol):
    """The skills that a graph of this workspace may use."""

    def schemas(self, name: str, version: int | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """The JSON Schemas of its input and its output. Raises NotFound `orchestration.skill_unknown`."""
        ...


def check(graph: Graph, skills: SkillCatalog, params_schema: Mapping[str, Any] | None = None) -> None:
    """Refuses what the schemas rule out; what they leave open passes and is checked when it runs. `params_schema` describes `params`
    (None: anything). A schema that lists fields and says nothing of others is taken to be complete. Null always passes: it means
    that an input is left out.

    Raises all that `Graph.ordered` raises; NotFound `orchestration.skill_unknown` (skill, node); Invalid `catalog.graph_input_missing` and
    `catalog.graph_input_unknown` (node, field), `catalog.graph_input_wrong` (node, field, rule), `catalog.graph_type_mismatch` (node, field,
    expected, found), `catalog.graph_reference_dangling` (node, reference).
    """
    known: dict[str, Shape] = {
        "run": Shape(_RUN),
        "params": ANYTHING if params_schema is None else Shape(params_schema, params_schema),
        ERRORS: ANYTHING,
    }
    for node in order(graph).nodes:
        try:
            given, made = skills.schemas(node.skill, node.skill_version)
        except NotFound as problem:
            raise NotFound(problem.code, **{**problem.data, "node": node.id}) from problem
        known[node.id] = _Checked(node, known).outputs(Shape(given, given), Shape(made, made))
    for expression in references(graph.output):
        _found(OUTPUT, expression, known)


class _Checked:
    """One node, whose references see `known`."""

    def __init__(self, node: Node, known: Mapping[str, Shape]) -> None:
        self._node, self._known = node, dict(known)

    def outputs(self, given: Shape, made: Shape) -> Shape:
        """Checks the node; what later nodes see of it."""
        node = self._node
        if node.for_each is not None:
            listed = self._named(node.for_each)
            self._expect("for_each", types(listed), frozenset(("array",)))
            self._known |= {"item": items(listed), "index": Shape({"type": "integer"})}
        if node.when is not None:
            self._condition(node.when)
        self._inputs(given)
        return made if node.for_each is None else list_of(made)

    def _inputs(self, given: Shape) -> None:
        node = self._node
        whole = [each for each in alternatives(given) if not each.is_anything]
        if len(whole) != 1:
            return
        properties = whole[0].schema.get("properties", {})
        for name, value in node.inputs.items():
            if name not in properties and closed(whole[0].schema):
                raise Invalid("catalog.graph_input_unknown", node=node.id, field=name[:SHOWN])
            self._value(name, value, field(whole[0], name))
        for name in whole[0].schema.get("required", ()):
            if node.inputs.get(name) is None:
                raise Invalid("catalog.graph_input_missing", node=node.id, field=str(name)[:SHOWN])

    def _value(self, place: str, value: Any, wanted: Shape) -> None:
        if value is None or wanted.is_anything:
            for expression in references(value):
                self._named(expression)
        elif is_reference(value):
            self._fits(place, self._named(value[REFERENCE]), wanted)
        elif next(references(value), None) is None:
            self._literal(place, value, wanted)
        else:
            self._expect(place, frozenset((type_of(value),)), types(wanted))
            for name, inner in _entries(value):
                try:
                    within = items(wanted) if isinstance(name, int) else field(wanted, name)
                except Missing:
                    raise Invalid("catalog.graph_input_unknown", node=self._node.id, field=f"{place}.{name}"[:SHOWN]) from None  # fmt: skip
                self._value(f"{place}.{name}", inner, within)

    def _fits(self, place: str, found: Shape, wanted: Shape) -> None:
        self._expect(place, types(found), types(wanted))
        if types(found) == types(wanted) == {"array"}:
            self._expect(f"{place}[]", types(items(found)), types(items(wanted)))

    def _expect(self, place: str, found: frozenset[str] | None, wanted: frozenset[str] | None) -> None:
        if found is None or wanted is None or not found - {"null"}:
            return
        numbers = {"integer", "number"}
        if (found & wanted) - {"null"} or (found & numbers and wanted & numbers):
            return
        raise Invalid(
            "catalog.graph_type_mismatch",
            node=self._node.id,
            field=place[:SHOWN],
            expected=_said(wanted),
            found=_said(found),
        )

    def _literal(self, place: str, value: Any, wanted: Shape) -> None:
        self._expect(place, frozenset((type_of(value),)), types(wanted))
        problem = first_problem(value, wanted)
        if problem is not None:
            where, rule = problem
            raise Invalid("catalog.graph_input_wrong", node=self._node.id, field=".".join((place, *where))[:SHOWN], rule=rule)  # fmt: skip

    def _condition(self, expression: str) -> None:
        for root, *rest in condition(expression).names:
            try:
                if rest:
                    field(self._known[root], rest[0])
            except Missing:
                raise Invalid("catalog.graph_reference_dangling", node=self._node.id, reference=expression) from None

    def _named(self, expression: str) -> Shape:
        return _found(self._node.id, expression, self._known)


def _found(node: str, expression: str, known: Mapping[str, Shape]) -> Shape:
    """What an expression gives. Raises Invalid `catalog.graph_reference_dangling`."""
    try:
        return infer(query(expression).tree, scope(known))
    except Missing:
        raise Invalid("catalog.graph_reference_dangling", node=node, reference=expression) from None


def _entries(value: Any) -> Iterator[tuple[str | int, Any]]:
    yield from value.items() if isinstance(value, Mapping) else enumerate(value)


def _said(kinds: frozenset[str]) -> str:
    return ", ".join(sorted(kinds - {"null"})) or "null"
