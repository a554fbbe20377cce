"""The way from a command to an effect, in Socket Mode."""

from tests.bots.slack.running import Desk
from tests.runners.world import World, process, task


def test_a_tap_on_a_card_approves_once_and_the_card_and_its_thread_say_what_came_of_it(
    desk: Desk, world: World
) -> None:
    suggestion = world.suggest(task())
    card = desk.card()
    tap = desk.person.taps(card, "Approve")
    tap.acknowledge()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    with process(world.settings):
        world.wait_until(lambda: world.execution(suggestion).status == "succeeded", 60)
    card.wait_for(lambda shown: "Undo" not in shown.labels and "Details" in shown.labels)
    card.wait_for_reply(lambda message: True)
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1
        assert work.suggestions.approvals(suggestion.id)[0].surface == "slack"


def test_a_command_is_answered_in_the_direct_message(desk: Desk) -> None:
    desk.person.types("/nod inbox").acknowledge()
    desk.person.dm.wait_for_text("Nothing waits")


def test_help_names_commands_as_slack_takes_them(desk: Desk) -> None:
    desk.person.types("/nod help").acknowledge()
    told = desk.person.dm.wait_for_text("What you can say").shown
    assert "/nod inbox" in told and "/nod cancel leaves" in told and "\n*/inbox" not in told
