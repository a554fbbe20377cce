"""Runs and schedules, carried out by real worker and scheduler processes."""

import io
import signal
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import redis

from core.catalog.configure import create_agent, pause_agent
from core.connectors.connect import connect
from core.kernel.errors import Conflict, Forbidden
from core.kernel.settings import Settings
from core.orchestration.models import Run
from core.orchestration.start import cancel, start
from core.preferences.choose import revoke
from core.workflows.fire import fire_due
from core.workflows.schedule import schedule
from storage import Storage
from tests.runners.world import World, log_lines, make_world, process, redis_address


@pytest.fixture
def world(storage: Storage, settings: Settings, tmp_path: Path) -> Iterator[World]:
    redis.Redis.from_url(redis_address(settings)).flushdb()
    return make_world(storage, settings, tmp_path)


@pytest.fixture
def inbox(world: World) -> UUID:
    """An Inbox agent over a Maildir with one question in it, and one mail that is broken."""
    question = EmailMessage()
    question["From"], question["To"] = "Kim <kim@example.net>", "me@example.org"
    question["Subject"], question["Message-ID"] = "The offer", "<offer@example.net>"
    question["Date"] = datetime.now(UTC) - timedelta(hours=2)
    question.set_content("Hello,\n\ncould you send me the offer by Friday?\n\nKim\n")
    (world.maildir / "cur" / "1.offer:2,").write_bytes(question.as_bytes())
    (world.maildir / "cur" / "2.broken:2,").write_bytes(b"\xff\xfeContent-Type: multipart/mixed\nDate: never\n\n\x00")
    with world.work() as work:
        agent = create_agent(work, world.actor, "inbox", tools={"mail": world.tools["mail"]})
        work.commit()
    return agent.id


def begin(world: World, agent_id: UUID, **input: Any) -> Run:
    with world.work() as work:
        run = start(work, world.actor, agent_id, "manual", input)
        work.commit()
    return run


def ended(world: World, run: Run) -> Run:
    """The run, once it has come to its end."""

    def over() -> Run | None:
        with world.work() as work:
            found = work.runs.get(run.id)
        return found if found.status in ("succeeded", "failed", "cancelled") else None

    return world.wait_until(over, seconds=40)


def test_a_question_becomes_a_suggestion_and_a_broken_mail_stops_nothing(world: World, inbox: UUID) -> None:
    with process(world.settings):
        run = ended(world, begin(world, inbox))
    assert run.status == "succeeded", run.error
    with world.work() as work:
        (suggestion,) = work.suggestions.page(None, 10)
        revision = work.suggestions.revision(suggestion.id, 1)
    assert suggestion.kind == "reply" and revision.action.input["in_reply_to"] == "<offer@example.net>"
    assert "could you send me the offer by Friday?" in suggestion.evidence[0]["quote"]


@pytest.mark.parametrize("form", ["eml", "mbox", "zip"])
def test_an_uploaded_file_of_mail_becomes_suggestions(world: World, inbox: UUID, form: str) -> None:
    raw = (world.maildir / "cur" / "1.offer:2,").read_bytes()
    content = {
        "eml": raw,
        "mbox": b"From kim@example.net Thu Jan  1 00:00:00 1970\n" + raw + b"\n",
        "zip": _zipped(raw),
    }[form]
    digest = world.storage.blobs(world.actor.workspace_id, world.actor.user_id).put(content)
    with world.work() as work:
        upload = connect(work, world.actor, "mailfile", "", {"file": f"{digest}.{form}", "email": "me@example.org"})
        agent = create_agent(work, world.actor, "inbox", tools={"mail": upload.id})
        work.commit()
    with process(world.settings):
        run = ended(world, begin(world, agent.id))
    assert run.status == "succeeded", run.error
    with world.work() as work:
        (suggestion,) = work.suggestions.page(None, 10)
        action = work.suggestions.revision(suggestion.id, 1).action
    assert suggestion.kind == "reply" and action.input["in_reply_to"] == "<offer@example.net>"


