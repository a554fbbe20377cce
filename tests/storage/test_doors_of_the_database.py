"""The directory and what is due: questions across workspaces that answer ids, and nothing to those who stand inside one."""

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from core.identity.prove import by_key, close_session, digest, make_code, make_key, open_session, revoke_key
from core.kernel.actor import Actor
from core.kernel.due import DueItem
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.workflows.models import Trigger
from storage import Storage
from storage.vault import NOWHERE
from tests.databases import somebody
from tests.storage.arrange import a_delivery, a_run, a_suggestion, an_agent, an_execution, app_connection, enter


def test_a_person_is_found_by_account_address_session_key_and_code(storage: Storage) -> None:
    actor = somebody(storage, "Ann@Example.org")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        secret = open_session(work, actor.user_id)
        _, key = make_key(work, actor, "script", ["read", "approve"])
        code = make_code(work, actor).replace("-", "")
        work.commit()
    directory = storage.directory
    found = [
        directory.by_link("web", "", actor.user_id.hex),
        directory.by_email(" ann@example.ORG "),
        directory.by_session(digest(secret)),
        directory.by_link_code(digest(code)),
    ]
    for known in found:
        assert known is not None
        assert (known.user_id, known.workspace_id, known.role) == (actor.user_id, actor.workspace_id, "owner")
        assert known.secret_hash is None
    assert found[0] is not None
    assert found[0].id == actor.link_id
    by_program = directory.by_api_key(key.split("_")[1])
    assert by_program is not None
    assert (by_program.secret_hash, by_program.scopes) == (digest(key), ("approve", "read"))
    assert by_key(directory, key).user_id == actor.user_id


def test_who_is_revoked_expired_suspended_or_deleted_is_not_found(storage: Storage) -> None:
    actor = somebody(storage, "ann@example.org")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        secret = open_session(work, actor.user_id)
        key, full = make_key(work, actor, "script", ["read"])
        code = make_code(work, actor).replace("-", "")
        work.commit()
    directory = storage.directory
    session = directory.by_session(digest(secret))
    known_code = directory.by_link_code(digest(code))
    assert session is not None
    assert known_code is not None
    with storage.work(actor.workspace_id, actor.user_id) as work:
        close_session(work, session.id)
        revoke_key(work, actor, key.id)
        work.people.link_code(known_code.id).used_at = work.now
        work.commit()
    assert directory.by_session(digest(secret)) is None
    assert directory.by_api_key(full.split("_")[1]) is None
    assert directory.by_link_code(digest(code)) is None
    for status in ("suspended", "deleted"):
        with storage.work(actor.workspace_id, actor.user_id) as work:
            work.people.user(actor.user_id).status = status
            work.commit()
        assert directory.by_email("ann@example.org") is None
        assert directory.by_link("web", "", actor.user_id.hex) is None
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.user(actor.user_id).status = "active"
        work.people.workspace().status = "suspended"
        work.commit()
    assert directory.by_email("ann@example.org") is None


@pytest.mark.parametrize("odd", ["", "'", "a\0b", "%", "ann@example.org' OR '1'='1", "x" * 10_000, "\ud800"])
def test_odd_questions_find_nobody(storage: Storage, odd: str) -> None:
    somebody(storage, "ann@example.org")
    assert storage.directory.by_email(odd) is None
    assert storage.directory.by_link("web", odd, odd) is None


def test_what_is_due_is_found_in_every_workspace(storage: Storage) -> None:
    ann, bob = somebody(storage), somebody(storage)
    runs = {a_run(storage, actor).id: actor for actor in (ann, bob)}
    assert {item.id: (item.workspace_id, item.user_id) for item in storage.due.due("runs", 10)} == {
        id: (actor.workspace_id, actor.user_id) for id, actor in runs.items()
    }
    assert len(storage.due.due("runs", 1)) == 1
    assert storage.due.depth()["runs"] == 2


def test_a_run_is_due_while_it_waits_and_again_when_its_lease_ran_out(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)
    for lease, due in ((60, []), (-1, [run.id])):
        _queue_again(storage, actor, run.id)
        with storage.work(actor.workspace_id, actor.user_id) as work:
            assert work.runs.claim(run.id, lease) is not None
            work.commit()
        assert [item.id for item in storage.due.due("runs", 10)] == due


def test_executions_are_due_by_their_state(storage: Storage) -> None:
    actor = somebody(storage)
    ready = an_execution(storage, actor)
    item = DueItem(ready.id, actor.workspace_id, actor.user_id)
    later = an_execution(storage, actor, status="held")
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.executions.get(later.id).due_at = work.now + timedelta(minutes=1)
        work.commit()
    assert storage.due.due("executions", 10) == [item]
    _claim(storage, actor, ready.id, 60)
    assert storage.due.due("executions", 10) == []
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.executions.move(ready.id, 1, "claimed", "sending", lease_seconds=-1)
        work.commit()
    assert storage.due.due("sending", 10) == [item]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.executions.move(ready.id, 1, "sending", "unknown", due_at=work.now)
        work.commit()
    assert storage.due.due("sending", 10) == []
    assert storage.due.due("lookups", 10) == [item]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.executions.claim_lookup(ready.id, 60) is not None
        work.commit()
    assert storage.due.due("lookups", 10) == []


def test_deliveries_are_due_by_channel_urgent_ones_first(storage: Storage) -> None:
    actor = somebody(storage)
    digest_, receipt = a_delivery(storage, actor, priority=2), a_delivery(storage, actor, priority=0)
    a_delivery(storage, actor, channel="telegram")
    a_delivery(storage, actor, status="failed")
    shown = a_delivery(storage, actor, shown=1)
    assert [item.id for item in storage.due.due("deliveries", 10, "web")] == [receipt.id, digest_.id]
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.messages.refresh("run", shown.subject_id) == [(shown.id, "web")]
        assert work.messages.claim(receipt.id, 60) is not None
        work.commit()
    assert {item.id for item in storage.due.due("deliveries", 10, "web")} == {digest_.id, shown.id}


