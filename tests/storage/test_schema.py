"""The schema is what the aggregates say, and the migrations make exactly what the tables declare."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints

import psycopg
import pytest
from sqlalchemy import NullPool, create_engine

from core.approvals.models import Approval, ExecutionAttempt, SuggestionRevision
from core.billing.models import LedgerEntry, UsageCounter
from core.catalog.models import AgentVersion, SkillVersion
from core.connectors.models import ConnectorExecution, DataSnapshot
from core.identity.models import OauthState, SlackInstallation
from core.messaging.answered import AnsweredRequest
from core.messaging.models import Conversation, InboundEvent, Message
from core.orchestration.models import RunStep
from core.privacy.models import HistoryPass
from core.workflows.models import EventMatch, TriggerFiring, WorkflowVersion
from storage.mapping import MAPPED
from storage.migrate import MIGRATIONS, at_head, head, migrate
from storage.tables import declared, metadata
from tests.databases import make_settings

AGGREGATES = {aggregate: table.name for aggregate, table in MAPPED.items()} | {
    AgentVersion: "agent_versions",
    SkillVersion: "skill_versions",
    WorkflowVersion: "workflow_versions",
    TriggerFiring: "trigger_firings",
    EventMatch: "event_matches",
    HistoryPass: "history_passes",
    LedgerEntry: "usage_ledger",
    UsageCounter: "usage_counters",
    SuggestionRevision: "suggestion_revisions",
    Approval: "approvals",
    ExecutionAttempt: "execution_attempts",
    ConnectorExecution: "connector_executions",
    DataSnapshot: "data_snapshots",
    RunStep: "run_steps",
    Message: "messages",
    InboundEvent: "inbound_events",
    Conversation: "conversations",
    SlackInstallation: "slack_installations",
    OauthState: "oauth_states",
    AnsweredRequest: "answered_requests",
}
OWN = {"events": "core.kernel.events.Event, with workspace and times", "data_keys": "the vault's own"}
ONLY_IN_TABLE = {
    "action_executions": {"decision"},
    "inbound_events": {"key_id", "claimed_by"},
    "slack_installations": {"key_id"},
}
MAY_BE_JSON_NULL = {("user_preferences", "value"), ("workflow_executions", "final_result"), ("questions", "about")}
PART = re.compile(r"_(\d{4}_\d{2}|rest)$")


@pytest.mark.parametrize("aggregate", AGGREGATES, ids=lambda aggregate: aggregate.__name__)
def test_every_field_of_an_aggregate_is_a_column_with_the_same_nullability(aggregate: type) -> None:
    name = AGGREGATES[aggregate]
    table = metadata.tables[f"nod.{name}"]
    hints = get_type_hints(aggregate)
    wanted = {field.name: _may_be_none(hints[field.name]) for field in fields(aggregate)}
    columns = {column.name: column.nullable for column in table.c if column.name not in ONLY_IN_TABLE.get(name, set())}
    for place in MAY_BE_JSON_NULL:
        if place[0] == name:
            columns[place[1]] = wanted[place[1]]
    assert columns == wanted


def test_every_table_belongs_to_an_aggregate_and_has_declared_rules() -> None:
    tables = {table.name for table in metadata.tables.values()}
    assert tables == set(AGGREGATES.values()) | set(OWN)
    assert tables == set(declared)


def test_an_empty_database_is_migrated_quickly_and_a_second_time_changes_nothing(
    fresh_database: str, tmp_path: Path
) -> None:
    settings = make_settings(fresh_database, tmp_path)
    assert not at_head(settings)
    began = time.perf_counter()
    migrate(settings)
    took = time.perf_counter() - began
    assert at_head(settings)
    before = _catalogue(fresh_database)
    migrate(settings)
    assert _catalogue(fresh_database) == before
    assert took < 60, "1.5 s is the aim on an idle machine"


def test_starts_at_the_same_time_do_not_collide(fresh_database: str, tmp_path: Path) -> None:
    settings = make_settings(fresh_database, tmp_path)
    with ThreadPoolExecutor(4) as starts:
        for start in [starts.submit(migrate, settings) for _ in range(4)]:
            start.result()
    assert at_head(settings)


def test_a_server_that_is_away_is_not_at_head(tmp_path: Path) -> None:
    assert not at_head(make_settings(f"postgresql://nod:x@/nod?host={tmp_path}", tmp_path))


def test_the_migrations_make_what_the_tables_declare(owner_url: str, fresh_database: str) -> None:
    with psycopg.connect(fresh_database, autocommit=True) as owner:
        owner.execute("CREATE SCHEMA nod AUTHORIZATION nod_owner")
    engine = create_engine(fresh_database.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET LOCAL ROLE nod_owner")
        metadata.create_all(connection)
    declared_ones, migrated = _structure(fresh_database), _structure(owner_url)
    for kind, rows in declared_ones.items():
        assert migrated[kind] == rows, kind


def test_alembic_sees_no_difference(owner_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    engine = create_engine(owner_url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"include_schemas": True, "include_name": _only_ours, "version_table_schema": "nod"}
        )
        assert compare_metadata(context, metadata) == []


def test_the_rules_in_the_database_are_the_declared_ones(owner_url: str) -> None:
    before = _rules(owner_url)
    with psycopg.connect(owner_url) as owner:
        for table, rules in declared.items():
            for (policy,) in owner.execute(
                "SELECT policyname FROM pg_policies WHERE schemaname = 'nod' AND tablename = %s", (table,)
            ).fetchall():
                owner.execute(f"DROP POLICY {policy} ON nod.{table}")  # type: ignore[arg-type]
            owner.execute(f"REVOKE ALL ON nod.{table} FROM nod_app, nod_doors, nod_batches")  # type: ignore[arg-type]
            for statement in rules.statements():
                owner.execute(statement)  # type: ignore[arg-type]
    assert _rules(owner_url) == before


def test_head_is_the_last_migration(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        assert owner.execute("SELECT version_num FROM nod.alembic_version").fetchone() == (head(),)
    from alembic.script import ScriptDirectory

    assert ScriptDirectory(str(MIGRATIONS)).get_heads() == [head()]


def _may_be_none(hint: Any) -> bool:
    if hint is Any:
        return True
    return get_origin(hint) in (Union, UnionType) and type(None) in get_args(hint)


def _only_ours(name: str | None, kind: str, parents: Any) -> bool:
    if kind == "schema":
        return name == "nod"
    return kind != "table" or (name not in ("alembic_version", "context_keys") and not PART.search(name or ""))


def _structure(url: str) -> dict[str, list[Any]]:
    """Columns, constraints and indexes of the declared tables."""
    return {
        "columns": _asked(
            url,
            "SELECT table_name, column_name, data_type, is_nullable, generation_expression FROM information_schema.columns "
            "WHERE table_schema = 'nod' AND table_name = ANY(%s) ORDER BY 1, 2",
        ),
        "constraints": _asked(
            url,
            "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint "
            "WHERE connamespace = 'nod'::regnamespace AND conrelid::regclass::text = ANY(%s) ORDER BY 1, 2",
            "nod.",
        ),
        "indexes": _asked(
            url, "SELECT indexdef FROM pg_indexes WHERE schemaname = 'nod' AND tablename = ANY(%s) ORDER BY 1"
        ),
    }


def _rules(url: str) -> dict[str, list[Any]]:
    return {
        "policies": _asked(
            url,
            "SELECT tablename, policyname, permissive, roles, cmd, qual, with_check FROM pg_policies "
            "WHERE schemaname = 'nod' AND tablename = ANY(%s) ORDER BY 1, 2",
        ),
        "grants": _asked(
            url,
            "SELECT c.relname, a.attname, c.relacl::text, a.attacl::text FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid "
            "WHERE c.relnamespace = 'nod'::regnamespace AND a.attnum > 0 AND c.relname = ANY(%s) AND c.relkind IN ('r', 'p') ORDER BY 1, 2",
        ),
    }


def _catalogue(url: str) -> dict[str, list[Any]]:
    return _structure(url) | _rules(url)


def _asked(url: str, question: str, prefix: str = "") -> list[Any]:
    with psycopg.connect(url) as owner:
        tables = [prefix + table.name for table in metadata.tables.values()]
        return owner.execute(question, (tables,)).fetchall()  # type: ignore[arg-type]
