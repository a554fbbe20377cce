"""Skills of people's own at work: the platform skill that they are made of, with their fixed inputs."""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from core.catalog.graph import Graph
from core.catalog.graph.models import OWN
from core.catalog.models import SkillSpec
from core.catalog.ports import SkillsWork
from core.catalog.skills import OPEN
from core.kernel.errors import Invalid, NotFound
from core.orchestration.ports import Skill, SkillContext
from runners.engine.plan import Find, Template
from runners.models.shape import SchemaShape
from runners.skills import skill as registered


class Anything(BaseModel):
    """An object; its own schema says more."""

    model_config = ConfigDict(extra="allow")


class OwnSkill:
    """One version of a skill of somebody's own, as the engine sees any skill."""

    Input = Anything
    Output: type[BaseModel]

    def __init__(self, name: str, type: str, spec: SkillSpec) -> None:
        """Raises NotFound `orchestration.skill_unknown` for a type that there is not."""
        self.name, self._base = name, registered(type)
        self.quick = getattr(self._base, "quick", False)
        self.Output = self._base.Output
        self._inputs = SchemaShape(spec.inputs)
        self._outputs = None if spec.outputs is None else SchemaShape(spec.outputs)
        self._fixed = Template(spec.fixed)

    def run(self, context: SkillContext, inputs: Anything) -> BaseModel:
        """Raises Invalid `orchestration.step_input_wrong`, `orchestration.step_output_wrong`, and what the platform skill raises."""
        given = inputs.model_dump(mode="json")
        _fits(self._inputs, given, "orchestration.step_input_wrong", context.node)
        filled = self._fixed.fill_known({OPEN: given})
        try:
            of_base = self._base.Input.model_validate(filled)
        except ValidationError as problem:
            fields = [".".join(map(str, error["loc"])) for error in problem.errors(include_input=False)]
            raise Invalid("orchestration.step_input_wrong", node=context.node, fields=fields) from problem
        result = self._base.run(context, of_base)
        if self._outputs is not None:
            _fits(self._outputs, result.model_dump(mode="json"), "orchestration.step_output_wrong", context.node)
        return result


def own_skills(work: SkillsWork, graph: Graph) -> Find:
    """Finds the skills of a graph: the platform's, and those of people's own in their pinned versions, which are read now.
    Raises NotFound `catalog.skill_unknown`, `catalog.skill_version_unknown`; the result raises `orchestration.skill_unknown`."""
    own: dict[tuple[str, int | None], Skill[Any, Any]] = {}
    for node in graph.nodes:
        if not node.skill.startswith(OWN) or (node.skill, node.skill_version) in own:
            continue
        found = work.skills.by_name(node.skill.removeprefix(OWN))
        if found is None or node.skill_version is None:
            raise NotFound("catalog.skill_unknown", skill=node.skill)
        spec = work.skills.version(found.id, node.skill_version).spec
        own[node.skill, node.skill_version] = OwnSkill(node.skill, found.type, spec)  # type: ignore[assignment]
    return _finder(own)


def _finder(own: Mapping[tuple[str, int | None], Skill[Any, Any]]) -> Find:
    return lambda name, version: own[name, version] if name.startswith(OWN) else registered(name)


def _fits(shape: SchemaShape, value: Any, code: str, node: str) -> None:
    problems = shape.problems(value)
    if problems:
        raise Invalid(code, node=node, fields=problems)
