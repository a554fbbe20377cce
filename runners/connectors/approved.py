"""What was approved, as the operation's typed input: a connector trusts its shape and nothing else."""

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from core.connectors.operations import Input
from core.connectors.ports import EffectFailed

I = TypeVar("I", bound=Input)  # noqa: E741


def approved(model: type[I], input: Mapping[str, Any]) -> I:
    """The typed input. Raises EffectFailed `connectors.input_invalid`, naming the fields, never their values."""
    try:
        return model.model_validate(dict(input))
    except ValidationError as wrong:
        fields = sorted({".".join(map(str, e["loc"])) for e in wrong.errors(include_input=False, include_url=False)})
    raise EffectFailed("connectors.input_invalid", lasting=True, fields=fields)


def unknown_operation(operation: str) -> EffectFailed:
    """The answer to an operation that the manifest does not name."""
    return EffectFailed("connectors.operation_unknown", lasting=True, operation=operation)
