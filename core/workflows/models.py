"""What starts a run by itself."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

TriggerType = Literal["schedule", "manual"]
Misfire = Literal["skip", "once", "all"]


@dataclass
class Trigger:
    """Starts an agent. For `schedule`, `cron` holds in `timezone` (IANA); `next_fire_at` is the instant when it is due.
    `misfire_policy` says what becomes of fires that were missed while nothing ran."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    agent_id: UUID
    type: TriggerType
    created_at: datetime
    status: Literal["active", "paused"] = "active"
    cron: str | None = None
    timezone: str = "UTC"
    misfire_policy: Misfire = "once"
    next_fire_at: datetime | None = None
    last_fired_at: datetime | None = None
    version: int = 1
