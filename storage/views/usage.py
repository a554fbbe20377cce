"""What was used over time, and each run in one line. Nothing here grows with the age of a workspace: ids begin with their time, so that a period is a range of them."""

from collections import defaultdict
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Row, TextClause, text

from core.billing.models import WORKSPACE, RunSummary
from core.billing.ports import Period, UsageOfPeriod, Used
from core.kernel.ids import earliest_id
from storage.rows import from_row

WHO = """ AND (CAST(:agent AS uuid) IS NULL OR {agent} = CAST(:agent AS uuid))"""
COUNTED = """
    SELECT date_trunc(:period, day::timestamp)::date AS start, {key} AS agent, sum(runs) AS runs, sum(tokens) AS tokens, sum(cost) AS cost
    FROM nod.usage_counters WHERE workspace_id = (SELECT nod.current_workspace()) AND day BETWEEN :first AND :last AND {scope} GROUP BY 1, 2
"""
SUGGESTED = """
    SELECT date_trunc(:period, s.created_at AT TIME ZONE 'UTC')::date AS start, {agent} AS agent, count(*) AS n FROM nod.suggestions s
    WHERE s.workspace_id = (SELECT nod.current_workspace()) AND s.id >= :first_id AND s.id < :last_id AND s.created_at >= :began AND s.created_at < :ended {who}
    GROUP BY 1, 2
"""
APPROVED = """
    SELECT date_trunc(:period, a.decided_at AT TIME ZONE 'UTC')::date AS start, {agent} AS agent, count(*) AS n FROM nod.approvals a
    {suggestion}
    WHERE a.workspace_id = (SELECT nod.current_workspace()) AND a.id >= :first_id AND a.id < :last_id AND a.decided_at >= :began AND a.decided_at < :ended
    AND a.decision = 'approve' {who}
    GROUP BY 1, 2
"""
SUGGESTION = "JOIN nod.suggestions s ON s.workspace_id = a.workspace_id AND s.id = a.suggestion_id"
# A run's ledger rows begin with the time of its id.
HISTORY = text("""
    SELECT r.id, r.agent_id, r.trigger_type, r.status, r.queued_at, r.started_at, r.finished_at, r.tokens, r.cost,
        extract(epoch FROM r.finished_at - r.started_at)::float8 AS seconds,
        (SELECT count(*) FROM nod.run_steps s WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id) AS steps,
        (SELECT count(*) FROM nod.usage_ledger l WHERE l.workspace_id = r.workspace_id AND l.run_id = r.id AND l.kind <> 'run'
            AND l.id >= (left(r.id::text, 13) || '-0000-0000-000000000000')::uuid AND l.id <= (left(r.id::text, 13) || '-ffff-ffff-ffffffffffff')::uuid) AS calls,
        (SELECT count(*) FROM nod.suggestions s WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id) AS suggestions,
        (SELECT count(*) FROM nod.suggestions s JOIN nod.approvals a ON a.workspace_id = s.workspace_id AND a.suggestion_id = s.id
            WHERE s.workspace_id = r.workspace_id AND s.run_id = r.id AND a.decision = 'approve') AS approvals
    FROM nod.runs r
    WHERE r.workspace_id = (SELECT nod.current_workspace()) AND (CAST(:after AS uuid) IS NULL OR r.id < CAST(:after AS uuid))
    AND (CAST(:agent AS uuid) IS NULL OR r.agent_id = CAST(:agent AS uuid))
    ORDER BY r.id DESC LIMIT :most
""")


def analytics(
    connection: Connection, period: Period, first: date, last: date, agent_id: UUID | None, by_agent: bool
) -> list[UsageOfPeriod]:
    """core.billing.ports.Billing.analytics."""
    began, ended = _midnight(first), _midnight(last + timedelta(days=1))
    # Ids carry the application's clock, which may be off by some minutes.
    slack = timedelta(hours=1)
    given = {
        "period": period, "first": first, "last": last, "agent": agent_id, "began": began, "ended": ended, "scope": WORKSPACE,
        "first_id": earliest_id(began - slack), "last_id": earliest_id(ended + slack),
    }  # fmt: skip
    if agent_id is not None:
        given["scope"] = str(agent_id)
    of_agents = by_agent or agent_id is not None
    found: dict[tuple[date, UUID | None], dict[str, Any]] = defaultdict(dict)
    for row in connection.execute(_counted(by_agent and agent_id is None, of_agents), given):
        found[_place(row)]["used"] = Used(int(row.runs), int(row.tokens), row.cost)
    for name, statement in (("suggestions", _suggested(of_agents)), ("approvals", _approved(of_agents))):
        for row in connection.execute(statement, given):
            found[_place(row)][name] = row.n
    return [
        UsageOfPeriod(*place, facts.get("used", Used()), facts.get("suggestions", 0), facts.get("approvals", 0))
        for place, facts in sorted(found.items(), key=lambda one: (one[0][0], str(one[0][1])))
    ]


def history(connection: Connection, after: UUID | None, limit: int, agent_id: UUID | None) -> list[RunSummary]:
    """core.billing.ports.Billing.history."""
    given = {"after": after, "agent": agent_id, "most": limit}
    return [from_row(RunSummary, row) for row in connection.execute(HISTORY, given)]


def _counted(each: bool, of_agents: bool) -> TextClause:
    scope = f"scope <> '{WORKSPACE}'" if each else "scope = :scope"
    return text(COUNTED.format(key="scope::uuid" if of_agents else "NULL::uuid", scope=scope))


def _suggested(of_agents: bool) -> TextClause:
    agent = "s.agent_id" if of_agents else "NULL::uuid"
    return text(SUGGESTED.format(agent=agent, who=WHO.format(agent="s.agent_id")))


def _approved(of_agents: bool) -> TextClause:
    if not of_agents:
        return text(APPROVED.format(agent="NULL::uuid", suggestion="", who=""))
    return text(APPROVED.format(agent="s.agent_id", suggestion=SUGGESTION, who=WHO.format(agent="s.agent_id")))


def _place(row: Row[Any]) -> tuple[date, UUID | None]:
    return row.start, row.agent


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