def _zipped(raw: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("offer.eml", raw)
        archive.writestr("../outside.eml", raw)
    return packed.getvalue()


def test_a_second_run_reads_only_what_is_new_and_suggests_nothing_twice(world: World, inbox: UUID) -> None:
    with process(world.settings):
        first, second = ended(world, begin(world, inbox)), ended(world, begin(world, inbox))
    assert first.output and second.output
    assert first.output["summary"]["read"] >= 1 and second.output["summary"]["read"] == 0
    with world.work() as work:
        assert len(work.suggestions.page(None, 10)) == 1


def test_a_dry_run_shows_what_it_would_suggest_and_keeps_none_of_it(world: World, inbox: UUID) -> None:
    with process(world.settings):
        run = ended(world, begin(world, inbox, dry_run=True))
        real = ended(world, begin(world, inbox))
    assert run.output and len(run.output["proposals"]) == 1
    assert real.output and len(real.output["suggested"]) == 1


def test_a_killed_run_goes_on_without_repeating_a_finished_step(world: World, inbox: UUID) -> None:
    with process(world.settings, NOD_FAULT="after_step_read:kill9") as victim:
        run = begin(world, inbox)
        assert victim.wait(60) == -signal.SIGKILL
    with world.work() as work:
        before = {(s.node_id, s.index): s.id for s in work.runs.steps(run.id) if s.status == "succeeded"}
    assert before, "the step that read the mail was written before the kill"
    _let_the_lease_run_out(world, run.id)
    with process(world.settings):
        finished = ended(world, run)
    assert finished.status == "succeeded" and finished.attempt == 2
    with world.work() as work:
        after = {(s.node_id, s.index): s.id for s in work.runs.steps(run.id)}
        assert len(work.suggestions.page(None, 10)) == 1
    assert {key: after[key] for key in before} == before


def test_a_run_that_kills_its_worker_every_time_is_ended_and_the_person_is_told(world: World, inbox: UUID) -> None:
    run = begin(world, inbox)
    for _ in range(3):
        with process(world.settings, NOD_FAULT="run_claimed:kill9") as victim:
            assert victim.wait(60) == -signal.SIGKILL
        _let_the_lease_run_out(world, run.id)
    with process(world.settings):
        finished = ended(world, run)
    assert finished.status == "failed" and finished.error == {"code": "orchestration.run_crashed", "data": {}}


def test_a_run_waits_for_the_next_worker_when_the_broker_was_emptied(world: World, inbox: UUID) -> None:
    run = begin(world, inbox)
    redis.Redis.from_url(redis_address(world.settings)).flushdb()
    with process(world.settings):
        assert ended(world, run).status == "succeeded"


def test_a_queued_run_is_cancelled_at_once_and_never_starts(world: World, inbox: UUID) -> None:
    run = begin(world, inbox)
    with world.work() as work:
        cancel(work, world.actor, run.id)
        work.commit()
    other = begin(world, inbox)
    with process(world.settings):
        ended(world, other)
    with world.work() as work:
        assert work.runs.get(run.id).status == "cancelled" and not work.runs.steps(run.id)


def test_a_paused_agent_and_one_without_consent_do_not_start(world: World, inbox: UUID) -> None:
    with world.work() as work:
        revoke(work, world.actor, "data:mail")
        with pytest.raises(Forbidden, match=r"^preferences\.consent_missing$"):
            start(work, world.actor, inbox, "manual", {})
    with world.work() as work:
        pause_agent(work, world.actor, inbox)
        with pytest.raises(Conflict, match=r"^catalog\.agent_paused$"):
            start(work, world.actor, inbox, "manual", {})


def test_an_agent_whose_folder_is_gone_fails_in_words_and_the_others_go_on(world: World, inbox: UUID) -> None:
    world.maildir.rename(world.maildir.with_name("elsewhere"))
    with world.work() as work:
        fine = create_agent(work, world.actor, "inbox", "On the sample")
        work.commit()
    with process(world.settings):
        broken, well = begin(world, inbox), begin(world, fine.id)
        assert ended(world, well).status == "succeeded"

        def noted() -> Run | None:
            with world.work() as work:
                found = work.runs.get(broken.id)
            return found if found.error else None

        assert world.wait_until(noted).error["code"].startswith("connectors.")


def test_a_run_is_one_trace_with_the_door_that_asked(world: World, inbox: UUID) -> None:
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with world.work() as work:
        run = start(work, world.actor, inbox, "chat", {})
        run.trace = trace
        work.commit()
    with process(world.settings):
        ended(world, run)
        said = world.wait_until(lambda: [e for e in log_lines(world.settings) if e["event"] == "run.ended"])
    assert said[0]["trace"] == "0af7651916cd43dd8448eb211c80319c" and said[0]["run"] == str(run.id)


def test_a_due_schedule_fires_once_with_two_schedulers(world: World, inbox: UUID) -> None:
    with world.work() as work:
        trigger = schedule(work, world.actor, inbox, "0 8 * * *", "Europe/Berlin")
        assert trigger is not None
        trigger.next_fire_at = work.now - timedelta(seconds=1)
        work.commit()
    with process(world.settings, "scheduler"), process(world.settings, "scheduler"), process(world.settings):

        def fired() -> list[Run]:
            with world.work() as work:
                return [r for r in work.runs.page(None, 10) if r.status == "succeeded" and r.trigger_id == trigger.id]

        assert len(world.wait_until(fired, seconds=40)) == 1
    with world.work() as work:
        assert len([r for r in work.runs.page(None, 10) if r.trigger_id == trigger.id]) == 1
        assert work.triggers.get(trigger.id).next_fire_at > datetime.now(UTC)


def test_a_trigger_claimed_by_many_threads_starts_one_run(world: World, inbox: UUID) -> None:
    with world.work() as work:
        trigger = schedule(work, world.actor, inbox, "*/5 * * * *", "UTC")
        assert trigger is not None
        trigger.next_fire_at = work.now - timedelta(seconds=1)
        work.commit()
    together = threading.Barrier(4)
    started: list[int] = []

    def tick() -> None:
        with world.work() as work:
            together.wait()
            started.append(fire_due(work, 1, (trigger.id,)).started)
            work.commit()

    threads = [threading.Thread(target=tick) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(started) == [0, 0, 0, 1]


def test_fires_that_were_missed_for_days_happen_once(world: World, inbox: UUID) -> None:
    with world.work() as work:
        trigger = schedule(work, world.actor, inbox, "0 * * * *", "UTC")
        assert trigger is not None
        trigger.next_fire_at = work.now - timedelta(days=3)
        work.commit()
    started = 0
    for _ in range(3):
        with world.work() as work:
            started += fire_due(work, 1, (trigger.id,)).started
            work.commit()
    assert started == 1


def _let_the_lease_run_out(world: World, run_id: UUID) -> None:
    """What twenty seconds would do: the lease of a dead worker is over."""
    assert world.settings.database_url is not None
    with psycopg.connect(world.settings.database_url.get_secret_value()) as owner:
        owner.execute("UPDATE nod.runs SET lease_until = now() - interval '1 second' WHERE id = %s", (run_id,))
