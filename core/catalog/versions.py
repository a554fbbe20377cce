"""Versions of an agent: a graph of a person's own, an edit, an older version chosen again, and what differs between two."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID

from core.billing.reserve import need_room
from core.catalog.accept import Accepted, AcceptWork, accept
from core.catalog.configure import bound_tools
from core.catalog.consents import needed
from core.catalog.contracts import Contracts
from core.catalog.graph import Graph, Node
from core.catalog.kinds import BLANK, template
from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.connectors.connect import ConnectWork
from core.kernel.actor import Actor
from core.kernel.errors import Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.preferences.choose import consent
from core.preferences.ports import PreferencesWork


class VersionsWork(AcceptWork, ConnectWork, PreferencesWork, Protocol):
    """What making a version needs: agents, skills, connections, consents, and the limit of how many agents there may be."""


@dataclass(frozen=True)
class Change:
    """One difference between two versions. `place` names a node and what of it (`read`, `read.inputs.limit`), `output.<field>` or `params.<field>`.
    `how`: what is new or gone has only one of `old` and `new`; both are JSON values."""

    place: str
    how: str
    old: Any = None
    new: Any = None


def compose_agent(
    work: VersionsWork, actor: Actor, contracts: Contracts, name: str, graph: Graph | Mapping[str, Any], *, description: str = "",
    params: Mapping[str, Any] | None = None, tools: Mapping[str, UUID] | None = None, note: str | None = None,
    parent_run_id: UUID | None = None,
) -> Agent:  # fmt: skip
    """An agent of a graph that somebody wrote, in its version 1.0.0. `params` are what the graph sees as `params.behaviour`, `tools` maps roles to
    connections; who binds a connection agrees that the agent reads it. `parent_run_id` is the run that wrote it.
    Raises Invalid `catalog.name_missing`, and as core.catalog.accept.accept does; NotFound and Conflict for a connection that cannot be used;
    LimitReached `billing.limit_reached`."""
    actor.need("write")
    if not name.strip():
        raise Invalid("catalog.name_missing")
    need_room(work, "agents")
    accepted = accept(work, contracts, graph)
    config = AgentConfig(
        behaviour=dict(params or {}), tools=bound_tools(work, actor, template(BLANK), tools or {}), own_graph=True
    )
    agent = Agent(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, template=BLANK, name=name.strip()[:200],
        description=description.strip(), config=config, created_at=work.now,
    )  # fmt: skip
    work.agents.add(agent)
    _agree(work, actor, agent)
    _add(work, actor, agent, accepted, "1.0.0", note, parent_run_id)
    made = {"agent_id": str(agent.id), "template": BLANK}
    work.record(Event("agent.made", actor.workspace_id, actor.user_id, made))
    return agent


def edit_graph(
    work: VersionsWork, actor: Actor, contracts: Contracts, agent_id: UUID, graph: Graph | Mapping[str, Any], *,
    params: Mapping[str, Any] | None = None, tools: Mapping[str, UUID] | None = None, note: str | None = None,
    parent_run_id: UUID | None = None,
) -> AgentVersion:  # fmt: skip
    """A new version with another graph (and settings, and connections, where given); runs that began keep theirs. Nothing is made where nothing differs.
    Raises as compose_agent does."""
    actor.need("write")
    agent = work.agents.get(agent_id)
    accepted = accept(work, contracts, graph, agent_id)
    chosen = template(agent.template)
    behaviour = agent.config.behaviour if params is None else dict(params)
    bound = agent.config.tools if tools is None else bound_tools(work, actor, chosen, {**agent.config.tools, **tools})
    config = agent.config.model_copy(update={"behaviour": behaviour, "tools": bound, "own_graph": True})
    now = current(work, agent)
    if now.graph == accepted.graph and config.model_copy(update={"own_graph": agent.config.own_graph}) == agent.config:
        return now
    agent.config = config
    _agree(work, actor, agent)
    version = _add(work, actor, agent, accepted, next_number(work, agent, minor=True), note, parent_run_id)
    changed = {"agent_id": str(agent.id), "version": version.semantic_version}
    work.record(Event("agent.changed", actor.workspace_id, actor.user_id, changed))
    return version


def choose_version(work: VersionsWork, actor: Actor, agent_id: UUID, version_id: UUID) -> Agent:
    """The agent is what it was in that version: new runs use it, settings and connections are those of then. The versions after it stay.
    Raises NotFound `catalog.version_unknown`."""
    actor.need("write")
    agent, version = work.agents.get(agent_id), work.agents.version(version_id)
    if version.agent_id != agent.id:
        raise NotFound("catalog.version_unknown", id=str(version_id))
    if agent.latest_version_id == version.id:
        return agent
    before = current(work, agent).semantic_version
    agent.latest_version_id = version.id
    agent.config = AgentConfig.model_validate(version.default_params)
    _agree(work, actor, agent)
    chosen = {"agent_id": str(agent.id), "from": before, "to": version.semantic_version}
    work.record(Event("agent.version_chosen", actor.workspace_id, actor.user_id, chosen))
    return agent


def current(work: AcceptWork, agent: Agent) -> AgentVersion:
    """The version that new runs use. Raises NotFound `catalog.version_unknown`."""
    if agent.latest_version_id is None:
        raise NotFound("catalog.version_unknown", id=str(agent.id))
    return work.agents.version(agent.latest_version_id)


def next_number(work: AcceptWork, agent: Agent, *, minor: bool) -> str:
    """The semantic version after the newest one: a graph counts the middle number up, settings the last."""
    major, middle, patch = (int(part) for part in work.agents.versions(agent.id)[0].semantic_version.split("."))
    return f"{major}.{middle + 1}.0" if minor else f"{major}.{middle}.{patch + 1}"


def diff(old: AgentVersion, new: AgentVersion) -> list[Change]:
    """What differs, in the order of the new graph's nodes; texts of templates are compared like any other setting."""
    before = {node.id: node for node in old.graph.nodes}
    after = {node.id: node for node in new.graph.nodes}
    changes = [Change(id, "removed", old=_plain(node)) for id, node in before.items() if id not in after]
    for id, node in after.items():
        if id not in before:
            changes.append(Change(id, "added", new=_plain(node)))
        else:
            changes += differences(id, _plain(before[id]), _plain(node))
    changes += differences("output", old.graph.output, new.graph.output)
    hidden = {"own_graph"}
    params = [{k: v for k, v in version.default_params.items() if k not in hidden} for version in (old, new)]
    return [*changes, *differences("params", *params)]


