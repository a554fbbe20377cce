"""What is remembered of removing history, and of what people asked to be done with what is theirs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID


@dataclass(frozen=True)
class HistoryPass:
    """A workspace's history is looked through for what is too old from `due_at` on: once a day, and soon again where a pass was broken off."""

    workspace_id: UUID
    due_at: datetime


@dataclass
class PrivacyRequest:
    """What a person asked to be done with all that is theirs: an `export`, or to be forgotten (`erase`, due when they cannot come back any more). `stopped` names what was
    stopped with it and is woken if they do. `blob`, `size`: the finished export."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    kind: Literal["export", "erase"]
    due_at: datetime
    created_at: datetime
    status: Literal["asked", "working", "done", "failed", "cancelled"] = "asked"
    stopped: dict[str, Any] = field(default_factory=dict)
    fence: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    blob: str | None = None
    size: int | None = None
    ended_at: datetime | None = None
    version: int = 1