def test_triggers_are_due_at_their_time_while_they_are_active(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        made = [
            Trigger(
                new_id(), actor.workspace_id, actor.user_id, "schedule", work.now, agent_id=agent.id, status=status,
                cron="0 8 * * *", next_fire_at=work.now + timedelta(minutes=minutes),
            )
            for status, minutes in (("active", 0), ("paused", 0), ("active", 5))
        ]  # fmt: skip
        for trigger in made:
            work.triggers.add(trigger)
        work.commit()
    assert storage.due.due("triggers", 10) == [DueItem(made[0].id, actor.workspace_id, actor.user_id)]


def test_suggestions_are_due_for_expiry_the_end_of_a_snooze_and_one_reminder(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        now = work.now
    hour, day = timedelta(hours=1), timedelta(days=1)
    due = {
        a_suggestion(storage, actor, key="expired", expires_at=now - hour)[0].id,
        a_suggestion(storage, actor, key="woke", status="snoozed", snoozed_until=now - hour)[0].id,
        a_suggestion(storage, actor, key="remind", expires_at=now + hour)[0].id,
    }
    a_suggestion(storage, actor, key="reminded", expires_at=now + hour, rung=3)
    a_suggestion(storage, actor, key="fresh", expires_at=now + 5 * day)
    a_suggestion(storage, actor, key="asleep", status="snoozed", snoozed_until=now + hour)
    a_suggestion(storage, actor, key="done", status="approved", expires_at=now - hour)
    assert {item.id for item in storage.due.due("suggestions", 10)} == due


def test_inside_a_workspace_the_doors_answer_nothing(storage: Storage, settings: Settings) -> None:
    ann, bob = somebody(storage, "ann@example.org"), somebody(storage)
    a_run(storage, ann)
    with app_connection(settings) as app:
        for context in (None, bob, ann):
            if context is not None:
                enter(app, settings, context)
            for question in (
                "SELECT count(*) FROM nod.directory_by_email('ann@example.org')",
                f"SELECT count(*) FROM nod.directory_by_link('web', '', '{ann.user_id.hex}')",
                "SELECT count(*) FROM nod.due_runs(10)",
                "SELECT sum(rows)::int FROM nod.depth()",
                "SELECT count(*) FROM nod.people_under_other_keys('x', 10)",
            ):
                assert app.execute(question).fetchone() == (0,), question  # type: ignore[arg-type]
            app.rollback()


def test_at_the_door_no_row_of_any_workspace_is_seen(storage: Storage, settings: Settings) -> None:
    ann = somebody(storage)
    a_run(storage, ann)
    with app_connection(settings) as app:
        enter(app, settings, Actor(NOWHERE, NOWHERE, "viewer", "test"))
        assert app.execute("SELECT nod.at_the_door()").fetchone() == (True,)
        for table in ("runs", "users", "workspaces", "memberships", "identity_links", "events", "data_keys"):
            assert app.execute(f"SELECT count(*) FROM nod.{table}").fetchone() == (0,)  # type: ignore[arg-type]


def test_doors_answer_ids_only(owner_url: str) -> None:
    allowed = {
        "id",
        "user_id",
        "workspace_id",
        "role",
        "scopes",
        "secret_hash",
        "kind",
        "rows",
        "at",
        "now",
        "seconds",
        None,
    }
    with psycopg.connect(owner_url) as owner:
        doors = owner.execute(
            "SELECT proname, prosecdef, pg_get_userbyid(proowner), proconfig, pg_get_function_result(oid), proargnames, proargmodes::text[] "
            "FROM pg_proc WHERE pronamespace = 'nod'::regnamespace AND proname NOT IN ('make_parts', 'drop_part', 'first_id', 'erase_me', 'erase_from', "
            # tests/security/test_batches.py
            "'claim_batches', 'end_batches', 'end_unclaimed', 'proved_places')"
        ).fetchall()
    assert len(doors) > 15
    for name, definer, owner_name, config, result, names, modes in doors:
        assert (definer, owner_name) == (True, "nod_doors"), name
        planned = ["enable_sort=off"] if name == "due_runs" else []
        assert config == ["search_path=pg_catalog, pg_temp", *planned], name
        answers = {n for n, mode in zip(names or [], modes or [], strict=True) if mode == "t"} if modes else set()
        assert answers <= allowed, name
        assert answers or result in ("uuid", "text", "boolean", "SETOF uuid", "SETOF text"), name


def test_what_forgets_runs_as_the_owner_with_a_fixed_search_path(owner_url: str) -> None:
    with psycopg.connect(owner_url) as owner:
        found = owner.execute(
            "SELECT proname, prosecdef, pg_get_userbyid(proowner), proconfig, has_function_privilege('nod_app', oid, 'EXECUTE') "
            "FROM pg_proc WHERE pronamespace = 'nod'::regnamespace AND proname LIKE 'erase%' ORDER BY 1"
        ).fetchall()
    path = ["search_path=pg_catalog, pg_temp"]
    assert found == [("erase_from", True, "nod_owner", path, False), ("erase_me", True, "nod_owner", path, True)]


def _claim(storage: Storage, actor: Actor, execution_id: Any, lease: float) -> None:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.executions.claim(execution_id, lease) is not None
        work.commit()


def _queue_again(storage: Storage, actor: Actor, run_id: Any) -> None:
    with storage.work(actor.workspace_id, actor.user_id) as work:
        run = work.runs.get(run_id)
        run.status, run.lease_until = "queued", None
        work.commit()