def _plain(node: Node) -> dict[str, Any]:
    return node.model_dump(mode="json", exclude={"id"}, exclude_defaults=True)


def differences(place: str, old: Any, new: Any) -> Iterator[Change]:
    """Each difference between two JSON values, by the place of what differs; references count as one value."""
    if isinstance(old, Mapping) and isinstance(new, Mapping) and not {"$"} & (set(old) | set(new)):
        for key in (*old, *(key for key in new if key not in old)):
            inner = f"{place}.{key}" if place else str(key)
            if key not in new:
                yield Change(inner, "removed", old=old[key])
            elif key not in old:
                yield Change(inner, "added", new=new[key])
            else:
                yield from differences(inner, old[key], new[key])
    elif old != new:
        yield Change(place, "changed", old, new)


def _agree(work: VersionsWork, actor: Actor, agent: Agent) -> None:
    for key in needed(work, agent):
        consent(work, actor, key)


def _add(
    work: VersionsWork, actor: Actor, agent: Agent, accepted: Accepted, number: str, note: str | None, parent_run_id: UUID | None
) -> AgentVersion:  # fmt: skip
    version = AgentVersion(
        id=new_id(), workspace_id=agent.workspace_id, agent_id=agent.id, semantic_version=number, graph=accepted.graph,
        default_params=agent.config.model_dump(mode="json"), created_at=work.now, skills=accepted.skills, light=accepted.light,
        author_id=actor.user_id, note=note, parent_run_id=parent_run_id,
    )  # fmt: skip
    work.agents.add(version)
    agent.latest_version_id = version.id
    return version
