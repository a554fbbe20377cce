"""Suggestions, their revisions, what people decided, and what came of it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict

SuggestionType = Literal["email", "calendar", "task", "shopping_list", "file", "message", "http", "other"]
SuggestionStatus = Literal["pending", "snoozed", "approved", "rejected", "expired", "withdrawn"]
Priority = Literal["low", "medium", "high"]
Decision = Literal["approve", "reject", "edit"]
ExecutionStatus = Literal[
    "held", "ready", "claimed", "sending", "succeeded", "failed", "unknown", "undone", "withdrawn"
]
RewriteStatus = Literal["asked", "working", "done", "failed"]
FINISHED: frozenset[ExecutionStatus] = frozenset(("succeeded", "failed", "undone", "withdrawn"))


class Action(BaseModel):
    """What will happen, exactly: an operation of one connection with its input. Its canonical JSON is what is hashed, shown,
    approved and executed."""

    model_config = ConfigDict(frozen=True)

    operation: str
    connection_id: UUID
    input: dict[str, Any]


@dataclass
class Suggestion:
    """An action that an agent proposes and a person decides. `why` is a message id with data, `evidence` quotes of what led to
    it, `influenced_by` whose outside text had a say. `revision` is the number of the newest revision, `reason` why it was rejected: what was said last, a name of ours
    (`not_needed`) or the person's own words. `snoozed_context` is the context of somebody that ends the snooze, if it comes before `snoozed_until`;
    `undoes` the execution whose effect this one takes back. `rung`: how far the ladder before its expiry is climbed (core.approvals.ladder), the next one at `next_rung_at` (None: not
    looked at yet). A yes counts when it was said after `counts_from`."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    run_id: UUID
    agent_id: UUID
    type: SuggestionType
    kind: str
    priority: Priority
    why: dict[str, Any]
    evidence: list[dict[str, Any]]
    influenced_by: list[str]
    dedupe_key: str
    created_at: datetime
    status: SuggestionStatus = "pending"
    revision: int = 1
    expires_at: datetime | None = None
    snoozed_until: datetime | None = None
    reminded_at: datetime | None = None
    rung: int = 0
    next_rung_at: datetime | None = None
    counts_from: datetime | None = None
    decided_at: datetime | None = None
    reason: str | None = None
    snoozed_context: UUID | None = None
    undoes: UUID | None = None
    assignees: list[UUID] = field(default_factory=list)
    trace: str | None = None
    version: int = 1


@dataclass(frozen=True)
class SuggestionRevision:
    """One wording of a suggestion's action; never changed. `payload_sha256` is the hash of the action's canonical JSON."""

    id: UUID
    workspace_id: UUID
    suggestion_id: UUID
    number: int
    action: Action
    payload_sha256: str
    author: Literal["agent", "user"]
    author_id: UUID
    created_at: datetime


@dataclass(frozen=True)
class Approval:
    """What a person decided about one revision, and where they said so; never changed. `payload_sha256` is the hash of what they
    were shown. `for_user_id`: in whose place they decided, where somebody had handed them their decisions."""

    id: UUID
    workspace_id: UUID
    suggestion_id: UUID
    revision: int
    payload_sha256: str
    user_id: UUID
    decision: Decision
    decided_at: datetime
    surface: str
    reason: str | None = None
    delivery_id: UUID | None = None
    for_user_id: UUID | None = None


@dataclass
class ActionExecution:
    """The doing of one approved revision. `key` is its idempotency key, `fence` counts claims, `due_at` is when it may be claimed
    (end of the undo window; next look-up of an unknown one)."""

    id: UUID
    workspace_id: UUID
    suggestion_id: UUID
    approval_id: UUID
    connection_id: UUID
    key: str
    status: ExecutionStatus
    created_at: datetime
    due_at: datetime
    fence: int = 0
    lease_until: datetime | None = None
    attempts: int = 0
    lookups: int = 0
    external_ref: str | None = None
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    executed_at: datetime | None = None
    trace: str | None = None
    version: int = 1


@dataclass(frozen=True)
class ExecutionAttempt:
    """One try of an execution, also by a worker that had lost its claim; append-only. `outcome` is succeeded, failed, unknown,
    refused (by the last gate), zombie, looked_up."""

    id: UUID
    workspace_id: UUID
    execution_id: UUID
    fence: int
    outcome: Literal["succeeded", "failed", "unknown", "refused", "zombie", "looked_up"]
    detail: dict[str, Any]
    at: datetime


@dataclass
class ApprovalPolicy:
    """Who decides about an operation in a workspace, and how: members in `allowed_roles`, those named in `allowed_people`, and `escalate_to`, who is asked when nobody answers.
    `operation` `*` is the default. Times in seconds. An amount over `amount_limit`, in whatever currency, is asked twice where it cannot be taken back."""

    id: UUID
    workspace_id: UUID
    operation: str
    created_at: datetime
    quorum: int = 1
    allowed_roles: list[str] = field(default_factory=lambda: ["owner", "admin", "approver"])
    allowed_people: list[UUID] = field(default_factory=list)
    escalate_to: UUID | None = None
    own_request: bool = True
    undo_seconds: int | None = None
    expiry_seconds: int = 7 * 86_400
    reminder_seconds: int | None = 86_400
    amount_limit: int | None = 500
    version: int = 1


@dataclass
class Batch:
    """Suggestions that one person is shown together, to tick and approve at once. `decided_at` is when they did; an undo opens it again."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    agent_id: UUID
    created_at: datetime
    decided_at: datetime | None = None
    version: int = 1


@dataclass
class BatchItem:
    """One suggestion of a batch, exactly as it was shown. `outcome` is what came of the batch's decision for it: empty before, `approved`, `missing` (others have to
    approve too), `left` (not ticked), or the error code of what stood against it."""

    id: UUID
    workspace_id: UUID
    batch_id: UUID
    number: int
    suggestion_id: UUID
    revision: int
    payload_sha256: str
    created_at: datetime
    ticked: bool = True
    outcome: str = ""
    version: int = 1


@dataclass
class Rewrite:
    """Somebody said in words what is to change in one revision of a suggestion, and the agent's model is asked to do it. `words` are sealed, and gone once it is over. `fence` counts
    claims; `error` says by code and data why nothing came of it."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    suggestion_id: UUID
    revision: int
    created_at: datetime
    words: bytes | None = None
    status: RewriteStatus = "asked"
    fence: int = 0
    attempts: int = 0
    lease_until: datetime | None = None
    error: dict[str, Any] | None = None
    ended_at: datetime | None = None
    version: int = 1


@dataclass
class Delegation:
    """A person handed their decisions to another member until `until`: all of them (`agent_id` and `operation` None), those about one agent's suggestions, or those about one operation.
    Over by itself then, or when either of them ends it (`revoked_at`)."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    to_user_id: UUID
    until: datetime
    created_at: datetime
    agent_id: UUID | None = None
    operation: str | None = None
    revoked_at: datetime | None = None
    version: int = 1
