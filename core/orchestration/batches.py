"""Light runs are claimed and ended by the dozen, of one workspace or of several (docs/adr/0009, 0018)."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, cast
from uuid import UUID

from core.billing.limits import Daily
from core.orchestration.models import Run, RunStep, TriggerKind

MOST_AT_ONCE = 50
FRESH_SECONDS = 0.25


class Rung(NamedTuple):
    """A workspace in which runs are due, and for which of them and of whom its bell was rung: no more than a hint."""

    workspace_id: UUID
    user_id: UUID
    run_id: UUID


@dataclass(frozen=True)
class LightRun:
    """A run whose graph only computes: what carrying it out takes of its row. `fence` is 0 while nobody has claimed it."""

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


def told(run: Run) -> dict[str, str] | None:
    """What the ring for a new run says of it, so that whoever hears it at once carries it out before they claim it (docs/adr/0024): ids and times. None where
    that is not possible: its graph does more than compute, or it brings input, which is nothing for a message."""
    if not run.light or run.input or run.agent_id is None or run.agent_version_id is None:
        return None
    said = {
        "user_id": run.user_id, "agent_id": run.agent_id, "agent_version_id": run.agent_version_id, "trigger_id": run.trigger_id,
        "trigger_type": run.trigger_type, "due_at": run.due_at.isoformat(), "trace": run.trace, "at": time.time(),
    }  # fmt: skip
    return {name: str(value) for name, value in said.items() if value is not None}


def heard(rung: Rung, told: Mapping[str, str]) -> LightRun | None:
    """The run that a ring told of, if that was this very moment: whoever hears it later, or again because it was in hand when a worker died, claims it as any
    other. None also for what is not understood."""
    try:
        if not abs(time.time() - float(told["at"])) < FRESH_SECONDS:
            return None
        return LightRun(
            id=rung.run_id,
            workspace_id=rung.workspace_id,
            user_id=UUID(told["user_id"]),
            agent_id=UUID(told["agent_id"]),
            agent_version_id=UUID(told["agent_version_id"]),
            trigger_id=UUID(told["trigger_id"]) if "trigger_id" in told else None,
            trigger_type=cast(TriggerKind, told["trigger_type"]),
            fence=0,
            input={},
            due_at=datetime.fromisoformat(told["due_at"]).astimezone(UTC),
            started_at=datetime.now(UTC),
            trace=told.get("trace"),
        )
    except (KeyError, TypeError, ValueError, OverflowError):
        return None


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

    def end_unclaimed(
        self, done: Sequence[tuple[Batch, Sequence[Ended]]], limits: Sequence[tuple[UUID, Mapping[str, Daily]]]
    ) -> set[UUID]:
        """Takes, counts and records runs that nobody claimed; answers which of them were still to be had, and all that their batch says of owner, agent and tier still so.
        `limits` of the counters that they count on, each with its workspace; where they are not of one mind, the lowest holds. Raises as `claim` does, and Invalid where a limit is reached; then nothing was written."""
        ...
