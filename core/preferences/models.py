"""What a person prefers, allows, and is doing just now."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID


@dataclass
class UserPreference:
    """One preference. `scope` is `orchestrator` or `agent:<id>`. `inferred` never overwrites `user`."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    scope: str
    key: str
    value: Any
    source: Literal["user", "inferred"]
    updated_at: datetime
    created_at: datetime
    version: int = 1


@dataclass
class UserConsent:
    """A person's yes to a data source or an agent (`data:mail`, `agent:<id>`); void once revoked."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    key: str
    granted_at: datetime
    revoked_at: datetime | None = None
    version: int = 1

    @property
    def active(self) -> bool:
        """Whether the yes still holds."""
        return self.revoked_at is None


@dataclass
class UserContext:
    """Where a person is: work, home, vacation or a name of their own. `schedule` are the hours of the week in which it holds by itself (core.preferences.hours);
    `changes_at` is when it switches next by itself, also where the person said until when."""

    id: UUID
    user_id: UUID
    workspace_id: UUID
    name: str
    active: bool
    created_at: datetime
    schedule: str | None = None
    changes_at: datetime | None = None
    version: int = 1
