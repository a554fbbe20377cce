"""Makes or changes one thing as its entry says, by the use cases that doors call too."""

from typing import Any
from uuid import UUID

from core.catalog.configure import change_agent, checked_settings, create_agent, pause_agent, resume_agent
from core.catalog.contracts import Contracts
from core.catalog.kinds import BLANK, template
from core.catalog.models import Agent, OwnSkill, SkillSpec
from core.catalog.skills import archive_skill, change_skill, checked_spec, make_skill
from core.catalog.versions import compose_agent, current, edit_graph
from core.connectors.connect import connect, uncounted
from core.connectors.models import Connection
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, NotFound
from core.kernel.events import Event
from core.workflows.documents.entries import Written, nodes_of, steps_of
from core.workflows.documents.names import DocumentWork, Names
from core.workflows.documents.shapes import AgentEntry, Entry, PackEntry, SkillEntry, TriggerEntry, WorkflowEntry
from core.workflows.flows import change_workflow, make_workflow, pause_workflow, resume_workflow
from core.workflows.models import Pack, Trigger, Workflow
from core.workflows.packs import archive_pack, change_pack, make_pack, pause_pack, resume_pack
from core.workflows.trigger import (
    TriggerSpec,
    change_trigger,
    make_trigger,
    pause_trigger,
    remove_trigger,
    resume_trigger,
    spec_of,
)

Thing = Agent | OwnSkill | Pack | Workflow | Trigger
_HOLD: dict[str, Any] = {
    "skill": {"archived": archive_skill}, "agent": {"paused": pause_agent}, "workflow": {"paused": pause_workflow},
    "pack": {"paused": pause_pack, "archived": archive_pack}, "trigger": {"paused": pause_trigger},
}  # fmt: skip
_RELEASE: dict[str, Any] = {
    "skill": lambda work, actor, id: archive_skill(work, actor, id, archived=False), "agent": resume_agent,
    "pack": resume_pack, "workflow": resume_workflow, "trigger": resume_trigger,
}  # fmt: skip


