"""What starts a run by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

TriggerType = Literal["schedule", "manual", "event", "webhook", "chat"]
Misfire = Literal["skip", "once", "all"]
Overlap = Literal["skip", "queue", "allow"]
WebhookSource = Literal["standard", "github", "stripe"]
FiringOutcome = Literal["started", "queued", "skipped", "filtered", "refused"]


@dataclass
class Trigger:
    """Starts an agent, a pack or a workflow: exactly one of them. `input` is the fixed part of what its runs are given, `filter` a CEL condition over what
    happened (event, webhook).

    schedule: `cron` holds in `timezone` (IANA), some seconds later by a place of its own within `spread_seconds`; `next_fire_at` is the instant when it is due.
    `misfire_policy` says what becomes of fires that were missed while nothing ran, `overlap` what happens while the run that it started before
    (`last_run_id`) is still under way; `waiting_since` is the due time of the one fire that waits for that.
    event: `event_kind` (`suggestion.approved`, `mail.*`). webhook: `source` says how the sender signs; `secret` is sealed, see Triggers.secret.
    chat: `phrase` is the command or mention. `failures` counts the starts that were refused in a row."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    type: TriggerType
    created_at: datetime
    agent_id: UUID | None = None
    pack_id: UUID | None = None
    workflow_id: UUID | None = None
    name: str = ""
    status: Literal["active", "paused"] = "active"
    cron: str | None = None
    timezone: str = "UTC"
    misfire_policy: Misfire = "once"
    overlap: Overlap = "skip"
    spread_seconds: int = 0
    event_kind: str | None = None
    filter: str | None = None
    phrase: str | None = None
    input: dict[str, Any] = field(default_factory=dict)
    source: WebhookSource | None = None
    secret: bytes | None = None
    failures: int = 0
    next_fire_at: datetime | None = None
    waiting_since: datetime | None = None
    last_fired_at: datetime | None = None
    last_run_id: UUID | None = None
    version: int = 1


@dataclass(frozen=True)
class TriggerFiring:
    """What became of one occasion to fire; append-only. `key` is unique per trigger: the sender's id of a delivery, the id of an event, the due time of a schedule
    (which writes one only when nothing was started). `detail` says why: `{reason, …}`, never the payload."""

    id: UUID
    workspace_id: UUID
    trigger_id: UUID
    key: str
    outcome: FiringOutcome
    at: datetime
    run_id: UUID | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class EventMatch:
    """An event that an active trigger listens for, until a worker looked at it. Written in the transaction that records the event."""

    workspace_id: UUID
    trigger_id: UUID
    event_id: UUID
    user_id: UUID
    created_at: datetime
