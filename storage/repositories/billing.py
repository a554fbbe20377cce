"""The ledger and the day's counters."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Date, Integer, Numeric, Text, all_, bindparam, func, literal, select, text, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT
from sqlalchemy.dialects.postgresql import insert as upsert

from core.billing.models import WORKSPACE, LedgerEntry, RunSummary, UsageCounter
from core.billing.ports import Countable, Period, UsageOfPeriod, Used
from core.identity.models import Subscription, Tier
from storage.repositories.base import Repository
from storage.rows import from_row, to_row
from storage.tables.billing import usage_counters as counters
from storage.tables.billing import usage_ledger as ledger
from storage.tables.catalog import agents
from storage.tables.connectors import connections
from storage.tables.identity import subscriptions
from storage.tables.orchestration import runs
from storage.tables.workflows import triggers
from storage.views.usage import analytics, history

ADD = text(
    """
    INSERT INTO nod.usage_counters AS c (workspace_id, scope, day, runs, tokens, cost, told)
    SELECT :workspace, w.scope, :day, w.runs, w.tokens, w.cost, '{}' FROM unnest(:scopes, :runs, :tokens, :cost) AS w (scope, runs, tokens, cost)
    ON CONFLICT (workspace_id, scope, day) DO UPDATE SET runs = c.runs + EXCLUDED.runs, tokens = c.tokens + EXCLUDED.tokens, cost = c.cost + EXCLUDED.cost
    RETURNING c.workspace_id, c.scope, c.day, c.runs, c.tokens, c.cost, c.told
    """
).bindparams(
    bindparam("day", type_=Date),
    bindparam("scopes", type_=ARRAY(Text)),
    bindparam("runs", type_=ARRAY(Integer)),
    bindparam("tokens", type_=ARRAY(BIGINT)),
    bindparam("cost", type_=ARRAY(Numeric(18, 8))),
)
ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended(:what, 0))")


class SqlBilling(Repository):
    """core.billing.ports.Billing."""

    def tier(self) -> Tier:
        c = subscriptions.c
        mine = select(c.tier).where(c.workspace_id == self._t.workspace_id, c.status == "active")
        return self._t.connection.execute(mine).scalar_one_or_none() or "free"

    def subscription(self) -> Subscription | None:
        mine = select(Subscription).where(subscriptions.c.status == "active").with_for_update()
        return self._t.session.scalars(mine).one_or_none()

    def end(self, subscription: Subscription, at: datetime) -> None:
        subscription.status, subscription.end = "cancelled", at
        self._t.flush()

    def add(self, day: date, used: Mapping[str, Used]) -> dict[str, UsageCounter]:
        # The rows are locked in the order in which they stand here.
        scopes = sorted(used, key=lambda scope: (scope != WORKSPACE, scope))
        given = {
            "workspace": self._t.workspace_id,
            "day": day,
            "scopes": scopes,
            "runs": [used[scope].runs for scope in scopes],
            "tokens": [used[scope].tokens for scope in scopes],
            "cost": [used[scope].cost for scope in scopes],
        }
        return {row.scope: from_row(UsageCounter, row) for row in self._t.connection.execute(ADD, given)}

    def take_back(self, day: date, runs: Mapping[str, int]) -> None:
        c = counters.c
        less = (
            update(counters)
            .where(c.workspace_id == self._t.workspace_id, c.day == day, c.scope == bindparam("of"))
            .values(runs=c.runs - bindparam("less"))
        )
        self._t.connection.execute(less, [{"of": scope, "less": n} for scope, n in runs.items()])

    def counters(self, day: date, scopes: Sequence[str]) -> dict[str, UsageCounter]:
        c = counters.c
        mine = select(counters).where(c.workspace_id == self._t.workspace_id, c.day == day, c.scope.in_(scopes))
        return {row.scope: from_row(UsageCounter, row) for row in self._t.connection.execute(mine)}

    def tell(self, day: date, name: str) -> bool:
        c = counters.c
        empty = {"runs": 0, "tokens": 0, "cost": 0, "told": [name]}
        note = (
            upsert(counters)
            .values(workspace_id=self._t.workspace_id, scope=WORKSPACE, day=day, **empty)
            .on_conflict_do_update(
                index_elements=["workspace_id", "scope", "day"],
                set_={"told": func.array_append(c.told, name)},
                where=literal(name) != all_(c.told),
            )
            .returning(c.day)
        )
        return self._t.connection.execute(note).one_or_none() is not None

    def write(self, entries: Sequence[LedgerEntry]) -> set[UUID]:
        if not entries:
            return set()
        append = upsert(ledger).on_conflict_do_nothing(index_elements=["workspace_id", "id"]).returning(ledger.c.id)
        return set(self._t.connection.scalars(append.values([to_row(entry) for entry in entries])))

    def of_run(self, run_id: UUID) -> list[LedgerEntry]:
        # The rows begin with the time of the id of their run.
        time = run_id.int >> 80 << 80
        within = ledger.c.id.between(UUID(int=time), UUID(int=time | (1 << 80) - 1))
        mine = select(ledger).where(within, ledger.c.run_id == run_id).order_by(ledger.c.id)
        return [from_row(LedgerEntry, row) for row in self._t.connection.execute(mine)]

    def count(self, thing: Countable, without: Sequence[str] = ()) -> int:
        self._t.flush()
        rows = {
            "agents": select(func.count()).select_from(agents),
            "connections": select(func.count()).where(
                connections.c.status != "revoked", connections.c.integration.not_in(without)
            ),
            "triggers": select(func.count()).where(triggers.c.status == "active"),
            "runs_at_once": select(func.count()).where(runs.c.status == "running"),
        }
        return self._t.connection.execute(rows[thing]).scalar_one()

    def queue(self, thing: Countable) -> None:
        self._t.connection.execute(ONE_AT_A_TIME, {"what": f"nod {thing} {self._t.workspace_id}"})

    def analytics(
        self, period: Period, first: date, last: date, agent_id: UUID | None, by_agent: bool
    ) -> list[UsageOfPeriod]:
        return analytics(self._t.connection, period, first, last, agent_id, by_agent)

    def history(self, after: UUID | None, limit: int, agent_id: UUID | None = None) -> list[RunSummary]:
        return history(self._t.connection, after, limit, agent_id)