class Maker:
    """Makes the things of one document. `secrets` are those of new webhooks."""

    def __init__(self, work: DocumentWork, actor: Actor, contracts: Contracts, names: Names) -> None:
        self._work, self._actor, self._contracts, self._names = work, actor, contracts, names
        self.secrets: list[tuple[Trigger, str]] = []

    def find(self, written: Written) -> Thing | None:
        """What there is already of an entry. Raises Invalid `workflows.document_name_ambiguous`."""
        entry = written.entry
        if not isinstance(entry, TriggerEntry):
            return self._names.find(entry.kind, entry.name)
        target, name = self._target(entry), written.name
        same = [
            each for each in self._names.triggers
            if each.type == entry.type and each.name == name and getattr(each, f"{target[0]}_id") == target[1]
        ]  # fmt: skip
        if len(same) > 1:
            raise Conflict("workflows.document_name_ambiguous", of="trigger", wanted=name)
        return same[0] if same else None

    def make(self, written: Written, existing: Any) -> Thing:
        """The thing, made or changed where it differs, and not held any more where the entry says so."""
        match written.entry:
            case SkillEntry() as entry:
                thing: Thing = self._skill(entry, existing)
            case AgentEntry() as entry:
                thing = self._agent(entry, existing)
            case PackEntry() as entry:
                thing = self._pack(entry, existing)
            case WorkflowEntry() as entry:
                thing = self._workflow(entry, existing)
            case TriggerEntry() as entry:
                thing = self._trigger(entry, written.name, existing)
        if written.entry.status == "active" and thing.status != "active":
            _RELEASE[written.entry.kind](self._work, self._actor, thing.id)
        return thing

    def remove(self, existing: Any) -> None:
        """Takes a trigger away, where there is one."""
        if existing is not None:
            remove_trigger(self._work, self._actor, existing.id)
            self._names.triggers.remove(existing)

    def hold(self, written: Written, thing: Thing) -> None:
        """Pauses it or puts it away, where the entry says so."""
        entry: Entry = written.entry
        if entry.status not in (None, "active", thing.status):
            _HOLD[entry.kind][entry.status](self._work, self._actor, thing.id)

    def _skill(self, entry: SkillEntry, existing: OwnSkill | None) -> OwnSkill:
        work, actor, known = self._work, self._actor, self._contracts
        specs = [self._spec(entry, spec) for spec in (*entry.earlier, entry.spec)]
        if existing is not None:
            _fixed("type", existing.type, entry.type)
            before = [version.spec for version in work.skills.versions(existing.id)][::-1]
            earlier = [checked_spec(known, entry.type, spec) for spec in specs[:-1]]
            if earlier and before[: len(earlier)] != earlier:
                raise Conflict("workflows.document_history_differs", path=("earlier",))
            title = entry.title or entry.name
            return change_skill(
                work, actor, known, existing.id, spec=specs[-1], title=title, description=entry.description
            )
        skill = make_skill(
            work, actor, known, entry.name, entry.type, specs[0], title=entry.title, description=entry.description
        )
        for spec in specs[1:]:
            change_skill(work, actor, known, skill.id, spec=spec)
        self._names.skills.append(skill)
        return skill

    def _spec(self, entry: SkillEntry, spec: SkillSpec) -> SkillSpec:
        called = spec.fixed.get("agent")
        if entry.type != "agent" or not isinstance(called, str):
            return spec
        agent = self._names.the("agent", called, ("spec", "fixed", "agent"))
        return spec.model_copy(update={"fixed": {**spec.fixed, "agent": str(agent.id)}})

    def _agent(self, entry: AgentEntry, existing: Agent | None) -> Agent:
        work, actor, known = self._work, self._actor, self._contracts
        slug, tools = entry.template or BLANK, self._tools(entry, existing)
        if existing is not None:
            _fixed("template", existing.template, slug)
        graph = None if entry.graph is None else self._graph(entry.graph)
        settings = checked_settings(template(slug), entry.settings)
        if existing is None and slug == BLANK:
            assert graph is not None
            agent = compose_agent(
                work, actor, known, entry.name, graph, description=entry.description or "", params=settings, tools=tools
            )
            self._names.agents.append(agent)
        elif existing is None:
            agent = create_agent(work, actor, slug, entry.name, settings, tools)
            self._names.agents.append(agent)
            self._made_connections()
            if graph is not None:
                edit_graph(work, actor, known, agent.id, graph)
        else:
            agent = existing
            usual = template(slug).manifest.graph
            if graph is None and agent.config.own_graph and current(work, agent).graph != usual:
                graph = usual.model_dump(mode="json", exclude_defaults=True)
            if graph is not None:
                edit_graph(work, actor, known, agent.id, graph, params=settings, tools=tools)
            elif settings != agent.config.behaviour or tools.items() - agent.config.tools.items():
                change_agent(work, actor, agent.id, settings=settings, tools=tools)
        self._describe(entry, agent)
        return agent

    def _describe(self, entry: AgentEntry, agent: Agent) -> None:
        usual = template(agent.template).manifest.description
        wanted = usual if entry.description is None else entry.description.strip()
        if agent.description != wanted:
            agent.description = wanted
            told = {"agent_id": str(agent.id)}
            self._work.record(Event("agent.changed", self._actor.workspace_id, self._actor.user_id, told))

    def _tools(self, entry: AgentEntry, existing: Agent | None) -> dict[str, UUID]:
        bound = {}
        for role, named in entry.connections.items():
            place = ("connections", role)
            now = None if existing is None else existing.config.tools.get(role)
            found = self._names.connection(named.integration, named.name, now, place)
            if found is None:
                found = self._sample(named.integration, named.name, place)
            bound[role] = found.id
        return bound

    def _sample(self, integration: str, name: str, place: tuple[str, ...]) -> Connection:
        """What needs no login is made where it is missing."""
        if integration not in uncounted():
            raise NotFound("workflows.document_connection_unknown", wanted=name[:80], of=integration[:80], path=place)
        made = connect(self._work, self._actor, integration, name, {})
        self._names.connections.append(made)
        return made

    def _made_connections(self) -> None:
        """A new agent may have brought its stand-ins."""
        there = {connection.id for connection in self._names.connections}
        for agent in self._names.agents[-1:]:
            missing = [id for id in agent.config.tools.values() if id not in there]
            self._names.connections += [self._work.connections.get(id) for id in dict.fromkeys(missing)]

    def _graph(self, graph: dict[str, Any]) -> dict[str, Any]:
        """The same graph, with ids for the names of agents."""
        named: dict[int, dict[str, Any]] = {}
        for path, node in nodes_of(graph):
            inputs = node.get("inputs")
            if node.get("skill") == "agent" and isinstance(inputs, dict) and isinstance(inputs.get("agent"), str):
                agent = self._names.the("agent", inputs["agent"], (*path, "inputs", "agent"))
                named[id(node)] = {**node, "inputs": {**inputs, "agent": str(agent.id)}}
        nodes = graph.get("nodes")
        return {**graph, "nodes": [named.get(id(node), node) for node in nodes]} if isinstance(nodes, list) else graph

    def _pack(self, entry: PackEntry, existing: Pack | None) -> Pack:
        agents = [self._names.the("agent", name, ("agents", at)).id for at, name in enumerate(entry.agents)]
        given: dict[str, Any] = {
            "description": entry.description.strip(), "mode": entry.mode, "is_shared": entry.is_shared, "is_public": entry.is_public,
        }  # fmt: skip
        if existing is None:
            pack = make_pack(self._work, self._actor, entry.name, agents, **given)
            self._names.packs.append(pack)
            return pack
        wanted = {**given, "agent_ids": agents}
        if any(getattr(existing, name) != value for name, value in wanted.items()):
            change_pack(self._work, self._actor, existing.id, **wanted)
        return existing

    def _workflow(self, entry: WorkflowEntry, existing: Workflow | None) -> Workflow:
        work, actor, known = self._work, self._actor, self._contracts
        pack_id = None if entry.pack is None else self._names.the("pack", entry.pack, ("pack",)).id
        steps = self._steps(entry.steps)
        if existing is None:
            workflow = make_workflow(
                work, actor, known, entry.name, entry.type, steps, description=entry.description, pack_id=pack_id
            )
            self._names.workflows.append(workflow)
            return workflow
        _fixed("pack", existing.pack_id, pack_id)
        return change_workflow(
            work, actor, known, existing.id, description=entry.description, type=entry.type, steps=steps
        )

    def _steps(self, steps: list[Any]) -> list[Any]:
        """The same steps, with ids for the names of agents and people."""
        meant: dict[int, dict[str, Any]] = {}
        for path, step in steps_of(steps):
            agent, to = step.get("agent"), step.get("to")
            if step.get("kind") == "agent" and isinstance(agent, str):
                meant[id(step)] = {"agent": str(self._names.the("agent", agent, (*path, "agent")).id)}
            if step.get("kind") == "ask" and isinstance(to, list):
                people = [
                    str(self._names.person(name, (*path, "to", at))) if isinstance(name, str) else name
                    for at, name in enumerate(to)
                ]
                meant[id(step)] = {"to": people}

        def copied(part: Any) -> Any:
            if isinstance(part, list):
                return [copied(each) for each in part]
            if not isinstance(part, dict):
                return part
            held = {key: copied(part[key]) for key in ("then", "otherwise", "steps") if isinstance(part.get(key), list)}
            return {**part, **held, **meant.get(id(part), {})}

        return copied(steps)

    def _trigger(self, entry: TriggerEntry, name: str, existing: Trigger | None) -> Trigger:
        spec = self._said(entry, name, existing)
        if existing is not None:
            if spec_of(existing) != spec:
                change_trigger(self._work, self._actor, existing.id, spec)
            return existing
        kind, target = self._target(entry)
        which: dict[str, Any] = {f"{kind}_id": target}
        made = make_trigger(self._work, self._actor, spec, **which)
        if made.secret is not None:
            self.secrets.append((made.trigger, made.secret))
        self._names.triggers.append(made.trigger)
        return made.trigger

    def _said(self, entry: TriggerEntry, name: str, existing: Trigger | None) -> TriggerSpec:
        """The spec as it will be kept."""
        spec = entry.spec
        owner = self._actor.user_id if existing is None else existing.owner_id
        timezone = spec.timezone or (self._work.people.profile(owner).timezone if spec.type == "schedule" else None)
        meant = {
            "name": name, "timezone": timezone, "cron": " ".join(spec.cron.split()) if spec.cron else spec.cron,
            "filter": (spec.filter or "").strip() or None, "source": spec.source or ("standard" if spec.type == "webhook" else None),
            "phrase": " ".join(spec.phrase.lower().split()) if spec.phrase else spec.phrase,
        }  # fmt: skip
        return spec.model_copy(update=meant)

    def _target(self, entry: TriggerEntry) -> tuple[str, UUID]:
        assert entry.target is not None
        kind, name = entry.target
        return kind, self._names.the(kind, name, (kind,)).id


def _fixed(field: str, now: Any, wanted: Any) -> None:
    if now != wanted:
        raise Conflict("workflows.document_field_fixed", place=field, path=(field,))
