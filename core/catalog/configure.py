"""Making an agent of a template, changing it, holding it."""

from collections.abc import Mapping
from typing import Any, Protocol
from uuid import UUID

from jsonschema import Draft202012Validator

from core.billing.reserve import need_room
from core.catalog.graph import Graph
from core.catalog.kinds import BLANK, Template, template
from core.catalog.models import Agent, AgentConfig, AgentVersion
from core.catalog.ports import CatalogWork
from core.connectors.connect import ConnectWork, stand_in
from core.connectors.kinds import integration
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.preferences.choose import consent
from core.preferences.ports import PreferencesWork


class ConfigureWork(CatalogWork, ConnectWork, PreferencesWork, Protocol):
    """What making an agent needs: agents, connections, consents, and the limit of how many there may be."""


def create_agent(
    work: ConfigureWork, actor: Actor, slug: str, name: str = "", settings: Mapping[str, Any] | None = None,
    tools: Mapping[str, UUID] | None = None,
) -> Agent:  # fmt: skip
    """An agent of a template with a first version; tools that are not named are bound to the automatic or the sample connection, and the template's
    consents are given with it (who makes it was shown them).
    Raises NotFound `catalog.template_unknown`, Invalid `catalog.settings_invalid` (data: field, rule), `catalog.tool_wrong`, `catalog.tool_missing`;
    LimitReached `billing.limit_reached`."""
    actor.need("write")
    if slug == BLANK:
        raise NotFound("catalog.template_unknown", template=slug)
    need_room(work, "agents")
    chosen = template(slug)
    behaviour = checked_settings(chosen, settings or {})
    bound = bound_tools(work, actor, chosen, tools or {})
    agent = Agent(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, template=slug,
        name=name.strip() or chosen.manifest.name, description=chosen.manifest.description,
        config=AgentConfig(behaviour=behaviour, tools=bound, prompt_templates=chosen.texts), created_at=work.now,
    )  # fmt: skip
    work.agents.add(agent)
    for key in chosen.manifest.consents:
        consent(work, actor, key)
    _new_version(work, actor, agent, chosen.manifest.graph, "1.0.0")
    work.record(Event("agent.made", actor.workspace_id, actor.user_id, {"agent_id": str(agent.id), "template": slug}))
    return agent


def change_agent(
    work: ConfigureWork, actor: Actor, agent_id: UUID, *, name: str | None = None, settings: Mapping[str, Any] | None = None,
    tools: Mapping[str, UUID] | None = None,
) -> Agent:  # fmt: skip
    """Changes what is given; new settings or tools make a new version, runs that began keep theirs. Raises as create_agent does."""
    actor.need("write")
    agent = work.agents.get(agent_id)
    if name is not None and name.strip():
        agent.name = name.strip()
    if settings is None and tools is None:
        return agent
    chosen = template(agent.template)
    behaviour = agent.config.behaviour if settings is None else checked_settings(chosen, settings)
    bound = bound_tools(work, actor, chosen, {**agent.config.tools, **(tools or {})})
    kept = work.agents.version(agent.latest_version_id) if agent.config.own_graph and agent.latest_version_id else None
    texts = chosen.texts if kept is None else agent.config.prompt_templates
    agent.config = AgentConfig(
        behaviour=behaviour, tools=bound, prompt_templates=texts, own_graph=agent.config.own_graph
    )
    newest = work.agents.versions(agent_id)[0].semantic_version
    major, minor, patch = (int(part) for part in newest.split("."))
    number = f"{major}.{minor}.{patch + 1}"
    if kept is None:
        _new_version(work, actor, agent, chosen.manifest.graph, number)
    else:
        _new_version(work, actor, agent, kept.graph, number, kept.light)
    work.record(Event("agent.changed", actor.workspace_id, actor.user_id, {"agent_id": str(agent.id)}))
    return agent


def pause_agent(work: CatalogWork, actor: Actor, agent_id: UUID) -> Agent:
    """Nothing runs and nothing that is not under way is executed for it until it is resumed."""
    return _set_status(work, actor, agent_id, "paused")


def resume_agent(work: CatalogWork, actor: Actor, agent_id: UUID) -> Agent:
    """It runs again, as one that never failed."""
    agent = _set_status(work, actor, agent_id, "active")
    agent.failures = 0
    return agent


def checked_settings(chosen: Template, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The template's defaults with what is given; a graph of a person's own takes any. Raises Invalid `catalog.settings_invalid` (data: field, rule)."""
    if chosen.manifest.slug == BLANK:
        return dict(settings)
    schema = chosen.manifest.settings
    fallback = {k: v["default"] for k, v in schema.get("properties", {}).items() if "default" in v}
    values = {**fallback, **chosen.manifest.defaults, **settings}
    error = next(iter(Draft202012Validator(schema).iter_errors(values)), None)
    if error is not None:
        raise Invalid("catalog.settings_invalid", field=".".join(map(str, error.path)), rule=str(error.validator))
    unknown = set(values) - set(schema.get("properties", {}))
    if unknown:
        raise Invalid("catalog.settings_invalid", field=sorted(unknown)[0], rule="unknown")
    return values


def bound_tools(work: ConnectWork, actor: Actor, chosen: Template, named: Mapping[str, UUID]) -> dict[str, UUID]:
    """Each tool role with its connection: those that are named, and a stand-in for each that the template needs beside them. A graph of a person's own
    names its roles itself. Raises Invalid `catalog.tool_wrong`, `catalog.tool_missing`; Conflict `connectors.connection_revoked`."""
    bound = {}
    needs = {need.tool: need for need in chosen.manifest.tools}
    if chosen.manifest.slug == BLANK:
        for tool, connection_id in named.items():
            if work.connections.get(connection_id).status == "revoked":
                raise Conflict("connectors.connection_revoked")
            bound[tool] = connection_id
        return bound
    for tool in named:
        if tool not in needs:
            raise Invalid("catalog.tool_wrong", tool=tool)
    for tool, need in needs.items():
        if tool in named:
            connection = work.connections.get(named[tool])
            if integration(connection.integration).tool != tool:
                raise Invalid("catalog.tool_wrong", tool=tool, integration=connection.integration)
            if connection.status == "revoked":
                raise Conflict("connectors.connection_revoked")
            bound[tool] = connection.id
        elif need.required or need.sample:
            bound[tool] = stand_in(work, actor, tool, need.sample).id
    return bound


def _new_version(work: CatalogWork, actor: Actor, agent: Agent, graph: Graph, number: str, light: bool = False) -> None:
    version = AgentVersion(
        id=new_id(), workspace_id=agent.workspace_id, agent_id=agent.id, semantic_version=number, graph=graph,
        default_params=agent.config.model_dump(mode="json"), created_at=work.now, skills=list(graph.skills()), light=light,
        author_id=actor.user_id,
    )  # fmt: skip
    work.agents.add(version)
    agent.latest_version_id = version.id


def _set_status(work: CatalogWork, actor: Actor, agent_id: UUID, status: Any) -> Agent:
    actor.need("write")
    agent = work.agents.get(agent_id)
    if agent.status != status:
        agent.status = status
        work.record(
            Event(
                f"agent.{status}", actor.workspace_id, actor.user_id, {"agent_id": str(agent_id), "by": actor.surface}
            )
        )
    return agent
