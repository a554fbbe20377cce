"""What a connector's folder says about itself, before any of its code is loaded."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Access = Literal["read", "write"]
EffectClass = Literal["local", "keyed", "searchable", "blind"]


class OperationManifest(BaseModel):
    """One operation. `effect` says how "exactly once" is kept (see docs/execution.md):
    `local` is written in our own transaction, `keyed` may be repeated with the same key, `searchable` can be looked up by
    its key, `blind` neither. `undo_seconds` is the visible hold before it is done. `input_schema` only for an operation
    outside the shared vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z_]+\.[a-z_]+$")
    access: Access
    effect: EffectClass | None = None
    undo_seconds: int = Field(default=0, ge=0, le=600)
    risky: bool = Field(default=False, description="asks twice, because it cannot be taken back")
    input_schema: dict[str, Any] | None = None


class ConnectorManifest(BaseModel):
    """`runners/connectors/<slug>/manifest.yaml`; the domain's Integration. `config` is a JSON Schema: properties that are
    `writeOnly` are secrets and go to the vault, never into the connection's row; those with `x-ticked` are chosen from what a check found. `tool` is the role that an agent asks for
    (mail, calendar, tasks)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    slug: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: str
    description: str
    tool: str
    auth: Literal["none", "password", "api_key", "oauth2"]
    config: dict[str, Any]
    operations: tuple[OperationManifest, ...]
    streams: tuple[str, ...] = Field(default=(), description="what can be read incrementally, e.g. mail")
    hosts: tuple[str, ...] = Field(
        default=(), description="config fields that name the only hosts its credential may go to"
    )
    accepts_upload: tuple[str, ...] = Field(
        default=(), description="file suffixes a person may hand over instead of a config"
    )
    automatic: bool = Field(default=False, description="every workspace has one from the start, without being asked")
    sample: bool = Field(default=False, description="shipped data to try an agent with; effects stay inside its folder")

    def operation(self, name: str) -> OperationManifest:
        """The operation of that name. Raises KeyError."""
        for operation in self.operations:
            if operation.name == name:
                return operation
        raise KeyError(name)

    @property
    def asked(self) -> dict[str, Any]:
        """The config that a form asks for: without what is ticked later, from what a check found (`x-ticked`)."""
        properties = {k: v for k, v in self.config.get("properties", {}).items() if not v.get("x-ticked")}
        return {**self.config, "properties": properties}

    @property
    def secret_fields(self) -> frozenset[str]:
        """The config properties that are secrets."""
        return frozenset(k for k, v in self.config.get("properties", {}).items() if v.get("writeOnly"))
