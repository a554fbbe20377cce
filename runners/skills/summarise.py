"""Makes a short text of several results: by the model where there is one, else out of their own first sentences."""

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field

from core.kernel.errors import Failure
from core.orchestration.ports import SkillContext
from runners.mail.sentences import sentences, unwrapped

LONGEST_MATERIAL = 400_000
"""Characters; what is beyond is left out, evenly from all results."""
_READ = 5_000
"""Characters of each result that rules look at."""
_SHAPE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["text"],
    "properties": {"text": {"type": "string", "minLength": 1, "maxLength": 20_000}},
}


class Input(BaseModel):
    """`results` are texts or any JSON values; null is passed over. `instructions` say what matters; they count only where a model is configured."""

    model_config = ConfigDict(extra="forbid")

    results: list[Any] = Field(max_length=1_000)
    instructions: str | None = Field(default=None, max_length=2_000)
    max_sentences: int = Field(default=5, ge=1, le=50)
    max_cost: float | None = Field(default=None, ge=0, le=1_000)


class Output(BaseModel):
    """`by` says who wrote it; `offline_after_model`: the model failed."""

    result: str
    by: Literal["model", "offline", "offline_after_model"]


class Summarise:
    name: ClassVar[str] = "summarise"
    quick: ClassVar[bool] = False
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """Never fails for a model that fails."""
        texts = [text for result in inputs.results if result is not None and (text := _text(result).strip())]
        if context.model is None or not texts:
            return Output(result=_extract(texts, inputs.max_sentences, context.language), by="offline")
        try:
            answer = context.model.ask(
                _prompt(inputs, context.language),
                _material(texts),
                _SHAPE,
                context.usage,
                max_cost=None if inputs.max_cost is None else Decimal(str(inputs.max_cost)),
                budget=context.budget,
                deadline=context.deadline,
            )
        except Failure:
            return Output(result=_extract(texts, inputs.max_sentences, context.language), by="offline_after_model")
        return Output(result=answer["text"], by="model")


def _prompt(inputs: Input, language: str) -> str:
    asked = inputs.instructions or "Keep what the reader has to know or to do; leave out the rest."
    return f"Sum up the numbered results in at most {inputs.max_sentences} sentences, in the language with the tag {language}. Say nothing that they do not say. {asked}"


def _material(texts: list[str]) -> str:
    share = LONGEST_MATERIAL // len(texts)
    return "\n\n".join(f"{number}.\n{text[:share]}" for number, text in enumerate(texts, 1))


def _extract(texts: list[str], most: int, language: str) -> str:
    """The first sentence of each result, then the second of each, until there are enough; in the order of the results."""
    told = [
        [one.text for one in sentences(unwrapped(text[:_READ]), language.partition("-")[0])][:most]
        for text in texts[:most]
    ]
    chosen = [0] * len(told)
    for turn in range(most):
        for at, lines in enumerate(told):
            if turn < len(lines) and sum(chosen) < most:
                chosen[at] += 1
    return "\n".join(" ".join(lines[:count]) for lines, count in zip(told, chosen, strict=True) if count)


def _text(result: Any) -> str:
    """The words of a result: itself, or all texts within it."""
    if isinstance(result, str):
        return result
    found = list(_texts(result))
    return "\n".join(found) if found else json.dumps(result, ensure_ascii=False)


def _texts(value: Any) -> Iterator[str]:
    waiting = [value]
    while waiting:
        part = waiting.pop()
        if isinstance(part, str):
            yield part
        elif isinstance(part, Mapping):
            waiting += reversed(list(part.values()))
        elif isinstance(part, list):
            waiting += reversed(part)
