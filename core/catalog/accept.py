"""What a graph must be to become a version: well formed, typed by its skills, with the skills of one's own pinned, and calling no agent in a circle."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from uuid import UUID

from core.catalog.contracts import Contracts, SkillContract
from core.catalog.graph import REFERENCE, Graph, Node, light
from core.catalog.graph.check import check
from core.catalog.graph.models import OWN
from core.catalog.graph.parse import parse_graph
from core.catalog.models import OwnSkill, SkillVersion
from core.catalog.ports import CatalogWork, SkillsWork
from core.kernel.errors import Invalid, NotFound

CALLS = "agent"
MAX_CALLS = 5
"""How many agents may stand under each other below one that calls."""


class AcceptWork(CatalogWork, SkillsWork, Protocol):
    """What looking at a graph needs: the agents and the skills that it names."""


class Accepted:
    """A graph that may become a version: with pinned skills; `skills` are their names, `light` says that it only computes."""

    def __init__(self, graph: Graph, known: "Known") -> None:
        self.graph, self.skills = graph, list(graph.skills())
        self.light = light(graph, lambda name: (found := known.any(name)) is not None and found.quick)


class Known:
    """The contracts of all that one graph may name: platform skills, and the pinned versions of own ones."""

    def __init__(self, work: SkillsWork, contracts: Contracts) -> None:
        self._work, self._contracts = work, contracts
        self._own: dict[tuple[str, int], tuple[OwnSkill, SkillVersion, SkillContract]] = {}

    def schemas(self, name: str, version: int | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """core.catalog.graph.check.SkillCatalog."""
        found = (
            self.own(name, version)[2] if name.startswith(OWN) and version is not None else self._contracts.get(name)
        )
        if found is None:
            raise NotFound("orchestration.skill_unknown", skill=name)
        return found.input, found.output

    def any(self, skill: str) -> SkillContract | None:
        """The contract under a name, whichever version was looked at."""
        looked_at = (contract for (name, _), (_, _, contract) in self._own.items() if name == skill)
        return next(looked_at, None) if skill.startswith(OWN) else self._contracts.get(skill)

    def own(self, skill: str, version: int) -> tuple[OwnSkill, SkillVersion, SkillContract]:
        """A skill of somebody's own, in one version. Raises NotFound `catalog.skill_unknown`, `catalog.skill_version_unknown`."""
        if (skill, version) not in self._own:
            found = self._work.skills.by_name(skill.removeprefix(OWN))
            if found is None:
                raise NotFound("catalog.skill_unknown", skill=skill)
            pinned = self._work.skills.version(found.id, version)
            base = self._contracts.get(found.type)
            contract = SkillContract(
                name=skill, input=pinned.spec.inputs, output=pinned.spec.outputs or (base.output if base else {}),
                quick=base is not None and base.quick,
            )  # fmt: skip
            self._own[skill, version] = found, pinned, contract
        return self._own[skill, version]


def accept(
    work: AcceptWork, contracts: Contracts, graph: Graph | Mapping[str, Any], agent_id: UUID | None = None
) -> Accepted:
    """The graph as it can become a version of the agent (None: of a new one).

    Raises Invalid: all that parse_graph and check of core.catalog.graph raise, `catalog.skill_archived`,
    `catalog.graph_agent_open` (an agent that is called must be named in the graph), `catalog.graph_calls_itself`, `catalog.graph_calls_too_deep`;
    NotFound `catalog.skill_unknown`, `catalog.agent_unknown`. Data names the node."""
    parsed = graph if isinstance(graph, Graph) else parse_graph(graph)
    known = Known(work, contracts)
    pinned = parsed.model_copy(update={"nodes": tuple(_pinned(work, node) for node in parsed.nodes)})
    check(pinned, known)
    _Calls(work, known).check(pinned, agent_id)
    return Accepted(pinned, known)


def _pinned(work: AcceptWork, node: Node) -> Node:
    if not node.skill.startswith(OWN) or node.skill_version is not None:
        return node
    found = work.skills.by_name(node.skill.removeprefix(OWN))
    if found is None:
        raise NotFound("catalog.skill_unknown", skill=node.skill, node=node.id)
    if found.status == "archived":
        raise Invalid("catalog.skill_archived", skill=node.skill, node=node.id)
    return node.model_copy(update={"skill_version": found.latest_version})


def _called(known: Known, graph: Graph) -> Iterator[tuple[str, UUID]]:
    """Each agent that the graph calls, and the node that does; also from within skills of one's own."""
    for node in graph.nodes:
        inputs: Mapping[str, Any] | None = node.inputs if node.skill == CALLS else None
        if node.skill.startswith(OWN) and node.skill_version is not None:
            skill, version, _ = known.own(node.skill, node.skill_version)
            inputs = version.spec.fixed if skill.type == CALLS else None
        if inputs is None:
            continue
        named = inputs.get("agent")
        if isinstance(named, Mapping) and REFERENCE in named:
            raise Invalid("catalog.graph_agent_open", node=node.id)
        try:
            yield node.id, UUID(str(named))
        except ValueError:
            raise NotFound("catalog.agent_unknown", node=node.id, id=str(named)[:80]) from None


class _Calls:
    """Who calls whom below a graph."""

    def __init__(self, work: AcceptWork, known: Known) -> None:
        self._work, self._known = work, known
        self._below: dict[UUID, int] = {}

    def check(self, graph: Graph, agent_id: UUID | None) -> None:
        """Raises Invalid `catalog.graph_calls_itself`, `catalog.graph_calls_too_deep`; NotFound `catalog.agent_unknown`."""
        above = frozenset(() if agent_id is None else (agent_id,))
        for node, called in _called(self._known, graph):
            if self._height(node, called, above) > MAX_CALLS:
                raise Invalid("catalog.graph_calls_too_deep", node=node, most=MAX_CALLS)

    def _height(self, node: str, agent_id: UUID, above: frozenset[UUID]) -> int:
        """How many agents stand under each other from this one down."""
        if agent_id in above:
            raise Invalid("catalog.graph_calls_itself", node=node)
        if agent_id not in self._below:
            try:
                agent = self._work.agents.get(agent_id)
            except NotFound:
                raise NotFound("catalog.agent_unknown", node=node, id=str(agent_id)) from None
            further: list[UUID] = []
            if agent.latest_version_id is not None:
                graph = self._work.agents.version(agent.latest_version_id).graph
                further = [called for _, called in _called(self._known, graph)]
            below = [self._height(node, called, above | {agent_id}) for called in further]
            self._below[agent_id] = 1 + max(below, default=0)
        return self._below[agent_id]
