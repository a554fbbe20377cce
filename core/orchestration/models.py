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
    """One execution of an agent version, a pack or a workflow version: exactly one of them is set. `input` has `dry_run` when nothing shall come of it.
    `light` says that its graph only computes, so that it may be claimed together with others. `depth` counts the runs above it (parents, and runs whose
    events started it). `attempt` counts the claims since it was last queued anew,
    `retries` how often a person asked for that. `fence` counts all claims: only the holder of the latest one may write. `due_at` of a waiting run is when it stops waiting. `trace` carries the
    W3C traceparent from the door that asked."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    agent_id: UUID | None
    agent_version_id: UUID | None
    trigger_type: TriggerKind
    queued_at: datetime
    created_at: datetime
    due_at: datetime
    status: RunStatus = "queued"
    trigger_id: UUID | None = None
    parent_run_id: UUID | None = None
    pack_id: UUID | None = None
    workflow_id: UUID | None = None
    workflow_version_id: UUID | None = None
    light: bool = False
    depth: int = 0
    input: dict[str, Any] = field(default_factory=dict)
    output: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    attempt: int = 0
    retries: int = 0
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
    """One node's execution in a run, `index` within its `for_each`. A step that succeeded or was skipped is never run again for its run. `attempt` counts its tries;
    `wait` says what a waiting step waits for: kind, until, data (core.orchestration.ports.Waits)."""

    id: UUID
    workspace_id: UUID
    run_id: UUID
    node_id: str
    index: int
    skill: str
    status: Literal["running", "succeeded", "failed", "skipped", "waiting"]
    inputs: dict[str, Any]
    started_at: datetime
    outputs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
    usage: dict[str, Any] = field(default_factory=dict)
    finished_at: datetime | None = None
    attempt: int = 1
    wait: dict[str, Any] | None = None
