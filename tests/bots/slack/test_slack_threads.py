"""Threads in which people speak with Nod: under their own words, in the container of older apps, and what is shown there while something goes on."""

import pytest

from core.messaging.post import show
from tests.bots.slack.running import Desk
from tests.runners.world import World, mail


@pytest.fixture
def older(slack) -> None:
    """The app as it was made with assistant_view."""
    slack.app.agent = False
    slack.app.events |= {"assistant_thread_started", "assistant_thread_context_changed"}


def test_words_are_answered_beneath_themselves_and_name_their_thread(desk: Desk) -> None:
    said = desk.person.says("/inbox")
    said.wait_for_reply(lambda message: "Nothing waits" in message.shown)
    desk.team.world.wait_until(lambda: desk.person.dm.threads.get(said.ts), 60, lambda: "no title")
    assert desk.person.dm.threads[said.ts].title == "/inbox"
    again = desk.person.says("/agents", thread=said)
    reply = said.wait_for_reply(lambda message: message.ts > again.ts and bool(message.labels))
    desk.person.taps(reply, reply.labels[0]).acknowledge()
    reply.wait_for(lambda message: "As a file" in message.labels)
    desk.person.taps(reply, "As a file").acknowledge()
    said.wait_for_reply(lambda message: bool(message.files))
    assert desk.person.dm.threads[said.ts].title == "/inbox"


def test_sentences_to_begin_with_stand_over_the_conversation_and_do_what_they_say(desk: Desk) -> None:
    desk.person.opens_messages()
    dm = desk.person.dm
    desk.team.world.wait_until(lambda: dm.prompts or None, 60, lambda: "no prompts")
    assert dm.prompts[0]["title"] == "What waits for my decision?"
    said = desk.person.says(dm.prompts[0]["message"])
    said.wait_for_reply(lambda message: "Nothing waits" in message.shown)


def test_in_the_container_of_older_apps_a_thread_is_greeted_once_and_answered_within(desk: Desk, slack, older) -> None:
    thread = desk.person.starts_thread()
    thread.wait_for(lambda one: bool(one.prompts))
    thread.wait_for_text("Hello.")
    thread.says("What waits for my decision?")
    thread.wait_for_text("Nothing waits")
    thread.wait_for(lambda one: one.title == "What waits for my decision?")
    slack.redeliver(next(one for one in slack.deliveries if one.payload.get("event", {}).get("assistant_thread")))
    thread.says("/inbox")
    thread.wait_for(lambda one: sum("Nothing waits" in message.shown for message in one.messages) == 2)
    assert sum("Hello." in message.shown for message in thread.messages) == 1


def test_a_stranger_is_shown_the_ways_in_in_the_thread_that_they_opened(acme, door, older) -> None:
    tom = acme.person("Tom")
    thread = tom.starts_thread()
    thread.wait_for_text("Hello Tom")


def test_an_answer_that_takes_long_says_so_until_it_is_there(desk: Desk, slack, monkeypatch) -> None:
    monkeypatch.setattr("bots.slack.threads.BUSY_AFTER_SECONDS", 0.0)
    slack.delay("users.info", 0.5)
    said = desk.person.says("/inbox")
    said.wait_for_reply(lambda message: "Nothing waits" in message.shown)
    thread = desk.person.dm.threads[said.ts]
    assert any("looking" in status for status in thread.statuses)
    thread.wait_for(lambda one: one.status == "")


def test_words_under_a_card_answer_the_card_and_cards_stand_in_the_conversation(desk: Desk, world: World) -> None:
    suggestion = world.suggest(mail())
    card = desk.card()
    assert card.thread_ts is None
    desk.person.says("Thursday would be better.", thread=card)
    desk.person.dm.wait_for(lambda one: "Thursday" in one.shown and "Approve" in one.labels and one.thread_ts is None)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 2


def test_a_thread_that_was_deleted_is_answered_in_the_conversation(desk: Desk, world: World) -> None:
    said = desk.person.says("/inbox")
    said.wait_for_reply(lambda message: "Nothing waits" in message.shown)
    desk.person.deletes(said)
    with world.work() as work:
        run = world.run(work)
        work.commit()
    with world.work() as work:
        show(work, work.people.link(desk.actor.link_id), "run", run.id, thread=said.ts)
        work.commit()
    card = desk.person.dm.wait_for(lambda message: message.thread_ts is None and message.from_bot)
    assert card.labels


class Steps:
    """A run of the world's agent that goes on in a thread."""

    def __init__(self, desk: Desk, world: World) -> None:
        self.world, self.desk = world, desk
        self.said = desk.person.says("/inbox")
        self.said.wait_for_reply(lambda message: "Nothing waits" in message.shown)
        with world.work() as work:
            self.run = world.run(work, status="queued")
            work.commit()
        with world.work() as work:
            show(work, work.people.link(desk.actor.link_id), "run", self.run.id, thread=self.said.ts)
            work.commit()

    def refresh(self, **changes) -> None:
        from core.messaging.post import refresh

        with self.world.work() as work:
            run = work.runs.get(self.run.id)
            for name, value in changes.items():
                setattr(run, name, value(work) if callable(value) else value)
            refresh(work, "run", self.run.id)
            work.commit()


def _streams(steps: Steps):
    return steps.said.wait_for_reply(lambda message: any(one["type"] == "plan" for one in message.blocks))


def test_a_run_in_a_thread_streams_its_steps_and_ends_as_its_card(desk: Desk, world: World, slack) -> None:
    steps = Steps(desk, world)
    message = _streams(steps)
    assert message.streaming
    assert message.labels == ["Cancel"]
    steps.refresh()
    slack.wait_for_call("chat.appendStream")
    steps.refresh(status="succeeded", started_at=lambda work: work.now, finished_at=lambda work: work.now, output={})
    message.wait_for(lambda shown: not shown.streaming and not any(one["type"] == "plan" for one in shown.blocks))
    assert message.labels
    assert [one.ts for one in steps.said.thread if one.from_bot][-1] == message.ts
    desk.person.taps(message, "This helped").acknowledge()
    desk.person.dm.wait_for(lambda shown: shown.only_for is desk.person and "this helped" in shown.shown)
    with world.storage.everything(world.actor.workspace_id, world.actor.user_id) as kept:
        events = list(kept.rows(world.actor.workspace_id, "events"))
    told = [one["payload"] for one in events if one["kind"] == "feedback.given"]
    assert [(one["run_id"], one["sentiment"], one["source"]) for one in told] == [
        (str(steps.run.id), "positive", "human")
    ]


def test_a_stream_that_slack_ended_goes_on_as_a_card(desk: Desk, world: World, slack) -> None:
    steps = Steps(desk, world)
    message = _streams(steps)
    slack.end_streams()
    steps.refresh()
    message.wait_for(lambda shown: not any(one["type"] == "plan" for one in shown.blocks) and bool(shown.labels))


def test_where_slack_does_not_stream_a_run_is_a_card(desk: Desk, world: World, slack) -> None:
    slack.fail_next("chat.startStream", "not_allowed_token_type")
    steps = Steps(desk, world)
    card = steps.said.wait_for_reply(lambda message: message.labels == ["Cancel"])
    assert not card.streaming
