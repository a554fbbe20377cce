"""What was used, as it is kept: rows of the ledger and counters of the day; and what a run may still use."""

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

LedgerKind = Literal["run", "model", "tool", "other"]
WORKSPACE = "workspace"
"""The scope of the counter that holds for everything in a workspace."""


class Usage(BaseModel):
    """What one metered call used. `cost` in US dollars, None when no price is known; `price` is what it was reckoned with, kept as it was at the time."""

    model_config = ConfigDict(frozen=True)

    tokens_prompt: int = Field(default=0, ge=0)
    tokens_completion: int = Field(default=0, ge=0)
    cost: Decimal | None = None
    kind: LedgerKind = "model"
    provider: str | None = None
    model: str | None = None
    price: dict[str, Any] | None = None


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
