"""What billing needs of storage."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol
from uuid import UUID

from core.billing.models import LedgerEntry, RunSummary, UsageCounter
from core.identity.models import Subscription, Tier
from core.kernel.unit_of_work import UnitOfWork

Thing = Literal["agents", "connections", "triggers"]
Countable = Thing | Literal["runs_at_once"]
Period = Literal["day", "week", "month"]


@dataclass(frozen=True)
class Used:
    """Something that was used: runs that started, tokens, US dollars."""

    runs: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)

    def __add__(self, other: "Used") -> "Used":
        return Used(self.runs + other.runs, self.tokens + other.tokens, self.cost + other.cost)


@dataclass(frozen=True)
class UsageOfPeriod:
    """What was used from `start` on until the next period begins (days in UTC; a week begins on Monday). `agent_id` is None for all agents together. `suggestions`
    were made in that time, `approvals` given in it."""

    start: date
    agent_id: UUID | None
    used: Used
    suggestions: int = 0
    approvals: int = 0


class Billing(Protocol):
    """The ledger, the day's counters, and what is read from them. `scope` is core.billing.models.WORKSPACE or an agent's id as text."""

    def tier(self) -> Tier:
        """That of the workspace's active subscription; free without one."""
        ...

    def subscription(self) -> Subscription | None:
        """The active one, locked for this transaction."""
        ...

    def end(self, subscription: Subscription, at: datetime) -> None:
        """Cancels it, before another one is added."""
        ...

    def add(self, day: date, used: Mapping[str, Used]) -> dict[str, UsageCounter]:
        """Adds to the counters of a day and answers them as they are then. They stay locked until the end of the transaction: whoever else wants to add waits,
        so that what is decided on them still holds at the commit. One statement; the workspace's counter is locked first, so that nobody waits in a ring."""
        ...

    def take_back(self, day: date, runs: Mapping[str, int]) -> None:
        """Counts runs less that this transaction added."""
        ...

    def counters(self, day: date, scopes: Sequence[str]) -> dict[str, UsageCounter]:
        """As they are; without those where nothing was used."""
        ...

    def tell(self, day: date, name: str) -> bool:
        """Notes that somebody is told `name` that day. False when it was noted before."""
        ...

    def write(self, entries: Sequence[LedgerEntry]) -> set[UUID]:
        """Appends to the ledger, in one statement; answers the ids of those that were not there before."""
        ...

    def of_run(self, run_id: UUID) -> list[LedgerEntry]:
        """What the ledger says of a run, by id."""
        ...

    def count(self, thing: Countable, without: Sequence[str] = ()) -> int:
        """How many there are in the workspace: agents; connections that are not revoked, without those of the integrations `without`; triggers that are active;
        runs that are being carried out."""
        ...

    def queue(self, thing: Countable) -> None:
        """Waits until nobody else is making one, and has others wait until the end of this transaction: so that two do not both get the last place."""
        ...

    def analytics(
        self, period: Period, first: date, last: date, agent_id: UUID | None, by_agent: bool
    ) -> list[UsageOfPeriod]:
        """Each period between the days `first` and `last` (both included) in which something was used, oldest first: of one agent, of each agent, or of the workspace."""
        ...

    def history(self, after: UUID | None, limit: int, agent_id: UUID | None = None) -> list[RunSummary]:
        """One summary per run, newest first, those before `after`."""
        ...


class BillingWork(UnitOfWork, Protocol):
    @property
    def billing(self) -> Billing: ...


class MeteredRun(Protocol):
    """What billing has to know of a run."""

    @property
    def id(self) -> UUID: ...
    @property
    def workspace_id(self) -> UUID: ...
    @property
    def user_id(self) -> UUID: ...
    @property
    def agent_id(self) -> UUID | None: ...
    @property
    def fence(self) -> int: ...
    @property
    def started_at(self) -> datetime | None: ...


class MeteredStep(Protocol):
    """What billing has to know of a step."""

    @property
    def node_id(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def attempt(self) -> int: ...


class Count(Protocol):
    """A counter of the day after the runs were counted."""

    @property
    def scope(self) -> str: ...
    @property
    def runs(self) -> int: ...
    @property
    def tokens(self) -> int: ...
    @property
    def cost(self) -> Decimal: ...


class CountedRun(Protocol):
    """A run that was counted as it was claimed."""

    @property
    def id(self) -> UUID: ...
    @property
    def agent_id(self) -> UUID | None: ...
    @property
    def started_at(self) -> datetime | None: ...


class CountedBatch(Protocol):
    """Runs that were claimed together, with the day's counters after it; `tier` None without an active subscription."""

    @property
    def runs(self) -> Sequence[CountedRun]: ...
    @property
    def counted(self) -> Sequence[Count]: ...
    @property
    def tier(self) -> str | None: ...
    @property
    def now(self) -> datetime | None: ...
