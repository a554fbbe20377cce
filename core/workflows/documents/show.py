"""Each thing as its document: what differs from the defaults, in a fixed order, with names for ids."""

from typing import Any
from uuid import UUID

from core.catalog.graph import Graph
from core.catalog.graph.models import OWN
from core.catalog.kinds import BLANK, Template, template
from core.catalog.models import Agent, OwnSkill, SkillSpec
from core.catalog.versions import current
from core.connectors.kinds import integrations
from core.kernel.errors import NotFound
from core.workflows.documents.names import DocumentWork, Names
from core.workflows.documents.writing import ordered
from core.workflows.flows import current as current_workflow
from core.workflows.models import Pack, Trigger, Workflow
from core.workflows.trigger import spec_of

CALLS = "agent"
_HOLDERS = ("then", "otherwise", "steps")


def show(work: DocumentWork, names: Names, thing: Agent | OwnSkill | Pack | Workflow | Trigger) -> dict[str, Any]:
    """The document of one thing. Raises Invalid `workflows.document_name_ambiguous`."""
    match thing:
        case OwnSkill():
            return _skill(work, names, thing)
        case Agent():
            return _agent(work, names, thing)
        case Pack():
            return _pack(names, thing)
        case Workflow():
            return _workflow(work, names, thing)
        case Trigger():
            return _trigger(names, thing)


def _skill(work: DocumentWork, names: Names, skill: OwnSkill) -> dict[str, Any]:
    versions = work.skills.versions(skill.id)
    specs = [_spec(names, skill.type, version.spec) for version in versions]
    pinned_earlier = any(
        node.skill == OWN + skill.name and node.skill_version != skill.latest_version
        for agent in work.agents.using_skill(OWN + skill.name, None, 1000)
        for node in current(work, agent).graph.nodes
    )
    return _without_defaults(
        {
            "kind": "skill", "name": skill.name, "title": skill.title if skill.title != skill.name else "",
            "description": skill.description, "type": skill.type, "earlier": specs[:0:-1] if pinned_earlier else [],
            "spec": specs[0], "status": skill.status,
        },
        title="", description="", earlier=[],
    )  # fmt: skip


def _spec(names: Names, type: str, spec: SkillSpec) -> dict[str, Any]:
    shown = ordered(spec.model_dump(mode="json", exclude_defaults=True))
    if type == CALLS and "agent" in shown.get("fixed", {}):
        shown["fixed"]["agent"] = _called(names, shown["fixed"]["agent"])
    return shown


def _agent(work: DocumentWork, names: Names, agent: Agent) -> dict[str, Any]:
    chosen = _template(agent.template)
    graph = current(work, agent).graph
    own = agent.template == BLANK or (agent.config.own_graph and (chosen is None or chosen.manifest.graph != graph))
    usual = "" if chosen is None else chosen.manifest.description
    return _without_defaults(
        {
            "kind": "agent", "name": agent.name, "template": None if agent.template == BLANK else agent.template,
            "description": None if agent.description == usual else agent.description,
            "settings": ordered(agent.config.behaviour), "connections": _connections(names, agent, chosen),
            "graph": _graph(names, graph) if own else None,
            "status": "paused" if agent.status == "paused" else "active",
        },
        template=None, description=None, settings={}, connections={}, graph=None,
    )  # fmt: skip


def _template(slug: str) -> Template | None:
    try:
        return template(slug)
    except NotFound:
        return None


def _connections(names: Names, agent: Agent, chosen: Template | None) -> dict[str, Any]:
    """Those that a new agent of the template would not get by itself."""
    needs = {} if chosen is None else {need.tool: need for need in chosen.manifest.tools}
    by_id = {connection.id: connection for connection in names.connections}
    shown = {}
    for role, connection_id in sorted(agent.config.tools.items()):
        connection = by_id.get(connection_id)
        if connection is None:
            continue
        manifest = integrations().get(connection.integration)
        need = needs.get(role)
        stands_in = need is not None and manifest is not None and (manifest.automatic or need.sample == manifest.slug)
        if not stands_in:
            shown[role] = {"integration": connection.integration, "name": connection.name}
    return shown


