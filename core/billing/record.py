"""What was used, written down once: a row per run and per metered call, in the transaction of the step that made it."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import cast, get_args
from uuid import UUID

from core.billing.limits import today
from core.billing.models import WORKSPACE, LedgerEntry, LedgerKind, Metered
from core.billing.ports import BillingWork, MeteredRun, MeteredStep, Used

SMALLEST = Decimal("0.00000001")
"""US dollars are kept to so many places; rounded before they are added up, so that every sum agrees."""


def record(work: BillingWork, entries: Sequence[LedgerEntry]) -> dict[UUID, Used]:
    """Writes rows of any number of runs, as made by ledger_calls and ledger_rows, and counts them for the day. Answers for each run what was not there before.
    At most two statements, one for runs that used nothing; to be called late in a transaction, because the workspace's counter stays locked until the commit."""
    if not entries:
        return {}
    new = work.billing.write(entries)
    of_runs: dict[UUID, Used] = defaultdict(Used)
    of_scopes: dict[str, Used] = defaultdict(Used)
    for entry in entries:
        used = Used(tokens=entry.tokens_prompt + entry.tokens_completion, cost=entry.cost)
        if entry.id not in new or used == Used():
            continue
        of_runs[entry.run_id] += used
        for scope in (WORKSPACE, *([str(entry.agent_id)] if entry.agent_id else [])):
            of_scopes[scope] += used
    if of_scopes:
        work.billing.add(today(work.now), of_scopes)
    return dict(of_runs)


def ledger_calls(run: MeteredRun, step: MeteredStep, usages: Sequence[Metered], at: datetime) -> list[LedgerEntry]:
    """The rows of one step's metered calls. Their ids are made of run, fence, node, index, attempt and the call's place in `usages`."""
    return [
        LedgerEntry(
            id=entry_id(run.id, run.fence, step.node_id, step.index, step.attempt, n), workspace_id=run.workspace_id, user_id=run.user_id,
            run_id=run.id, kind=_kind(usage.kind), at=at, agent_id=run.agent_id, node_id=step.node_id, provider=usage.provider, model=usage.model,
            tokens_prompt=usage.tokens_prompt, tokens_completion=usage.tokens_completion, cost=(usage.cost or Decimal(0)).quantize(SMALLEST), price=usage.price,
        )
        for n, usage in enumerate(usages)
    ]  # fmt: skip


def ledger_rows(runs: Iterable[MeteredRun], at: datetime) -> list[LedgerEntry]:
    """The row of each run itself, for the transaction that ends it."""
    return [
        LedgerEntry(
            id=entry_id(run.id, "run"), workspace_id=run.workspace_id, user_id=run.user_id, run_id=run.id, kind="run",
            at=run.started_at or at, agent_id=run.agent_id,
        )
        for run in runs
    ]  # fmt: skip


def entry_id(run_id: UUID, *what: object) -> UUID:
    """A UUIDv7 (RFC 9562, section 5.7) with the time of the run's own id, so that its rows lie in the same month; the rest is a hash of `what`: the same call
    has the same id, whoever writes it."""
    rest = hashlib.sha256(repr((run_id.bytes, *what)).encode()).digest()
    number = int.from_bytes(run_id.bytes[:6] + rest[:10])
    return UUID(int=number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62)


def _kind(kind: str) -> LedgerKind:
    return cast(LedgerKind, kind) if kind in get_args(LedgerKind) and kind != "run" else "other"
