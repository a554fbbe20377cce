"""The connectors that there are: one folder each under `runners/connectors/`. Their manifests are read, their code is not loaded."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from pydantic import ValidationError

from core.connectors.manifest import ConnectorManifest
from core.connectors.operations import OPERATIONS
from core.kernel.errors import Invalid, NotFound
from core.kernel.registry import manifests, package_folder


@cache
def integrations() -> dict[str, ConnectorManifest]:
    """Every connector's manifest by slug."""
    return {m.slug: m for _, m in manifests(package_folder("runners") / "connectors", ConnectorManifest)}


def folder(slug: str) -> Path:
    """Where the connector of that slug lives."""
    return package_folder("runners") / "connectors" / slug


def integration(slug: str) -> ConnectorManifest:
    """Raises NotFound `connectors.integration_unknown`."""
    try:
        return integrations()[slug]
    except KeyError:
        raise NotFound("connectors.integration_unknown", integration=slug) from None


def checked_input(slug: str, operation: str, input: Mapping[str, Any]) -> dict[str, Any]:
    """The input in its one canonical form (JSON values), as it will be hashed, shown and executed.
    Raises Invalid `connectors.operation_unknown`, `connectors.input_invalid` (data: field, rule)."""
    try:
        declared = integration(slug).operation(operation)
    except KeyError:
        raise Invalid("connectors.operation_unknown", operation=operation, integration=slug) from None
    if operation in OPERATIONS:
        try:
            return OPERATIONS[operation].model_validate(input).model_dump(mode="json", exclude_none=True)
        except ValidationError as wrong:
            first = wrong.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(part) for part in first["loc"])
            raise Invalid("connectors.input_invalid", field=field, rule=first["type"]) from None
    error = next(iter(Draft202012Validator(declared.input_schema or {}).iter_errors(dict(input))), None)
    if error is not None:
        raise Invalid("connectors.input_invalid", field=".".join(map(str, error.path)), rule=str(error.validator))
    return dict(input)


def checked_config(manifest: ConnectorManifest, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
    """A connection's settings, apart from its secrets. Raises Invalid `connectors.config_invalid` (data: field, rule), never with a value."""
    error = next(iter(Draft202012Validator(manifest.config).iter_errors(dict(values))), None)
    if error is not None:
        missing = error.message.split("'")[1] if error.validator == "required" else ""
        raise Invalid(
            "connectors.config_invalid", field=".".join(map(str, error.path)) or missing, rule=str(error.validator)
        )
    secret = manifest.secret_fields
    return {k: v for k, v in values.items() if k not in secret}, {k: str(v) for k, v in values.items() if k in secret}
