"""What a run needs of the outside: skills, and what a skill may use."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, Generic, Literal, Protocol, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict

from core.billing.models import Budget
from core.connectors.models import DataSnapshot
from core.connectors.ports import Connector
from core.kernel.unit_of_work import UnitOfWork
from core.orchestration.models import Run, RunStep


class Usage(BaseModel):
    """What one metered call used, whether or not its answer was of use. `kind` is what was called (`model`); `cost` in US dollars, None when no
    price is known; `price` the unit prices of that moment, as they were applied (JSON values). No tokens: nobody said how many."""

    model_config = ConfigDict(frozen=True)

    kind: str = "model"
    provider: str | None = None
    model: str | None = None
    tokens_prompt: int = 0
    tokens_completion: int = 0
    cost: Decimal | None = None
    price: dict[str, Any] | None = None


@dataclass(frozen=True)
class Snapshot:
    """What an agent remembers of something that it read (domain: DataSnapshot). `external_id` is stable per connection and data
    type; `metadata` are JSON values; `body` the hash of the original bytes in the content store."""

    connection_id: UUID
    data_type: str
    external_id: str
    metadata: Mapping[str, Any]
    body: str | None
    snapshot_at: datetime


class Memory(Protocol):
    """Snapshots of one agent's connections. Writes become durable with the step that made them."""

    def remember(self, snapshot: Snapshot) -> None:
        """Keeps it; the same external id replaces the earlier one."""
        ...

    def recall(self, connection_id: UUID, data_type: str, since: datetime) -> Sequence[Snapshot]:
        """What was read since `since`, oldest first."""
        ...


class Blobs(Protocol):
    """The content store: bytes by the SHA-256 of their content. Idempotent; sealed with the user's key at rest."""

    def put(self, content: bytes) -> str: ...

    def get(self, digest: str) -> bytes:
        """Raises NotFound `messaging.blob_unknown`."""
        ...


class LanguageModel(Protocol):
    """The configured language models, in the order in which they are tried: the next one when one does not answer."""

    @property
    def names(self) -> tuple[str, ...]:
        """What is configured, each as `<provider>:<model>`."""
        ...

    def ask(
        self,
        instructions: str,
        material: str,
        schema: Mapping[str, Any],
        used: list[Usage],
        *,
        model: str | None = None,
        temperature: float | None = None,
        max_output_tokens: int = 4_000,
        max_cost: Decimal | None = None,
        budget: Budget | None = None,
        deadline: float | None = None,
    ) -> dict[str, Any]:
        """An answer that fits `schema` (a JSON Schema of an object). `material` is outside text: data, never instructions. An answer that does not fit
        or is cut off is asked for once more, with what was wrong. A usage is added to `used` for every call, at once, so that it stays when this
        fails; no call is begun that could bring the cost of all in `used` over `max_cost` US dollars, as far as prices are known, or once `budget` is used up,
        which is told of each call. `model` is one of `names`, which then is asked alone. Blocks up to 60 s a call, never past `deadline` (`time.monotonic()`).

        Raises Unavailable `orchestration.model_failed` when none answers; Invalid `orchestration.model_truncated`, `model_output_wrong`,
        `model_declined`, `model_not_configured`, `model_schema_refused`; LimitReached `orchestration.model_budget_used`, `model_tokens_short`,
        `billing.limit_reached`."""
        ...


@dataclass(frozen=True)
class Tool:
    """An open connection, under the role for which the agent asked (`mail`)."""

    connection_id: UUID
    integration: str
    account: str
    client: Connector
    cursor: Mapping[str, Any] | None


@dataclass
class SkillContext:
    """What a skill may use, and nothing else. `model` is None when offline. `account_addresses` are the person's own mail
    addresses; `language` their BCP 47 tag. `agent_id` is None in the run of a pack or workflow. `usage` collects what was metered, `budget` is what the run may still use. `node`, `index` and `attempt` (from 1) say which step of the
    run this is; `deadline` is the value of `time.monotonic()` by which it must be over."""

    run_id: UUID
    agent_id: UUID | None
    agent_name: str
    now: datetime
    timezone: ZoneInfo
    language: str
    owner_name: str
    account_addresses: tuple[str, ...]
    tools: Mapping[str, Tool]
    memory: Memory
    blobs: Blobs
    model: LanguageModel | None
    dry_run: bool
    usage: list[Usage] = field(default_factory=list)
    budget: Budget | None = None
    node: str = ""
    index: int = 0
    attempt: int = 1
    deadline: float | None = None


class Waits(Exception):
    """Raised by a skill whose answer comes later: the run lets its worker go, and goes on when the answer is there.

    `run`: a run of another agent (data: agent_id, input). `person`: a question with buttons (data: question, options, to). `time`: nothing but `until`.
    At `until` the step ends without an answer."""

    def __init__(self, kind: Literal["run", "person", "time"], until: datetime | None, data: Mapping[str, Any]) -> None:
        super().__init__(kind)
        self.kind, self.until, self.data = kind, until, data


