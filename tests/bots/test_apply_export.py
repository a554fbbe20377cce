"""A workspace as YAML, both ways: the same text makes the same things, once, and every refusal says where and why."""

from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import yaml
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from bots.kit.contracts import contracts
from core.catalog.configure import create_agent
from core.catalog.kinds import template
from core.connectors.connect import connect
from core.kernel.actor import Actor
from core.kernel.errors import Failure
from core.workflows.documents import Applied, apply_document, export_document, plan_changes
from core.workflows.documents.reading import read
from core.workflows.documents.writing import write
from storage import Storage
from tests.databases import somebody

EVERYTHING = (Path(__file__).parent / "everything.yaml").read_text("utf-8")


@pytest.fixture
def me(storage: Storage) -> Actor:
    return somebody(storage)


def apply(storage: Storage, actor: Actor, text: str, *, commit: bool = True) -> Applied:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        applied = apply_document(work, actor, contracts(), text)
        if commit:
            work.commit()
    return applied


def export(storage: Storage, actor: Actor) -> str:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return export_document(work, actor)


def counts(storage: Storage, actor: Actor) -> dict[str, int]:
    """How many rows of everything that a document could make, and how many events."""
    from sqlalchemy import text

    tables = ("agents", "agent_versions", "skills", "skill_versions", "packs", "workflows", "workflow_versions",
              "triggers", "connections", "events")  # fmt: skip
    with storage.work(actor.workspace_id, actor.user_id) as work:
        return {t: work._t.connection.execute(text(f"SELECT count(*) FROM nod.{t}")).scalar_one() for t in tables}


def hows(applied: Applied) -> set[str]:
    return {each.how for each in applied.changes}


def test_an_export_applied_to_an_empty_workspace_exports_the_same_text(storage: Storage, me: Actor) -> None:
    first = apply(storage, me, EVERYTHING)
    assert hows(first) == {"added"}
    text = export(storage, me)
    assert {document["kind"] for document in yaml.safe_load_all(text)} == {"skill", "agent", "pack", "workflow", "trigger"}
    other = somebody(storage)
    apply(storage, other, text)
    assert export(storage, other) == text
    assert str(me.user_id) not in text and "whsec_" not in text


def test_applying_twice_changes_nothing(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before = counts(storage, me)
    for text in (EVERYTHING, export(storage, me)):
        again = apply(storage, me, text)
        assert hows(again) == {"unchanged"} and not again.secrets and not again.differs
    assert counts(storage, me) == before


def test_a_dry_run_tells_what_differs_and_changes_nothing(storage: Storage, me: Actor) -> None:
    apply(storage, me, EVERYTHING)
    before, text = counts(storage, me), export(storage, me)
    edited = EVERYTHING.replace("every: 7", "every: 8").replace('"0 8 * * 1-5"', '"0 9 * * 1-5"')
    with storage.work(me.workspace_id, me.user_id) as work:
        planned = plan_changes(work, me, contracts(), edited)
    told = {(each.kind, each.name): each.changes for each in planned if each.how == "changed"}
    assert set(told) == {("agent", "Adds one"), ("trigger", "Mornings")}
    (setting,) = told["agent", "Adds one"]
    assert (setting.place, setting.how, setting.old, setting.new) == ("settings.every", "changed", 7, 8)
    (cron,) = told["trigger", "Mornings"]
    assert (cron.place, cron.old, cron.new) == ("cron", "0 8 * * 1-5", "0 9 * * 1-5")
    assert counts(storage, me) == before and export(storage, me) == text
