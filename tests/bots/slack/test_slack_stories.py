"""What people do in Slack beside deciding: shortcuts, mentions, files, long texts; and what Slack does to us."""

from collections.abc import Iterator
from typing import Any

from bots.kit.parts import Parts
from bots.kit.screen import Paragraph, Screen
from bots.slack.reach import team_gone
from core.catalog.versions import compose_agent
from core.messaging.post import answer
from runners.contracts import contracts
from tests.bots.slack.running import Desk
from tests.runners.world import World, mail, task


def _marked_up(blocks: Any) -> Iterator[str]:
    """Every text that Slack would read markup in."""
    if isinstance(blocks, list):
        for one in blocks:
            yield from _marked_up(one)
    elif isinstance(blocks, dict):
        if blocks.get("type") == "mrkdwn":
            yield blocks["text"]
        for inner in blocks.values():
            yield from _marked_up(inner)


def test_the_same_tap_delivered_again_decides_once(desk: Desk, world: World, slack) -> None:
    suggestion = world.suggest(task())
    card = desk.card()
    tap = desk.person.taps(card, "Approve")
    tap.acknowledge()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    slack.redeliver(tap)
    desk.person.types("/nod inbox").acknowledge()
    desk.person.dm.wait_for_text("Nothing waits")
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1


def test_a_stale_button_is_answered_with_the_truth_alone(desk: Desk, world: World) -> None:
    world.suggest(task())
    card = desk.card()
    old = card.button("Approve")
    desk.person.taps(card, "Approve").acknowledge()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    desk.person.presses(card, old).acknowledge()
    desk.person.dm.wait_for(lambda message: message.only_for is not None and "lready" in message.text)


def test_a_button_of_somebody_else_does_nothing(desk: Desk, world: World) -> None:
    suggestion = world.suggest(task())
    card = desk.card()
    other = desk.team.person("Eve")
    other.says("hello")
    there = other.dm.wait_for(lambda message: message.from_bot)
    other.presses(there, card.button("Approve")).acknowledge()
    there.wait_for(lambda message: "not linked" in message.shown)
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).status == "pending"


def test_a_channel_that_was_told_to_wait_gets_its_card_later(desk: Desk, world: World, slack) -> None:
    slack.too_many_requests("chat.postMessage", retry_after=1)
    world.suggest(task())
    desk.card()
    assert [call.status for call in slack.calls_to("chat.postMessage")].count(429) == 1


def test_a_card_that_slack_failed_to_take_comes_later(desk: Desk, world: World, slack) -> None:
    slack.fail_next("chat.postMessage", "internal_error", status=500)
    world.suggest(task())
    desk.card()


def test_an_agent_is_asked_about_a_message_of_a_channel(desk: Desk, world: World) -> None:
    with world.work() as work:
        compose_agent(
            work,
            world.actor,
            contracts(),
            "Reader",
            {"nodes": [{"id": "only", "skill": "noop", "inputs": {"value": 1}}]},
        )
        work.commit()
    general = desk.team.channel("general", [desk.person])
    said = desk.person.says("Can somebody look at *this*?", to=general)
    desk.person.shortcut(said, "Ask an agent about this").acknowledge()
    form = desk.person.wait_for_modal("Ask an agent")
    desk.person.submits(form, {"Which agent?": "Reader", "What would you like to know?": "Is it urgent?"}).acknowledge()
    desk.person.wait_until_closed()

    def asked() -> bool:
        with world.work() as work:
            inputs = [run.input for run in work.runs.page(None, 10)]
        wanted = {"text": "Can somebody look at *this*?", "question": "Is it urgent?", "source": "slack"}
        return wanted in inputs

    world.wait_until(asked, 60)


def test_the_global_shortcut_shows_the_catalogue_in_the_direct_message(desk: Desk) -> None:
    desk.person.shortcut(None, "New agent").acknowledge()
    desk.person.wait_for_modal("direct messages")
    desk.person.dm.wait_for(lambda message: message.from_bot and bool(message.labels))


def test_in_a_channel_nod_only_says_that_it_speaks_with_each_alone(desk: Desk) -> None:
    general = desk.team.channel("general", [desk.person])
    desk.person.says("@nod hello", to=general)
    told = general.wait_for(lambda message: message.from_bot)
    assert told.only_for is not None
    typed = desk.person.types("/nod inbox", to=general)
    typed.acknowledge()
    desk.person.dm.wait_for_text("Nothing waits")


def test_a_text_that_is_too_long_is_read_in_parts_with_the_buttons_under_the_last(desk: Desk, world: World) -> None:
    with world.work() as work:
        link = work.people.link(desk.actor.link_id)
        words = tuple(Paragraph(text=f"{number} " + "word " * 500) for number in range(20))
        answer(work, link, {"screen": Screen(blocks=words).model_dump(mode="json")})
        work.commit()
    first = desk.person.dm.wait_for(lambda message: any(label.startswith("Read all") for label in message.labels))
    desk.person.taps(first, next(label for label in first.labels if label.startswith("Read all"))).acknowledge()
    last = desk.person.dm.wait_for(lambda message: "19 word" in message.shown)
    assert not any(label.startswith("Read all") for label in last.labels)


def test_words_of_others_stay_words(desk: Desk, world: World, slack) -> None:
    hostile = "<!channel> <@U123> <https://evil.example|your bank> *bold* `code` :tada: &amp; > quote"
    world.suggest(task(hostile))
    card = desk.card()
    assert "your bank" in card.shown
    assert card.references == []
    assert not any("<" in words or "your bank" in words for words in _marked_up(card.blocks))
    call = slack.wait_for_call("chat.postMessage")
    assert "<" not in str(call.params["text"])


def test_words_in_a_cards_thread_are_its_new_text(desk: Desk, world: World) -> None:
    suggestion = world.suggest(mail())
    card = desk.card()
    desk.person.says("Thursday would be better.", thread=card)
    desk.person.dm.wait_for(
        lambda message: "Thursday would be better." in message.shown and "Approve" in message.labels
    )
    with world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 2


def test_a_copy_that_is_not_on_record_decides_once_and_gives_up_its_buttons(desk: Desk, world: World) -> None:
    suggestion = world.suggest(task())
    card = desk.card()
    copy = desk.person.dm.add(desk.team.bot, card.text, card.blocks)
    desk.person.taps(copy, "Approve").acknowledge()
    copy.wait_for(lambda shown: "came twice" in shown.shown)
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1


def test_what_slack_tells_late_of_an_earlier_installation_changes_nothing(
    desk: Desk, world: World, parts: Parts
) -> None:
    storage, team = world.storage, desk.team
    storage.installations.save(team.id, "", {"bot_token": "xoxb-new", "bot_user_id": "U1"})
    assert team_gone(parts, team.id, 1.0) == 0
    assert storage.installations.find(team.id) is not None
    assert team_gone(parts, team.id) == 1
    assert storage.installations.find(team.id) is None
