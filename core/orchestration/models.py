"""Runs of agents, and their steps."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

RunStatus = Literal["queued", "running", "waiting", "succeeded", "failed", "cancelled"]
TriggerKind = Literal["manual", "scheduled", "event", "webhook", "chat"]


@dataclass
class Run:
    """One execution of an agent version. `input` has `dry_run` when nothing shall come of it. `fence` counts the claims: only
    the holder of the latest one may write. `trace` carries the W3C traceparent from the door that asked."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    agent_id: UUID
    agent_version_id: UUID
    trigger_type: TriggerKind
    queued_at: datetime
    created_at: datetime
    due_at: datetime
    status: RunStatus = "queued"
    trigger_id: UUID | None = None
    parent_run_id: UUID | None = None
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    attempt: int = 0
    fence: int = 0
    lease_until: datetime | None = None
    cancel_requested_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tokens: int = 0
    cost: Decimal = Decimal(0)
    trace: str | None = None
    version: int = 1

    @property
    def dry(self) -> bool:
        """Whether it only shows what it would suggest."""
        return bool(self.input.get("dry_run"))


@dataclass
class RunStep:
    """One node's execution in a run, `index` within its `for_each`. A succeeded step is never run again for its run."""

    id: UUID
    workspace_id: UUID
    run_id: UUID
    node_id: str
    index: int
    skill: str
    status: Literal["running", "succeeded", "failed"]
    inputs: dict[str, Any]
    started_at: datetime
    outputs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