def _graph(names: Names, graph: Graph) -> dict[str, Any]:
    nodes = []
    for node in graph.nodes:
        shown = node.model_dump(mode="json", exclude_defaults=True)
        if node.skill.startswith(OWN):
            skill = names.find("skill", node.skill.removeprefix(OWN))
            if skill is not None and skill.latest_version == node.skill_version and skill.status == "active":
                shown.pop("skill_version", None)
        if "inputs" in shown:
            shown["inputs"] = ordered(shown["inputs"])
            if node.skill == CALLS:
                shown["inputs"]["agent"] = _called(names, shown["inputs"].get("agent"))
        if isinstance(shown.get("on_error"), dict):
            shown["on_error"] = ordered(shown["on_error"])
        nodes.append(shown)
    return _without_defaults({"nodes": nodes, "output": ordered(graph.output)}, output={})


def _pack(names: Names, pack: Pack) -> dict[str, Any]:
    return _without_defaults(
        {
            "kind": "pack", "name": pack.name, "description": pack.description,
            "agents": [names.called("agent", id) for id in pack.agent_ids], "mode": pack.mode, "is_shared": pack.is_shared,
            "is_public": pack.is_public, "status": pack.status,
        },
        description="", mode="sequential", is_shared=False, is_public=False,
    )  # fmt: skip


def _workflow(work: DocumentWork, names: Names, workflow: Workflow) -> dict[str, Any]:
    version = current_workflow(work, workflow)
    steps = [step.model_dump(mode="json", exclude_defaults=True) for step in version.steps]
    return _without_defaults(
        {
            "kind": "workflow", "name": workflow.name, "description": workflow.description, "type": version.type,
            "pack": None if workflow.pack_id is None else names.called("pack", workflow.pack_id),
            "steps": [_step(names, step) for step in steps],
            "status": "paused" if workflow.status == "paused" else "active",
        },
        description="", pack=None,
    )  # fmt: skip


def _step(names: Names, step: dict[str, Any]) -> dict[str, Any]:
    shown = {key: ordered(value) if key in ("input", "about", "on_error") else value for key, value in step.items()}
    if step["kind"] == "agent":
        shown["agent"] = _called(names, step["agent"])
    if "to" in step:
        shown["to"] = [names.email(UUID(id)) for id in step["to"]]
    for holder in _HOLDERS:
        if holder in step:
            shown[holder] = [_step(names, inner) for inner in step[holder]]
    return shown


def _trigger(names: Names, trigger: Trigger) -> dict[str, Any]:
    kind, name = target_of(names, trigger)
    spec = spec_of(trigger).model_dump(mode="json", exclude_defaults=True)
    if "input" in spec:
        spec["input"] = ordered(spec["input"])
    spec.pop("type", None)
    spec.pop("name", None)
    return {"kind": "trigger", kind: name, "type": trigger.type, "name": trigger.name, **spec, "status": trigger.status}


def target_of(names: Names, trigger: Trigger) -> tuple[str, str]:
    """What a trigger starts: its kind and name."""
    if trigger.agent_id is not None:
        return "agent", names.called("agent", trigger.agent_id)
    if trigger.pack_id is not None:
        return "pack", names.called("pack", trigger.pack_id)
    assert trigger.workflow_id is not None
    return "workflow", names.called("workflow", trigger.workflow_id)


def _called(names: Names, agent: Any) -> Any:
    try:
        return names.called("agent", UUID(str(agent)))
    except ValueError:
        return agent


def _without_defaults(shown: dict[str, Any], **defaults: Any) -> dict[str, Any]:
    return {name: value for name, value in shown.items() if name not in defaults or value != defaults[name]}
