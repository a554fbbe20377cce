"""A graph made ready to run: all that can be worked out once for every run of it."""

from collections.abc import Callable, Mapping
from typing import Any

from core.catalog.expressions import Condition, Query, condition, query
from core.catalog.graph import REFERENCE, Graph, Node, Use, is_reference, order
from core.kernel.errors import Invalid
from core.orchestration.ports import Skill
from runners.skills import skill as registered

Json = Mapping[str, Any]
Find = Callable[[str, int | None], Skill[Any, Any]]
"""A skill by its name and, for a skill of somebody's own, its version. Raises NotFound `orchestration.skill_unknown`."""


def platform(name: str, version: int | None) -> Skill[Any, Any]:
    """The skills of the platform, and no other."""
    return registered(name)


class Plan:
    """`nodes` in an order that respects what they wait for; `first` may start at once. Shared by any number of runs and threads."""

    __slots__ = ("first", "nodes", "output")

    def __init__(self, graph: Graph, find: Find = platform) -> None:
        """Raises what `Graph.ordered` raises, and NotFound `orchestration.skill_unknown`."""
        ordered = order(graph)
        self.nodes = tuple(PlannedNode(node, at, find) for at, node in enumerate(ordered.nodes))
        by_id = {node.id: node for node in self.nodes}
        for node in self.nodes:
            before = ordered.before[node.id]
            node.waits_for = len(before)
            for name in before:
                by_id[name].followers.append(node)
        for node in self.nodes:
            node.followers.sort(key=lambda follower: follower.at)
        self.first = tuple(node for node in self.nodes if not node.waits_for)
        self.output = Template(graph.output)


class PlannedNode:
    """A node with its skill, compiled. `when` is asked once, `when_each` for each entry."""

    __slots__ = (
        "at", "followers", "for_each", "id", "inputs", "limit", "model", "name", "on_error", "output", "parallel", "quick", "retry",
        "run", "timeout", "use", "validate", "waits_for", "when", "when_each",
    )  # fmt: skip

    def __init__(self, node: Node, at: int, find: Find) -> None:
        skill = find(node.skill, node.skill_version)
        self.at, self.id, self.name = at, node.id, node.skill
        self.run, self.quick = skill.run, bool(getattr(skill, "quick", False))
        self.validate = skill.Input.__pydantic_validator__.validate_python
        self.output = skill.Output
        self.inputs = Template(node.inputs)
        asked = None if node.when is None else condition(node.when)
        each = asked is not None and any(path[0] in ("item", "index") for path in asked.names)
        self.when: Condition | None = None if each else asked
        self.when_each: Condition | None = asked if each else None
        self.for_each: Query | None = None if node.for_each is None else query(node.for_each)
        self.limit, self.parallel, self.timeout, self.retry = node.limit, node.parallel, node.timeout, node.retry
        self.on_error = "use" if isinstance(node.on_error, Use) else node.on_error
        self.use: Any = node.on_error.use if isinstance(node.on_error, Use) else None
        self.waits_for = 0
        self.followers: list[PlannedNode] = []


class Template:
    """A mapping of JSON values with references, compiled: `fill` puts what they name in their place."""

    __slots__ = ("_parts",)

    def __init__(self, value: Json) -> None:
        self._parts = tuple((name, *_compiled(inner)) for name, inner in value.items())

    def fill(self, scope: Json) -> dict[str, Any]:
        """With None for what is not there. Raises Invalid `catalog.expression_failed`, `catalog.expression_too_big`."""
        return {name: constant if made is None else made(scope) for name, made, constant in self._parts}

    def fill_known(self, scope: Json) -> dict[str, Any]:
        """Like `fill`, without what is None."""
        filled = {}
        for name, made, constant in self._parts:
            value = constant if made is None else made(scope)
            if value is not None:
                filled[name] = value
        return filled


def _compiled(value: Any) -> tuple[Callable[[Json], Any] | None, Any]:
    """What makes the value, or None and the value itself: nothing that can be changed is shared between runs."""
    if is_reference(value):
        return query(value[REFERENCE]), None
    if isinstance(value, Mapping):
        return Template(value).fill, None
    if isinstance(value, list | tuple):
        parts = tuple(_compiled(inner) for inner in value)
        return lambda scope: [constant if made is None else made(scope) for made, constant in parts], None
    return None, value


def named(problem: Invalid, code: str, node: str) -> Invalid:
    """An expression's failure as that of a step."""
    return Invalid(code, **{**problem.data, "node": node})
