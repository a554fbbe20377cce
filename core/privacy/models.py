"""What is remembered of removing history."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True)
class HistoryPass:
    """A workspace's history is looked through for what is too old from `due_at` on: once a day, and soon again where a pass was broken off."""

    workspace_id: UUID
    due_at: datetime
