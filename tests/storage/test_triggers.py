"""Triggers in a real database: due ones start once however many ask, events are looked at once, and one that breaks stops nobody else."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import psycopg
import pytest

from core.catalog.configure import create_agent, pause_agent, resume_agent
from core.kernel.errors import Conflict, Failure, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.orchestration.models import Run
from core.preferences.choose import revoke
from core.workflows.failing import run_failed
from core.workflows.fire import Fires, fire_due, put_aside
from core.workflows.match import heard, match, start_by_hand
from core.workflows.models import Trigger, TriggerFiring
from core.workflows.schedule import move_schedules, schedule
from core.workflows.trigger import (
    TriggerSpec,
    change_trigger,
    make_trigger,
    pause_trigger,
    remove_trigger,
    resume_trigger,
    rotate_secret,
    secrets_of,
    spec_of,
)
from storage import Storage
from tests.databases import somebody


class Person:
    """Somebody with an agent, and what their triggers did."""

    def __init__(self, storage: Storage) -> None:
        self.storage, self.actor = storage, somebody(storage)
        with self.work() as work:
            self.agent_id = create_agent(work, self.actor, "inbox", "Inbox").id
            self.other_id = create_agent(work, self.actor, "inbox", "Other").id
            work.commit()

    def work(self) -> Any:
        return self.storage.work(self.actor.workspace_id, self.actor.user_id)

    def does(self, use_case: Callable[..., Any], *args: Any, **fields: Any) -> Any:
        """One transaction."""
        with self.work() as work:
            result = use_case(work, *args, **fields)
            work.commit()
        return result

    def makes(self, type: str = "schedule", agent_id: UUID | None = None, due: bool = True, **fields: Any) -> Trigger:
        """A trigger; a schedule is due now."""
        if type == "schedule":
            fields = {"cron": "0 8 * * *", "timezone": "UTC"} | fields
        with self.work() as work:
            spec = TriggerSpec.model_validate({"type": type, **fields})
            trigger = make_trigger(work, self.actor, spec, agent_id=agent_id or self.agent_id).trigger
            if type == "schedule" and due:
                trigger.next_fire_at = work.now
            work.commit()
        return trigger

    def fires(self, limit: int = 500) -> Fires:
        return self.does(fire_due, limit)

    def trigger(self, trigger: Trigger) -> Trigger:
        with self.work() as work:
            return work.triggers.get(trigger.id)

    def runs(self, trigger: Trigger | None = None) -> list[Run]:
        with self.work() as work:
            found = work.runs.page(None, 1000)
        return [run for run in found if trigger is None or run.trigger_id == trigger.id]

    def firings(self, trigger: Trigger) -> list[TriggerFiring]:
        with self.work() as work:
            return work.triggers.firings(trigger.id, None, 100)

    def told(self) -> list[str]:
        """Codes of what was said, oldest first."""
        assert self.actor.link_id is not None
        with self.work() as work:
            waiting = [work.messages.delivery(id) for id in work.messages.due(self.actor.link_id, 100)]
            said = [work.messages.get(one.subject_id).payload for one in waiting if one.subject_kind == "message"]
        return [payload["say"] for payload in said if "say" in payload]

    def late(self, trigger: Trigger, by: timedelta) -> None:
        with self.work() as work:
            work.triggers.get(trigger.id).next_fire_at = work.now - by
            work.commit()

    def ends(self, run_id: UUID, status: Any = "succeeded") -> None:
        with self.work() as work:
            run = work.runs.get(run_id)
            run.status, run.finished_at = status, work.now
            work.commit()


@pytest.fixture
def person(storage: Storage) -> Person:
    return Person(storage)


# Schedules


def test_a_due_schedule_starts_one_run_and_is_due_again_at_its_next_time(person: Person) -> None:
    trigger = person.makes(input={"about": "today"})
    assert person.fires() == Fires(1, 1)
    [run] = person.runs(trigger)
    after = person.trigger(trigger)
    assert (run.trigger_type, run.input, run.agent_id) == ("scheduled", {"about": "today"}, person.agent_id)
    assert (after.last_run_id, after.version) == (run.id, trigger.version)
    assert after.next_fire_at is not None and (after.next_fire_at.hour, after.next_fire_at.minute) == (8, 0)
    assert person.fires() == Fires(0, 0)


def test_hundreds_that_are_due_at_once_start_once_each_however_many_schedulers_take_them(person: Person) -> None:
    for _ in range(60):
        person.makes(overlap="allow")
    together = threading.Barrier(4)

    def scheduler(_: int) -> int:
        together.wait()
        started, claimed = 0, 20
        while claimed:
            with person.work() as work:
                fires = fire_due(work, 20)
                work.commit()
            started, claimed = started + fires.started, fires.claimed
        return started

    with ThreadPoolExecutor(4) as schedulers:
        assert sum(schedulers.map(scheduler, range(4))) == 60
    runs = person.runs()
    assert len(runs) == len({run.trigger_id for run in runs}) == 60


def test_a_schedule_that_cannot_be_reckoned_stops_alone_and_its_owner_is_told(person: Person, owner_url: str) -> None:
    broken, fine = person.makes(name="Broken"), person.makes(name="Fine")
    with psycopg.connect(owner_url) as owner:
        owner.execute("UPDATE nod.triggers SET cron = 'x y' WHERE id = %s", (broken.id,))
    assert person.fires() == Fires(2, 1)
    assert len(person.runs(fine)) == 1
    assert person.trigger(broken).next_fire_at is None
    assert person.told() == ["trigger.stopped"]


def test_a_trigger_that_was_put_aside_is_not_due_any_more(person: Person) -> None:
    trigger = person.makes()
    person.does(put_aside, trigger.id)
    assert person.fires() == Fires(0, 0)
    assert person.told() == ["trigger.stopped"]


def test_while_the_run_before_is_under_way_a_fire_is_left_out_and_written_down(person: Person) -> None:
    trigger = person.makes()
    person.fires()
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 0)
    [firing] = person.firings(trigger)
    assert (firing.outcome, firing.detail) == ("skipped", {"reason": "under_way"})
    person.ends(person.runs(trigger)[0].id)
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 1)


def test_a_fire_that_waits_starts_when_the_run_before_is_over(person: Person) -> None:
    trigger = person.makes(overlap="queue")
    person.fires()
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 0)
    waiting = person.trigger(trigger)
    assert waiting.waiting_since is not None and waiting.next_fire_at is not None
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 0)
    person.ends(person.runs(trigger)[0].id)
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 1)
    assert person.trigger(trigger).waiting_since is None
    assert len(person.runs(trigger)) == 2


def test_overlap_that_is_allowed_starts_beside_the_run_before(person: Person) -> None:
    trigger = person.makes(overlap="allow")
    person.fires()
    person.late(trigger, timedelta(0))
    assert person.fires() == Fires(1, 1)


@pytest.mark.parametrize(
    ("policy", "runs", "told"),
    [("once", 1, "trigger.caught_up"), ("all", 24, "trigger.caught_up"), ("skip", 0, "trigger.missed")],
)
def test_what_was_missed_is_made_up_for_as_the_person_chose_and_they_are_told(
    person: Person, policy: str, runs: int, told: str
) -> None:
    trigger = person.makes(cron="*/30 * * * *", misfire_policy=policy)
    with person.work() as work:
        kept = work.triggers.get(trigger.id)
        kept.next_fire_at = (work.now - timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
        # Half an hour is never within two minutes of now here: then the newest would be on time.
        kept.cron = f"{(work.now.minute + 10) % 60},{(work.now.minute + 40) % 60} * * * *"
        work.commit()
    assert person.fires().started == runs
    assert person.told() == [told]
    assert person.fires() == Fires(0, 0)


def test_many_schedules_that_were_missed_are_one_notice(person: Person) -> None:
    for name in ("A", "B", "C"):
        person.late(person.makes(name=name), timedelta(hours=3))
    person.fires()
    assert person.told() == ["trigger.caught_up_many"]


def test_a_refusal_is_told_the_first_time_in_a_row(person: Person) -> None:
    trigger = person.makes()
    with person.work() as work:
        revoke(work, person.actor, "data:mail")
        work.commit()
    for _ in range(3):
        person.late(trigger, timedelta(seconds=1))
        assert person.fires() == Fires(1, 0)
    assert person.told() == ["run.not_started"]
    assert person.trigger(trigger).failures == 3
    assert {firing.outcome for firing in person.firings(trigger)} == {"refused"}


def test_what_a_person_holds_is_left_alone_without_a_word(person: Person) -> None:
    trigger = person.makes()
    person.does(pause_agent, person.actor, person.agent_id)
    assert person.fires() == Fires(1, 0)
    assert person.told() == [] and person.firings(trigger) == []
    assert person.trigger(trigger).next_fire_at is not None


def test_a_held_schedule_is_never_due_and_resumed_it_misses_nothing(person: Person) -> None:
    trigger = person.makes()
    person.does(pause_trigger, person.actor, trigger.id)
    assert person.fires() == Fires(0, 0)
    person.does(resume_trigger, person.actor, trigger.id)
    assert person.fires() == Fires(0, 0)
    resumed = person.trigger(trigger)
    with person.work() as work:
        assert resumed.next_fire_at is not None and resumed.next_fire_at > work.now


def test_a_removed_trigger_is_as_unknown_as_any_and_its_runs_stay(person: Person) -> None:
    trigger = person.makes()
    assert person.fires().started == 1
    person.late(trigger, timedelta(seconds=1))
    removed = person.does(remove_trigger, person.actor, trigger.id)
    assert removed.removed_at is not None and removed.next_fire_at is None
    for use_case in (pause_trigger, resume_trigger, remove_trigger, rotate_secret, start_by_hand):
        with pytest.raises(NotFound) as unknown:
            person.does(use_case, person.actor, trigger.id)
        assert unknown.value.code == "workflows.trigger_unknown"
    with person.work() as work:
        assert work.triggers.page(None, 10) == work.triggers.of_agent(person.agent_id) == []
        assert work.billing.count("triggers") == 0
    assert person.fires().claimed == 0
    [run] = person.runs()
    assert run.trigger_id == trigger.id
    assert person.makes().id != trigger.id, "there may be another one like it"


def test_the_database_lets_no_removed_trigger_come_back(person: Person, owner_url: str) -> None:
    trigger = person.makes()
    person.does(remove_trigger, person.actor, trigger.id)
    with psycopg.connect(owner_url) as owner, pytest.raises(psycopg.errors.CheckViolation):
        owner.execute("UPDATE nod.triggers SET status = 'active' WHERE id = %s", (trigger.id,))


def test_a_phrase_is_free_again_when_its_trigger_is_removed(person: Person) -> None:
    first = person.makes("chat", phrase="report")
    person.does(remove_trigger, person.actor, first.id)
    with person.work() as work:
        assert heard(work, "report last week") is None
    assert person.makes("chat", phrase="report").phrase == "report"


def test_the_scheduler_sees_what_is_due_soon_by_workspace_and_instant(storage: Storage, person: Person) -> None:
    other = Person(storage)
    for _ in range(3):
        person.makes()
    other.makes()
    later = person.makes(due=False)
    with person.work() as work:
        soon = work.now + timedelta(seconds=30)
        work.triggers.get(later.id).next_fire_at = soon
        work.commit()
    now, coming = storage.due.coming(100, 0.5)
    assert now is not None
    assert {(each.workspace_id, each.user_id) for each in coming} == {
        (who.actor.workspace_id, who.actor.user_id) for who in (person, other)
    }
    _, coming = storage.due.coming(100, 60)
    assert soon in {each.at for each in coming}
    person.fires(), other.fires()
    assert storage.due.coming(100, 0.5) == (None, [])


def test_a_schedule_of_an_agent_is_one_and_keeps_what_was_chosen_for_it(person: Person) -> None:
    first = person.does(schedule, person.actor, person.agent_id, "0 8 * * *", "Europe/Berlin")
    with person.work() as work:
        spec = spec_of(work.triggers.get(first.id)).model_copy(update={"misfire_policy": "all", "spread_seconds": 300})
        change_trigger(work, person.actor, first.id, spec)
        work.commit()
    again = person.does(schedule, person.actor, person.agent_id, "0 9 * * *", "Europe/Berlin")
    assert again.id == first.id
    assert (again.cron, again.misfire_policy, again.spread_seconds) == ("0 9 * * *", "all", 300)
    assert person.does(schedule, person.actor, person.agent_id, None, "Europe/Berlin") is None
    assert person.trigger(first).status == "paused"


def test_schedules_move_with_the_person_and_those_of_another_place_stay(person: Person) -> None:
    mine = person.makes(due=False, timezone="Europe/Berlin")
    held = person.makes(due=False, timezone="Europe/Berlin")
    there = person.makes(due=False, timezone="Asia/Tokyo")
    person.does(pause_trigger, person.actor, held.id)
    moved = person.does(move_schedules, person.actor, "Europe/Berlin", "America/New_York")
    assert {trigger.id for trigger in moved} == {mine.id, held.id}
    due = person.trigger(mine).next_fire_at
    assert due is not None and due.astimezone(ZoneInfo("America/New_York")).hour == 8
    assert person.trigger(held).next_fire_at is None
    assert person.trigger(there).timezone == "Asia/Tokyo"


# What is refused when a trigger is made


@pytest.mark.parametrize(
    ("spec", "code"),
    [
        ({"type": "schedule"}, "workflows.trigger_field_missing"),
        ({"type": "schedule", "cron": "* * * * * *"}, "workflows.cron_invalid"),
        ({"type": "schedule", "cron": "0 0 30 2 *"}, "workflows.cron_never"),
        ({"type": "schedule", "cron": "0 8 * * *", "timezone": "Mars/Base"}, "identity.timezone_unknown"),
        ({"type": "schedule", "cron": "0 8 * * *", "filter": "true"}, "workflows.trigger_field_foreign"),
        ({"type": "webhook", "cron": "0 8 * * *"}, "workflows.trigger_field_foreign"),
        ({"type": "event"}, "workflows.trigger_field_missing"),
        ({"type": "event", "event_kind": "Run Failed"}, "workflows.event_kind_wrong"),
        ({"type": "event", "event_kind": "run.*", "filter": "event.kind =="}, "catalog.expression_broken"),
        ({"type": "event", "event_kind": "run.*", "filter": "webhook.a == 1"}, "workflows.filter_wrong"),
        ({"type": "chat", "phrase": "  "}, "workflows.trigger_field_missing"),
    ],
    ids=str,
)
def test_a_trigger_that_makes_no_sense_is_refused(person: Person, spec: dict[str, Any], code: str) -> None:
    with person.work() as work, pytest.raises(Failure) as refused:
        make_trigger(work, person.actor, TriggerSpec.model_validate(spec), agent_id=person.agent_id)
    assert refused.value.code == code


def test_a_trigger_starts_exactly_one_thing_of_its_own_workspace(storage: Storage, person: Person) -> None:
    spec, other = TriggerSpec(type="manual"), Person(storage)
    with person.work() as work:
        for targets in ({}, {"agent_id": person.agent_id, "pack_id": new_id()}):
            with pytest.raises(Invalid) as refused:
                make_trigger(work, person.actor, spec, **targets)
            assert refused.value.code == "workflows.trigger_of_one_thing"
        with pytest.raises(NotFound):
            make_trigger(work, person.actor, spec, agent_id=other.agent_id)
    theirs = other.makes("manual")
    with person.work() as work, pytest.raises(NotFound):
        work.triggers.get(theirs.id)
    assert storage.directory.by_trigger(theirs.id) is None


def test_a_trigger_is_written_down_and_made_again_the_same(person: Person) -> None:
    for fields in (
        {"type": "schedule", "cron": "0 8 * * 1-5", "timezone": "Asia/Tokyo", "overlap": "queue", "spread_seconds": 60},
        {"type": "event", "event_kind": "run.failed", "filter": "run.error != null", "input": {"a": [1]}},
        {"type": "webhook", "source": "github", "filter": "webhook.ref == 'main'"},
        {"type": "chat", "phrase": "weekly report"},
    ):
        spec = TriggerSpec.model_validate({"name": "It", **fields})
        with person.work() as work:
            trigger = make_trigger(work, person.actor, spec, agent_id=person.agent_id).trigger
            assert spec_of(trigger) == spec
            assert spec_of(change_trigger(work, person.actor, trigger.id, spec)) == spec


def test_only_a_webhook_has_a_secret_and_it_is_told_once(person: Person) -> None:
    with person.work() as work:
        made = make_trigger(work, person.actor, TriggerSpec(type="webhook"), agent_id=person.agent_id)
        assert made.secret is not None and made.secret.startswith("whsec_")
        assert secrets_of(work, made.trigger) == (made.secret,)
        work.commit()
    newer = person.does(rotate_secret, person.actor, made.trigger.id)
    with person.work() as work:
        assert secrets_of(work, work.triggers.get(made.trigger.id)) == (newer, made.secret)
        manual = make_trigger(work, person.actor, TriggerSpec(type="manual"), agent_id=person.agent_id).trigger
        with pytest.raises(Conflict):
            rotate_secret(work, person.actor, manual.id)
        for short in ("", "short", "ä" * 20, "x" * 500):
            with pytest.raises(Invalid):
                rotate_secret(work, person.actor, made.trigger.id, short)


def test_a_delivery_is_noted_once_for_its_trigger(person: Person) -> None:
    one, other = person.makes("manual"), person.makes("manual")

    def note(trigger: Trigger) -> bool:
        with person.work() as work:
            firing = TriggerFiring(new_id(), trigger.workspace_id, trigger.id, "id:1", "started", work.now)
            new = firing.id in work.triggers.note((firing,))
            work.commit()
            return new

    assert [note(one), note(one), note(other)] == [True, False, True]


# Events


def happens(person: Person, kind: str, **payload: Any) -> None:
    with person.work() as work:
        work.record(Event(kind, person.actor.workspace_id, person.actor.user_id, payload))
        work.commit()


def a_run(person: Person, agent_id: UUID, **fields: Any) -> Run:
    with person.work() as work:
        version = work.agents.get(agent_id).latest_version_id
        run = Run(
            id=new_id(), workspace_id=person.actor.workspace_id, user_id=person.actor.user_id, agent_id=agent_id,
            agent_version_id=version, trigger_type="manual", queued_at=work.now, created_at=work.now, due_at=work.now,
            **{"status": "failed"} | fields,
        )  # fmt: skip
        work.runs.add(run)
        work.commit()
    return run


def test_an_event_that_a_trigger_listens_for_is_a_run(person: Person) -> None:
    trigger = person.makes("event", event_kind="file.*", input={"how": "briefly"})
    happens(person, "file.uploaded", name="a.pdf")
    happens(person, "something.else")
    assert person.does(match, trigger.id) == (1, 1)
    [run] = person.runs(trigger)
    assert (run.trigger_type, run.depth, run.input["how"]) == ("event", 0, "briefly")
    assert (run.input["event"]["kind"], run.input["event"]["payload"]) == ("file.uploaded", {"name": "a.pdf"})
    assert person.does(match, trigger.id) == (0, 0)
    assert person.firings(trigger)[0].run_id == run.id


def test_an_event_is_looked_at_once_however_many_workers_hear_the_bell(person: Person) -> None:
    trigger = person.makes("event", event_kind="file.uploaded")
    for n in range(10):
        happens(person, "file.uploaded", n=n)
    together = threading.Barrier(4)

    def hear(_: int) -> int:
        together.wait()
        with person.work() as work:
            _, started = match(work, trigger.id)
            work.commit()
            return started

    with ThreadPoolExecutor(4) as workers:
        assert sum(workers.map(hear, range(4))) == 10
    assert len(person.runs(trigger)) == 10


def test_a_filter_asks_for_the_event_and_for_the_run_behind_it(person: Person) -> None:
    fields = {"event_kind": "run.failed", "agent_id": person.other_id}
    wanted = person.makes("event", **fields, filter="run.error == 'connectors.login_refused' && event.payload.n > 1.0")
    broken = person.makes("event", **fields, filter="event.payload.n + 'text' == 'x'")
    run = a_run(person, person.agent_id, error={"code": "connectors.login_refused", "data": {}})
    happens(person, "run.failed", run_id=str(run.id), n=1.5)
    happens(person, "run.failed", run_id=str(run.id), n=0.5)
    happens(person, "run.failed", n=3.5)
    happens(person, "run.failed")
    assert person.does(match, wanted.id) == (4, 1)
    assert person.runs(wanted)[0].depth == 1
    assert person.does(match, broken.id) == (4, 0)
    assert {firing.outcome for firing in person.firings(broken)} == {"refused"}


def test_an_agent_is_not_started_by_what_its_own_runs_did(person: Person) -> None:
    trigger = person.makes("event", event_kind="run.failed")
    happens(person, "run.failed", run_id=str(a_run(person, person.agent_id).id))
    assert person.does(match, trigger.id) == (1, 0)
    happens(person, "run.failed", run_id=str(a_run(person, person.other_id).id))
    assert person.does(match, trigger.id) == (1, 1)


def test_a_chain_of_agents_that_start_each_other_ends(person: Person) -> None:
    trigger = person.makes("event", event_kind="run.failed")
    happens(person, "run.failed", run_id=str(a_run(person, person.other_id, depth=7).id))
    happens(person, "run.failed", run_id=str(a_run(person, person.other_id, depth=8).id))
    assert person.does(match, trigger.id) == (2, 1)
    assert [firing.detail.get("reason") for firing in person.firings(trigger) if firing.outcome == "skipped"] == [
        "too_deep"
    ]


def test_a_held_listener_hears_nothing(person: Person) -> None:
    trigger = person.makes("event", event_kind="*")
    happens(person, "file.uploaded")
    person.does(pause_trigger, person.actor, trigger.id)
    happens(person, "file.uploaded")
    assert person.does(match, trigger.id)[1] == 0
    assert person.runs(trigger) == []


def test_events_that_wait_for_a_removed_trigger_wait_no_longer(person: Person) -> None:
    trigger = person.makes("event", event_kind="file.*")
    happens(person, "file.uploaded")
    person.does(remove_trigger, person.actor, trigger.id)
    assert person.does(match, trigger.id) == (1, 0)
    assert person.does(match, trigger.id) == (0, 0)
    assert person.runs() == []


def test_events_of_another_workspace_are_not_heard(storage: Storage, person: Person) -> None:
    trigger = person.makes("event", event_kind="*")
    person.does(match, trigger.id)
    happens(Person(storage), "file.uploaded")
    assert person.does(match, trigger.id) == (0, 0)


# Chat and hand


def test_words_that_begin_with_a_phrase_find_its_trigger(person: Person) -> None:
    report = person.makes("chat", phrase="Weekly Report")
    longer = person.makes("chat", phrase="weekly report draft", agent_id=person.other_id)
    with person.work() as work:
        for words, wanted in (
            ("/weekly report", report), ("@weekly  REPORT of March", report), ("weekly report draft please", longer), ("weekly reports", None), ("report", None),
        ):  # fmt: skip
            found = heard(work, words)
            assert (found and found.id) == (wanted and wanted.id), words
        with pytest.raises(Conflict) as taken:
            make_trigger(work, person.actor, TriggerSpec(type="chat", phrase="weekly report"), agent_id=person.agent_id)
        assert taken.value.code == "workflows.phrase_taken"


def test_what_is_started_by_hand_or_word_is_a_run_of_its_trigger(person: Person) -> None:
    trigger = person.makes("chat", phrase="report", input={"length": "short"})
    spoken = person.does(start_by_hand, person.actor, trigger.id, "/report last week, please")
    assert (spoken.trigger_type, spoken.trigger_id) == ("chat", trigger.id)
    assert spoken.input == {
        "length": "short",
        "message": {"text": "/report last week, please", "rest": "last week, please"},
    }
    assert person.does(start_by_hand, person.actor, trigger.id).trigger_type == "manual"
    person.does(pause_trigger, person.actor, trigger.id)
    with person.work() as work, pytest.raises(Conflict) as held:
        start_by_hand(work, person.actor, trigger.id)
    assert held.value.code == "workflows.trigger_paused"


# Failing again and again


def fails(person: Person, agent_id: UUID, **fields: Any) -> None:
    run = a_run(person, agent_id, error={"code": "orchestration.skill_failed", "data": {}}, **fields)
    person.does(run_failed, run)


def test_an_agent_that_fails_five_times_in_a_row_is_held_and_its_owner_asked(person: Person) -> None:
    for _ in range(4):
        fails(person, person.agent_id)
    fails(person, person.agent_id, input={"dry_run": True})
    assert person.told() == []
    fails(person, person.agent_id)
    assert person.told() == ["agent.paused_after_failures"]
    with person.work() as work:
        assert work.agents.get(person.agent_id).status == "paused"
        assert work.agents.get(person.other_id).status == "active"
    fails(person, person.agent_id)
    assert person.told() == ["agent.paused_after_failures"]


def test_a_success_or_a_new_start_by_the_person_begins_the_count_anew(person: Person) -> None:
    for _ in range(4):
        fails(person, person.agent_id)
    with person.work() as work:
        work.agents.touch(person.agent_id)
        work.commit()
    for _ in range(4):
        fails(person, person.agent_id)
    assert person.told() == []
    fails(person, person.agent_id)
    person.does(resume_agent, person.actor, person.agent_id)
    for _ in range(4):
        fails(person, person.agent_id)
    with person.work() as work:
        assert work.agents.get(person.agent_id).status == "active"
