"""Light runs are claimed and ended by the dozen, of one workspace at a time (docs/adr/0009)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from core.orchestration.models import RunStep, TriggerKind

MOST_AT_ONCE = 50


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
    `agents` are names by id, without agents that were paused meanwhile; `counted` and `tier` tell what the limits have to say, `now` is the database's clock."""

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
    keys: Mapping[UUID, Any] = field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Ended:
    """A light run that ended well, with all its steps."""

    run: LightRun
    output: Mapping[str, Any]
    steps: Sequence[RunStep]


class Batches(Protocol):
    """Claims and ends light runs, each in one transaction and one round trip."""

    def claim(self, workspace_id: UUID, user_id: UUID, lease_seconds: float) -> Batch:
        """Takes what is due: up to MOST_AT_ONCE light runs, oldest first; nothing where the oldest due run is none. They are counted for the day as they are taken."""
        ...

    def end(self, batch: Batch, ended: Sequence[Ended]) -> set[UUID]:
        """Records them with steps, ledger and events; answers which still were ours. Of the others nothing is written."""
        ...
