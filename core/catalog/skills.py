"""Skills of one's own: a platform skill with some inputs fixed, made once, versioned, and used in many graphs as `own.<name>`."""

import re
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from jsonschema import Draft202012Validator, SchemaError
from pydantic import ValidationError

from core.catalog.accept import AcceptWork
from core.catalog.contracts import Contracts, SkillContract
from core.catalog.graph import REFERENCE, Graph, Node
from core.catalog.graph.check import check
from core.catalog.models import Agent, OwnSkill, SkillSpec, SkillType, SkillVersion
from core.catalog.ports import CatalogWork, SkillsWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid
from core.kernel.events import Event
from core.kernel.ids import new_id

NAME = re.compile(r"[a-z][a-z0-9_-]{0,59}")
REFUSED = frozenset(("$ref", "$dynamicRef", "$id", "patternProperties"))
MAX_VALUES, MAX_NESTING = 2_000, 30
OPEN = "input"
"""The name under which the fixed inputs of a spec refer to the open ones: `{"$": "input.text"}`."""


def make_skill(
    work: AcceptWork, actor: Actor, contracts: Contracts, name: str, type: SkillType, spec: SkillSpec | Mapping[str, Any], *,
    title: str = "", description: str = "", parent_run_id: UUID | None = None,
) -> OwnSkill:  # fmt: skip
    """A skill that graphs can name `own.<name>` from now on, in its version 1.
    Raises Invalid `catalog.skill_name_invalid`, `catalog.skill_invalid` (data: field, rule); Conflict `catalog.skill_name_taken`."""
    actor.need("write")
    if not NAME.fullmatch(name):
        raise Invalid("catalog.skill_name_invalid", name=name[:80])
    if work.skills.by_name(name) is not None:
        raise Conflict("catalog.skill_name_taken", name=name)
    checked = checked_spec(contracts, type, spec)
    skill = OwnSkill(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, name=name, title=title.strip() or name,
        description=description.strip(), type=type, created_at=work.now,
    )  # fmt: skip
    work.skills.add(skill)
    work.skills.add(_version(work, actor, skill, checked, parent_run_id))
    work.record(Event("skill.made", actor.workspace_id, actor.user_id, {"skill_id": str(skill.id), "name": name}))
    return skill


def change_skill(
    work: AcceptWork, actor: Actor, contracts: Contracts, skill_id: UUID, *, spec: SkillSpec | Mapping[str, Any] | None = None,
    title: str | None = None, description: str | None = None, parent_run_id: UUID | None = None,
) -> OwnSkill:  # fmt: skip
    """Changes what is given; a new spec makes a new version, which graphs get that are made from now on. Raises as make_skill does."""
    actor.need("write")
    skill = work.skills.get(skill_id)
    if title is not None and title.strip():
        skill.title = title.strip()
    if description is not None:
        skill.description = description.strip()
    if spec is None:
        return skill
    checked = checked_spec(contracts, skill.type, spec)
    if checked == work.skills.version(skill.id, skill.latest_version).spec:
        return skill
    skill.latest_version += 1
    work.skills.add(_version(work, actor, skill, checked, parent_run_id))
    changed = {"skill_id": str(skill.id), "number": skill.latest_version}
    work.record(Event("skill.changed", actor.workspace_id, actor.user_id, changed))
    return skill


def archive_skill(work: SkillsWork, actor: Actor, skill_id: UUID, *, archived: bool = True) -> OwnSkill:
    """No new graph gets it from now on (or again); what has it keeps it."""
    actor.need("write")
    skill = work.skills.get(skill_id)
    status = "archived" if archived else "active"
    if skill.status != status:
        skill.status = status
        kind = "skill.archived" if archived else "skill.restored"
        work.record(Event(kind, actor.workspace_id, actor.user_id, {"skill_id": str(skill.id)}))
    return skill


