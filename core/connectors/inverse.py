"""What takes an effect back once it was done: the inverse operation, with exactly what it would remove. Only what we made ourselves is ever removed."""

from collections.abc import Callable, Mapping
from typing import Any

from core.connectors.kinds import integration

Input = dict[str, Any]
Given = Mapping[str, Any]


def inverse_of(slug: str, operation: str, input: Given, key: str, external_ref: str | None, result: Given) -> tuple[str, Input] | None:  # fmt: skip
    """The operation and input that take back what `operation` did with `input` under the idempotency key `key`; None where the connector cannot, or where it replaced
    something that would not come back."""
    if not invertible(slug, operation) or not external_ref or result.get("replaced"):
        return None
    name, made = _INVERSES[operation]
    return name, {**made(input), _REFS[name]: external_ref, "made_by": key}


def invertible(slug: str, operation: str) -> bool:
    """Whether what `operation` does can be taken back once it was done."""
    return operation in _INVERSES and _INVERSES[operation][0] in {one.name for one in integration(slug).operations}


def _event(input: Given) -> Input:
    return {name: input[name] for name in ("title", "start", "end", "timezone", "location") if input.get(name)}


def _task(input: Given) -> Input:
    return {name: input[name] for name in ("title", "due") if input.get(name)}


_INVERSES: dict[str, tuple[str, Callable[[Given], Input]]] = {
    "calendar.create": ("calendar.delete", _event),
    "task.create": ("task.delete", _task),
}
INVERSES = frozenset(name for name, _ in _INVERSES.values())
"""Operations that only take back what we did; they need something of ours to be there."""
_REFS = {"calendar.delete": "uid", "task.delete": "task_id"}
