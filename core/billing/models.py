"""What was used, as it is kept: rows of the ledger and counters of the day; and what a run may still use."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal, Protocol
from uuid import UUID

from core.billing.limits import Plan, Which, reached

LedgerKind = Literal["run", "model", "tool", "other"]
WORKSPACE = "workspace"
"""The scope of the counter that holds for everything in a workspace."""


class Metered(Protocol):
    """What one metered call used (core.orchestration.ports.Usage). `cost` in US dollars, None when no price is known."""

    @property
    def kind(self) -> str: ...
    @property
    def provider(self) -> str | None: ...
    @property
    def model(self) -> str | None: ...
    @property
    def tokens_prompt(self) -> int: ...
    @property
    def tokens_completion(self) -> int: ...
    @property
    def cost(self) -> Decimal | None: ...
    @property
    def price(self) -> dict[str, Any] | None: ...


@dataclass(frozen=True)
class LedgerEntry:
    """One run (`kind` run, without tokens and cost of its own) or one metered call of a run; never changed. What a run used is the sum of its rows.
    The id is made of what was metered, so that the same call is never written twice. `cost` in US dollars, 0 where no price is known."""

    id: UUID
    workspace_id: UUID
    user_id: UUID
    run_id: UUID
    kind: LedgerKind
    at: datetime
    agent_id: UUID | None = None
    node_id: str | None = None
    provider: str | None = None
    model: str | None = None
    tokens_prompt: int = 0
    tokens_completion: int = 0
    cost: Decimal = Decimal(0)
    price: dict[str, Any] | None = None


@dataclass
class UsageCounter:
    """What a workspace (`scope` workspace) or one of its agents (`scope` the agent's id) used on one day in UTC. `told` names the limits of which people
    were told that day."""

    workspace_id: UUID
    scope: str
    day: date
    runs: int = 0
    tokens: int = 0
    cost: Decimal = Decimal(0)
    told: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunSummary:
    """A run in one line (domain: RunHistory). `seconds` is how long it took from its first start, None while it goes on; `calls` are its metered calls."""

    id: UUID
    agent_id: UUID | None
    trigger_type: str
    status: str
    queued_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float | None
    steps: int
    calls: int
    tokens: int
    cost: Decimal
    suggestions: int
    approvals: int


@dataclass
class Ceiling:
    """One limit that a run can meet while it goes on: tokens, or US dollars. `day` for one that ends with the day."""

    which: Which
    limit: int | Decimal
    used: int | Decimal
    day: date | None = None


class Budget:
    """What a run may still use: its own limits and what is left of the day when it began. Skills ask before a metered call and say what it used. Thread-safe."""

    def __init__(self, plan: Plan, tokens: Sequence[Ceiling] = (), cost: Sequence[Ceiling] = ()) -> None:
        self._plan: Plan = plan
        self._tokens, self._cost = tuple(tokens), tuple(cost)
        self._lock = threading.Lock()

    @property
    def tokens(self) -> int | None:
        """Tokens that are left, None for any number."""
        with self._lock:
            return min((max(int(c.limit - c.used), 0) for c in self._tokens), default=None)

    @property
    def cost(self) -> Decimal | None:
        """US dollars that are left, None for any amount."""
        with self._lock:
            return min((max(Decimal(c.limit - c.used), Decimal(0)) for c in self._cost), default=None)

    def need(self) -> None:
        """Before a metered call. Raises LimitReached `billing.limit_reached` when nothing is left."""
        with self._lock:
            for ceiling in (*self._tokens, *self._cost):
                if ceiling.used >= ceiling.limit:
                    raise reached(ceiling.which, ceiling.limit, ceiling.used, self._plan, ceiling.day)

    def spend(self, usage: Metered) -> None:
        """After it. Never raises: what was used was used."""
        with self._lock:
            for ceiling in self._tokens:
                ceiling.used += usage.tokens_prompt + usage.tokens_completion
            for ceiling in self._cost:
                ceiling.used += usage.cost or Decimal(0)
