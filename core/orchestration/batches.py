"""Light runs are claimed and ended by the dozen, of one workspace or of several (docs/adr/0009, 0018)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol
from uuid import UUID

from core.orchestration.models import RunStep, TriggerKind

MOST_AT_ONCE = 50


class Rung(NamedTuple):
    """A workspace in which runs are due, and for which of them and of whom its bell was rung: no more than a hint."""

    workspace_id: UUID
    user_id: UUID
    run_id: UUID


@dataclass(frozen=True)
class LightRun:
    """A claimed run whose graph only computes: what carrying it out takes of its row."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    agent_id: UUID
    agent_version_id: UUID
    trigger_id: UUID | None
    trigger_type: TriggerKind
    fence: int
    input: dict[str, Any]
    due_at: datetime
    started_at: datetime
    trace: str | None

    @property
    def dry(self) -> bool:
        """Whether it only shows what it would suggest."""
        return bool(self.input.get("dry_run"))


@dataclass(frozen=True)
class Owner:
    """Whose runs they are. `name` is how the person wants to be called, `timezone` IANA, `language` BCP 47."""

    id: UUID
    name: str
    email: str
    timezone: str
    language: str


@dataclass(frozen=True)
class Counted:
    """A counter of the day after these runs were counted (core.billing.models.UsageCounter)."""

    scope: str
    runs: int
    tokens: int
    cost: Decimal


@dataclass(frozen=True)
class Batch:
    """What was due in a workspace. `runs` were claimed together; or `single` is the run that has to be carried out by itself, not claimed yet; where its worker died, `tries` says how often it was begun. `more` says that there may be further due ones.
    `agents` are names by id, without agents that were paused meanwhile; `keys` the wrapped data keys of those who own the runs; `counted` and `tier` tell what the limits have to say, `now` is the database's clock."""

    workspace_id: UUID
    user_id: UUID
    runs: Sequence[LightRun] = ()
    single: UUID | None = None
    tries: int = 0
    more: bool = False
    owners: Mapping[UUID, Owner] = field(default_factory=dict)
    agents: Mapping[UUID, str] = field(default_factory=dict)
    counted: Sequence[Counted] = ()
    tier: str | None = None
    now: datetime | None = None
    keys: Mapping[UUID, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Ended:
    """A light run that ended well, with all its steps."""

    run: LightRun
    output: Mapping[str, Any]
    steps: Sequence[RunStep]


class Batches(Protocol):
    """Claims and ends light runs, each in one transaction and one round trip, of the workspaces that a signed context names."""

    def claim(
        self, rungs: Sequence[Rung], lease_seconds: float, *, hurried: bool = False, durable: bool = True
    ) -> list[Batch]:
        """Takes what is due in each of the workspaces: up to MOST_AT_ONCE light runs, oldest first; nothing where the oldest due run is none. They are counted for the day as they are taken.
        Workspaces are to be in the order of their ids, so that nobody waits in a circle. `hurried`: rather not at all than waiting for whoever holds
        something there. Not `durable`: a claim that a dying server forgets, so that the runs are due as before and whoever claimed them ends them in vain.
        Raises Unavailable and Conflict; then nothing was taken."""
        ...

    def end(self, done: Sequence[tuple[Batch, Sequence[Ended]]], *, hurried: bool = False) -> list[set[UUID]]:
        """Records them with steps, ledger and events; answers of each batch which still were ours. Of the others nothing is written. Batches are to be in the
        order of their workspaces. Raises as `claim` does; then nothing was written."""
        ...