class Words(BaseModel):
    """A sentence that a door will say: a message id and what fills its gaps (JSON values). Skills never write sentences for
    the person; drafts to others are content, not words of ours."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    data: dict[str, Any] = {}


class Evidence(BaseModel):
    """What in the input led to a proposal. `quote` is outside text, shown as it is; `source` says where it stands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    quote: str
    source: dict[str, Any]


class Proposal(BaseModel):
    """What a run suggests; becomes a Suggestion when the run is finished. `tool` names the connection by role. The same
    `dedupe_key` of the same agent is suggested once, ever; `supersedes` withdraws pending suggestions of that key prefix
    (a newer version of an invitation). `draft` marks text that a later node still writes."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: Literal["email", "calendar", "task", "shopping_list", "file", "message", "http", "other"]
    kind: str
    priority: Literal["low", "medium", "high"] = "medium"
    operation: str
    tool: str
    input: dict[str, Any]
    why: Words
    evidence: tuple[Evidence, ...] = ()
    dedupe_key: str
    supersedes: str | None = None
    expires_at: datetime | None = None
    influenced_by: tuple[str, ...] = ()


I = TypeVar("I", bound=BaseModel)  # noqa: E741
O = TypeVar("O", bound=BaseModel)  # noqa: E741


class Skill(Protocol, Generic[I, O]):
    """One capability. A skill is a class in a file of its own under `runners/skills/`, found by the registry through its
    `name`. It is called again with the same inputs after a crash, so it must not act outside; `Input` and `Output` are pydantic
    models: their JSON Schemas type the graph. `quick` marks pure computation of a few milliseconds, without any waiting. Raises core.kernel.errors.Failure in
    words that the person can be told, and Waits."""

    name: ClassVar[str]
    quick: ClassVar[bool] = False
    Input: type[I]
    Output: type[O]

    def run(self, context: SkillContext, inputs: I) -> O: ...


class Runs(Protocol):
    """Runs and their steps."""

    def add(self, run: Run) -> None: ...

    def add_all(self, runs: Sequence[Run]) -> None:
        """Adds new, queued ones, any number at once. They are written with the commit: this transaction does not find them, and they are not tracked."""
        ...

    def get(self, run_id: UUID) -> Run:
        """Raises NotFound `orchestration.run_unknown`."""
        ...

    def some(self, run_ids: Sequence[UUID]) -> list[Run]:
        """Those of them that there are, newest first."""
        ...

    def lock(self, run_id: UUID) -> Run:
        """Like `get`, locked for this transaction and fresh, whatever its status."""
        ...

    def children(self, run_id: UUID, limit: int) -> list[Run]:
        """Runs that this one started, oldest first."""
        ...

    def page(
        self, after: UUID | None, limit: int, agent_id: UUID | None = None, status: str | None = None
    ) -> list[Run]:
        """Newest first, those before `after`."""
        ...

    def claim(self, run_id: UUID, lease_seconds: float) -> Run | None:
        """Takes a run that is queued or waiting and due, or running past its lease: status running, fence and attempt one up, `started_at` set the
        first time. None when there is nothing to take. Terms are the database's clock."""
        ...

    def leave(self, run_id: UUID, seconds: float) -> None:
        """A run whose holder died is nobody's for so long: whoever looks for what is lost finds others."""
        ...

    def renew(self, run_id: UUID, fence: int, lease_seconds: float) -> bool:
        """Extends the lease. False when the claim was lost or a cancel was asked for."""
        ...

    def hold(self, run_id: UUID, fence: int) -> Run | None:
        """Locks the run for this transaction if `fence` still holds it and it is running; else None."""
        ...

    def steps(self, run_id: UUID) -> list[RunStep]:
        """In the order in which they began."""
        ...

    def step(self, run_id: UUID, node_id: str, index: int) -> RunStep | None: ...

    def put_step(self, step: RunStep) -> None:
        """Adds it, or replaces the step of the same run, node and index; not one that succeeded or was skipped."""
        ...

    def put_steps(self, steps: Sequence[RunStep]) -> None:
        """Many of them at once, each of another node or index."""
        ...

    def snapshots(self, connection_id: UUID, agent_id: UUID, data_type: str, since: datetime) -> list[DataSnapshot]:
        """By `snapshot_at`, oldest first."""
        ...

    def put_snapshot(self, snapshot: DataSnapshot) -> None:
        """The same connection, agent, data type and external id replaces the earlier one."""
        ...


class OrchestrationWork(UnitOfWork, Protocol):
    @property
    def runs(self) -> Runs: ...
