"""Agents that work together: packs, workflows and how far one is. And what starts a run by itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from core.catalog.graph import Graph
from core.orchestration.models import RunStatus
from core.workflows.steps import Choice, Steps

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
    chat: `phrase` is the command or mention. `failures` counts the starts that were refused in a row. Since `removed_at` it is gone for people and starts nothing;
    the row stays, so that what it started can say what that was, and a delivery that comes again is still known."""

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
    removed_at: datetime | None = None
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


@dataclass
class Pack:
    """Agents that run together, at least one. `sequential`: one after the other, each given what the one before gave back; `parallel`: beside each other."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    name: str
    agent_ids: list[UUID]
    created_at: datetime
    description: str = ""
    mode: Literal["sequential", "parallel"] = "sequential"
    is_shared: bool = False
    is_public: bool = False
    status: Literal["active", "paused", "archived"] = "active"
    version: int = 1


@dataclass
class Workflow:
    """A person's workflow; what it does is in its versions. With `pack_id` its agents are those of the pack.
    `sequential`: one step after the other; `parallel`: beside each other; `hybrid`: one after the other, with groups beside each other among them."""

    id: UUID
    workspace_id: UUID
    owner_id: UUID
    name: str
    created_at: datetime
    description: str = ""
    pack_id: UUID | None = None
    type: Literal["sequential", "parallel", "hybrid"] = "sequential"
    status: Literal["active", "paused", "error"] = "active"
    latest_version_id: UUID | None = None
    version: int = 1


@dataclass(frozen=True)
class WorkflowVersion:
    """What a workflow is at one time; never changed. `parent_run_id` is the run that made it, where none of the people did."""

    id: UUID
    workspace_id: UUID
    workflow_id: UUID
    semantic_version: str
    type: Literal["sequential", "parallel", "hybrid"]
    steps: Steps
    created_at: datetime
    author_id: UUID | None = None
    note: str | None = None
    parent_run_id: UUID | None = None


@dataclass
class WorkflowExecution:
    """How far a run of a pack or a workflow is. `graph` is what is carried out, so that a change of the pack meanwhile does not matter. `current_step` is the id of
    the step under way (the first, where several are); `step_results` maps ids of steps to `{kind, status, agent_id?, run_id?, question_id?, started_at, finished_at?, result?, error?}`."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    run_id: UUID
    graph: Graph
    created_at: datetime
    pack_id: UUID | None = None
    workflow_id: UUID | None = None
    workflow_version_id: UUID | None = None
    status: RunStatus = "queued"
    current_step: str | None = None
    step_results: dict[str, dict[str, Any]] = field(default_factory=dict)
    final_result: Any = None
    finished_at: datetime | None = None
    version: int = 1


@dataclass
class Question:
    """What a run asks people, and what became of it. `to` are the people who are asked; the first answer counts. `about` is what it is about (JSON), shown under the
    question. At `until` it lapses: `default` is the answer then, or the step fails. `withdrawn` when its run ended without it."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    run_id: UUID
    node_id: str
    index: int
    question: str
    choices: list[Choice]
    to: list[UUID]
    until: datetime
    created_at: datetime
    about: Any = None
    default: str | None = None
    status: Literal["open", "answered", "lapsed", "withdrawn"] = "open"
    answer: str | None = None
    answered_by: UUID | None = None
    answered_at: datetime | None = None
    surface: str | None = None
    version: int = 1
