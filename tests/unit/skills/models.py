"""Language models for tests, which answer as they are told, and remember what they were asked."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from core.orchestration.ports import Usage


@dataclass
class Told:
    """One question."""

    instructions: str
    material: str
    schema: Mapping[str, Any]
    more: dict[str, Any]


@dataclass
class FakeModel:
    """`replies` gives the answer to a question; each call is metered like a real one."""

    replies: Callable[[Told], dict[str, Any]]
    names: tuple[str, ...] = ("fake:model",)
    asked: list[Told] = field(default_factory=list)

    def ask(
        self, instructions: str, material: str, schema: Mapping[str, Any], used: list[Usage], **more: Any
    ) -> dict[str, Any]:
        told = Told(instructions, material, schema, more)
        self.asked.append(told)
        used.append(Usage(provider="fake", model="model", tokens_prompt=7, tokens_completion=3, cost=Decimal("0.01")))
        return self.replies(told)


def without_data(instructions: str) -> str:
    """The part of the instructions that a model may take as such: all but what stands between marks."""
    return re.sub(r"\[\[(\w+): .*? :\1\]\]", "[data]", instructions, flags=re.DOTALL)
