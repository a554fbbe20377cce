"""What happened, in the past tense. Events are append-only and sealed with their user's key when stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from core.kernel.ids import new_id


@dataclass(frozen=True)
class Event:
    """A fact of one workspace, e.g. `suggestion.approved`. `payload` holds JSON values only."""

    kind: str
    workspace_id: UUID
    user_id: UUID
    payload: Mapping[str, Any]
    schema_version: int = 1
    id: UUID = field(default_factory=new_id)
