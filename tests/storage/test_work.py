"""The unit of work: all or nothing, optimistic versions, events and bells after the commit."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.catalog.models import AgentConfig
from core.identity.models import Subscription
from core.identity.register import register
from core.kernel.errors import Conflict, NotFound, Unavailable
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from core.orchestration.models import RunStep
from core.preferences.choose import prefer
from storage import Storage, open_storage
from storage.bell import RedisBell
from storage.values import dumps
from tests.databases import make_settings, somebody
from tests.ears import Ears
from tests.storage.arrange import a_delivery, a_message, a_run, a_suggestion, an_agent


def test_what_is_not_committed_never_happened(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.user(actor.user_id).name = "Nobody"
        work.record(Event("thing.happened", actor.workspace_id, actor.user_id, {}))
        said = a_message(work, actor, "never")
        work.messages.add(said)
        assert work.messages.get(said.id) == said
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.people.user(actor.user_id).name == "Somebody"
        with pytest.raises(NotFound):
            work.messages.get(said.id)


def test_now_is_the_databases_clock_in_utc(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.now.tzinfo == UTC
        assert work.people.user(actor.user_id).created_at.tzinfo == UTC


def test_a_clock_of_ours_that_is_wrong_changes_nothing(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    import time_machine

    actor = somebody(storage)
    for shift in (-3600 * 24, 3600 * 24):
        with time_machine.travel(1_800_000_000 + shift), storage.work(actor.workspace_id, actor.user_id) as work:
            work.people.user(actor.user_id)


def test_a_context_that_a_jump_of_the_databases_clock_made_old_is_signed_anew(storage: Storage) -> None:
    actor = somebody(storage)
    storage._database._ahead = 0.0
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.user(actor.user_id)


def test_of_two_threads_that_change_the_same_aggregate_one_is_told(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    both_read = threading.Barrier(2)

    def rename(name: str) -> str:
        with storage.work(actor.workspace_id, actor.user_id) as work:
            mine = work.agents.get(agent.id)
            both_read.wait()
            mine.name = name
            try:
                work.commit()
            except Conflict as stale:
                return stale.code
            return name

    with ThreadPoolExecutor(2) as threads:
        answers = sorted(threads.map(rename, ["one", "two"]))
    assert answers[0] == "kernel.version_stale"
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.agents.get(agent.id)
        assert kept.name == answers[1]
        assert kept.version == 2


def test_a_value_changed_in_place_is_kept(storage: Storage) -> None:
    actor = somebody(storage)
    suggestion, _ = a_suggestion(storage, actor)
    agent = an_agent(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.suggestions.get(suggestion.id).evidence.append({"quote": "one more"})
        work.people.profile(actor.user_id).tip_kinds.append("focus")
        work.agents.get(agent.id).config = AgentConfig(behaviour={"a": 1})
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert len(work.suggestions.get(suggestion.id).evidence) == 2
        assert work.people.profile(actor.user_id).tip_kinds == ["focus"]
        assert work.agents.get(agent.id).config.behaviour == {"a": 1}
        unchanged = work.agents.get(agent.id).version
        work.commit()
        assert work.agents.get(agent.id).version == unchanged


def test_what_was_just_added_is_found_in_the_same_work(storage: Storage) -> None:
    workspace_id, user_id = new_id(), new_id()
    with storage.work(workspace_id, user_id) as work:
        register(work, user_id, "new@example.org")
        assert work.people.user(user_id).email == "new@example.org"
        assert work.people.workspace().owner_id == user_id
        assert work.people.profile(user_id).timezone == "UTC"


def test_touching_an_agent_is_no_new_version(storage: Storage) -> None:
    actor = somebody(storage)
    agent = an_agent(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        before = work.agents.get(agent.id).version
        work.agents.touch(agent.id)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        touched = work.agents.get(agent.id)
        assert touched.last_run_at is not None
        assert touched.version == before


def test_an_address_belongs_to_one_person_whatever_its_case(storage: Storage) -> None:
    somebody(storage, "ann@example.org")
    with pytest.raises(Conflict) as taken:
        somebody(storage, "ANN@example.org")
    assert taken.value.code == "identity.email_taken"


def test_what_json_cannot_hold_is_replaced_not_refused(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        prefer(
            work, actor, "orchestrator", "odd", {"nul": "a\0b", "lone": "\ud800!", "path": "C:\\u0000", "smile": "😀"}
        )
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.preferences.preference(actor.user_id, "orchestrator", "odd")
        assert kept is not None
        assert kept.value == {"nul": "a\ufffdb", "lone": "\ufffd!", "path": "C:\\u0000", "smile": "😀"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"id": UUID(int=1), "at": datetime(2026, 11, 24, 12, tzinfo=UTC)}, '{"id":"00000000-0000-0000-0000-000000000001","at":"2026-11-24T12:00:00Z"}'),
        (["NaN", "Infinity", "\\u0000"], '["NaN","Infinity","\\\\u0000"]'),
("x\0y", '"x\\ufffdy"'),
        ("\ud800", '"\\ufffd"'),
    ],
)  # fmt: skip
def test_json_is_written_as_jsonb_takes_it(value: object, text: str) -> None:
    assert dumps(value) == text


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_no_json_is_made_of_what_is_no_number(number: float) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dumps({"value": number})


def test_a_preference_may_be_null(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        prefer(work, actor, "orchestrator", "nothing", None)
        work.commit()
    with storage.work(actor.workspace_id, actor.user_id) as work:
        kept = work.preferences.preference(actor.user_id, "orchestrator", "nothing")
        assert kept is not None
        assert kept.value is None


def test_a_finished_step_is_never_replaced_and_an_unfinished_one_is(storage: Storage) -> None:
    actor = somebody(storage)
    run = a_run(storage, actor)

    def step(status: Any, output: int) -> RunStep:
        return RunStep(
            new_id(), actor.workspace_id, run.id, "a", 0, "mail.fetch", status, {}, run.created_at, {"n": output}
        )

    with storage.work(actor.workspace_id, actor.user_id) as work:
        for status, output in (("running", 1), ("failed", 2), ("succeeded", 3), ("running", 4)):
            work.runs.put_step(step(status, output))
        kept = work.runs.steps(run.id)
    assert [(s.status, s.outputs) for s in kept] == [("succeeded", {"n": 3})]


def test_a_server_that_is_away_is_unavailable_and_says_nothing_secret(tmp_path: Path) -> None:
    away = open_storage(make_settings(f"postgresql://nod:topsecret@/nod?host={tmp_path}", tmp_path))
    with pytest.raises(Unavailable) as failed, away.work(new_id(), new_id()) as work:
        work.people.user(new_id())
    assert failed.value.code == "kernel.database_away"
    assert "topsecret" not in repr(failed.value)
    assert "topsecret" not in repr(failed.value.__cause__)
    away.close()


def test_connections_that_the_server_cut_are_replaced_unseen(storage: Storage, owner_url: str) -> None:
    actor = somebody(storage)
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'nod_app' AND datname = current_database()"
        )
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.people.user(actor.user_id).status == "active"


def test_errors_of_the_database_do_not_carry_values(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.people.user(actor.user_id).email = "private@example.org"
        work.people.add(Subscription(new_id(), actor.workspace_id, "free", "active", work.now, work.now))
        with pytest.raises(Conflict) as refused:
            work.commit()
    assert refused.value.data == {"rule": "subscriptions_active_once"}
    told = "".join((str(refused.value), repr(refused.value), repr(refused.value.__cause__)))
    assert "private@example.org" not in told
    assert str(actor.workspace_id) not in told


def test_bells_ring_after_the_commit_and_only_then(storage: Storage, settings: Settings) -> None:
    heard = Ears(settings)
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.ring("runs.due", new_id())
        work.ring("deliveries.web", new_id())
    assert heard.queue("runs") == []
    run = a_run(storage, actor)
    delivery = a_delivery(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.messages.refresh(delivery.subject_kind, delivery.subject_id)
        work.ring("runs.due", run.id)
        work.ring("runs.due", run.id)
        work.ring("deliveries.web", delivery.id)
        assert heard.queue("runs") == []
        work.commit()
    assert heard.queue("runs") == [("runs.due", [str(actor.workspace_id), str(actor.user_id), str(run.id)])]
    assert heard.published(actor.workspace_id) == {
        "workspace": str(actor.workspace_id),
        "user": str(actor.user_id),
        "id": str(delivery.id),
        "link": str(actor.link_id),
    }


def test_a_commit_that_is_refused_rings_nothing_though_the_ring_was_prepared(
    storage: Storage, settings: Settings
) -> None:
    heard = Ears(settings)
    actor = somebody(storage)
    run = a_run(storage, actor)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        work.runs.add_all([run])
        work.ring("runs.due", run.id)
        with pytest.raises(Conflict):
            work.commit()
    assert heard.queue("runs") == []


def test_a_redis_that_is_away_fails_no_commit_and_is_told_once(
    storage: Storage, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    actor = somebody(storage)
    storage.bell = RedisBell(f"unix://{tmp_path}/nobody.sock?db=0")
    for _ in range(3):
        storage.bell._away_until = 0.0
        with storage.work(actor.workspace_id, actor.user_id) as work:
            work.people.user(actor.user_id).name = "Kept"
            work.ring("runs.due", new_id())
            work.ring("deliveries.web", new_id())
            work.commit()
    out, err = capsys.readouterr()
    assert (out + err).count("bell.away") == 1
    with storage.work(actor.workspace_id, actor.user_id) as work:
        assert work.people.user(actor.user_id).name == "Kept"


def test_unknown_ids_are_not_found_with_the_contexts_code(storage: Storage) -> None:
    actor = somebody(storage)
    with storage.work(actor.workspace_id, actor.user_id) as work:
        asked = {
            work.people.user: "identity.user_unknown",
            work.people.profile: "identity.profile_unknown",
            work.people.membership: "identity.membership_unknown",
            work.people.link: "identity.link_unknown",
            work.people.link_code: "identity.link_code_unknown",
            work.people.session: "identity.session_unknown",
            work.people.api_key: "identity.api_key_unknown",
            work.agents.get: "catalog.agent_unknown",
            work.agents.version: "catalog.version_unknown",
            work.triggers.get: "workflows.trigger_unknown",
            work.runs.get: "orchestration.run_unknown",
            work.suggestions.get: "approvals.suggestion_unknown",
            work.suggestions.lock: "approvals.suggestion_unknown",
            work.executions.get: "approvals.execution_unknown",
            work.connections.get: "connectors.connection_unknown",
            work.messages.get: "messaging.message_unknown",
            work.messages.delivery: "messaging.delivery_unknown",
        }
        for ask, code in asked.items():
            with pytest.raises(NotFound) as unknown:
                ask(new_id())
            assert unknown.value.code == code