def agents_using(work: CatalogWork, skill: str, after: UUID | None = None, limit: int = 50) -> list[Agent]:
    """The agents whose newest version uses a skill (`llm`, `mail.read`, `own.summary`), newest first."""
    return work.agents.using_skill(skill, after, limit)


def checked_spec(contracts: Contracts, type: str, spec: SkillSpec | Mapping[str, Any]) -> SkillSpec:
    """The spec, if its schemas are schemas and its fixed inputs fit the platform skill. Raises Invalid `catalog.skill_invalid` (data: field, rule)."""
    try:
        parsed = spec if isinstance(spec, SkillSpec) else SkillSpec.model_validate(spec)
    except ValidationError as problem:
        error = problem.errors(include_url=False, include_input=False)[0]
        raise Invalid("catalog.skill_invalid", field=".".join(map(str, error["loc"])), rule=error["type"]) from None
    if type not in contracts:
        raise Invalid("catalog.skill_invalid", field="type", rule="unknown")
    for field, schema in (("inputs", parsed.inputs), ("outputs", parsed.outputs)):
        if schema is None:
            continue
        _stays_inside(field, schema)
        try:
            Draft202012Validator.check_schema(schema)
        except SchemaError as problem:
            place = ".".join(map(str, (field, *problem.absolute_path)))
            raise Invalid("catalog.skill_invalid", field=place, rule="schema") from None
        if schema.get("type") != "object":
            raise Invalid("catalog.skill_invalid", field=f"{field}.type", rule="object")
    agent = parsed.fixed.get("agent")
    if type == "agent" and isinstance(agent, Mapping) and REFERENCE in agent:
        raise Invalid("catalog.skill_invalid", field="fixed.agent", rule="literal")
    _fits(contracts[type], parsed)
    return parsed


def _stays_inside(field: str, schema: Mapping[str, Any]) -> None:
    """A schema from outside fetches nothing, and is checked in little time."""
    waiting: list[tuple[Any, int]] = [(schema, 0)]
    values = 0
    while waiting:
        part, depth = waiting.pop()
        values += 1
        if values > MAX_VALUES or depth > MAX_NESTING:
            raise Invalid("catalog.skill_invalid", field=field, rule="too_big")
        inner = part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ()
        waiting += [(each, depth + 1) for each in inner]
        if isinstance(part, Mapping):
            for keyword in REFUSED & set(part):
                if keyword != "$ref" or not str(part[keyword]).startswith("#"):
                    raise Invalid("catalog.skill_invalid", field=field, rule=keyword)


def _fits(base: SkillContract, spec: SkillSpec) -> None:
    """The fixed inputs are those of a node that comes after one which gives the open ones."""
    opened = SkillContract(name=OPEN, input={"type": "object"}, output=spec.inputs)
    graph = Graph(nodes=(Node(id=OPEN, skill=OPEN), Node(id="fixed", skill="fixed", inputs=spec.fixed)))
    try:
        check(graph, _Two({OPEN: opened, "fixed": base}))
    except Invalid as why:
        field = ".".join(("fixed", *filter(None, [str(why.data.get("field", ""))])))
        raise Invalid("catalog.skill_invalid", field=field, rule=why.code.rpartition(".")[2]) from why


class _Two:
    """The two contracts of a spec's own little graph (core.catalog.graph.check.SkillCatalog)."""

    def __init__(self, contracts: Mapping[str, SkillContract]) -> None:
        self._contracts = contracts

    def schemas(self, name: str, version: int | None) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        return self._contracts[name].input, self._contracts[name].output


def _version(
    work: AcceptWork, actor: Actor, skill: OwnSkill, spec: SkillSpec, parent_run_id: UUID | None
) -> SkillVersion:
    return SkillVersion(
        id=new_id(), workspace_id=skill.workspace_id, skill_id=skill.id, number=skill.latest_version, spec=spec,
        created_at=work.now, author_id=actor.user_id, parent_run_id=parent_run_id,
    )  # fmt: skip
