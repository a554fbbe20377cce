"""Makes one value of another, by an expression: looks it up, computes it, or fills a text with it."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.catalog.expressions import condition, query
from core.kernel.errors import Invalid
from core.orchestration.ports import SkillContext

LARGEST_RESULT = 1_000_000
"""Characters of its JSON."""


class Input(BaseModel):
    """`expression` is JMESPath over `data`, or CEL, or a text with gaps in Jinja's syntax (docs/skills.md); the latter two know `data`, and the fields of an object by their
    own names too."""

    model_config = ConfigDict(extra="forbid")

    engine: Literal["jmespath", "cel", "jinja"]
    expression: str = Field(min_length=1, max_length=20_000)
    data: Any = None


class Output(BaseModel):
    """`result` is a JSON value; a text for `jinja`."""

    result: Any


class Transform:
    name: ClassVar[str] = "transform"
    quick: ClassVar[bool] = True
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Raises Invalid: `catalog.expression_broken`, `expression_too_big`, `expression_failed`; `orchestration.template_broken`, `template_too_large`,
        `template_value_missing`; `orchestration.result_too_large`."""
        result = _made(inputs)
        if len(json.dumps(result, ensure_ascii=False)) > LARGEST_RESULT:
            raise Invalid("orchestration.result_too_large", limit=LARGEST_RESULT)
        return Output(result=result)


def _made(inputs: Input) -> Any:
    if inputs.engine == "jmespath":
        return query(inputs.expression)(inputs.data)
    named = {"data": inputs.data, **(inputs.data if isinstance(inputs.data, Mapping) else {})}
    if inputs.engine == "cel":
        return condition(inputs.expression).value(named)
    from runners.templates import render  # Jinja is loaded only where a text is filled

    return render(inputs.expression, named)
