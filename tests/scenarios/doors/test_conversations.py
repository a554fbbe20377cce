"""The conversations, from the first hello to `/stop`, through every door."""

from collections.abc import Callable
from typing import Any

from bots.dialogs.talk import LAPSES
from core.approvals.models import Suggestion
from core.connectors.connect import login_refused
from tests.runners.world import World, mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person
from tests.scenarios.doors.product import Product

At = Callable[..., Person]


def _active(world: World) -> str:
    with world.work() as work:
        return work.agents.get(world.agent_id).status


@point("start")
def test_the_first_hello_asks_for_the_clock_and_offers_three_steps(door: str, at: At, product: Product) -> None:
    person = at(door, product.newcomer())
    person.command("start")
    person.sees("I am Nod", "nothing happens before you tap Approve", "is it", labels=("Yes", "Another timezone"))
    person.press("Another timezone")
    person.sees("Which one is yours")
    person.says("Lisbon")
    person.sees("Europe/Lisbon", labels=("Try the Inbox agent on sample mail", "Connect my mail", "See all agents"))


@point("new", "new.run", "progress")
def test_an_agent_is_made_tried_and_run_up_to_its_first_effect(door: str, at: At, product: Product) -> None:
    person = at(door, product.newcomer())
    person.command("new inbox")
    person.sees("What it does", "What it needs", "What it will never do", "Take orders from a mail")
    person.press("Set it up")
    person.fills({"Length of a meeting in minutes": "45"})
    person.press("Sample mailbox", person.sees("Where is your mail?"))
    person.press("Go on with Inbox", person.sees("Works"))
    person.sees("before it starts", "Read your mail", labels=("Yes, I agree",))
    person.press("Yes, I agree")
    person.press("Show me what it would suggest")
    look = person.sees("It would suggest", "nothing of it is kept, and nothing was sent")
    assert len([one for one in person.messages if "trial run" in one.words]) == 1, "progress is one message"
    person.press("Run it now", person.sees("Inbox is ready"))
    card = person.card("Reply to ")
    person.press("Approve", card)
    person.watches(card, "Approved by you", labels=("Undo",))
    moments.every_undo_is_over(person.world)
    person.watches(card, "Sent ", "Reference: ")
    assert "It would suggest" in look.words


@point("agents")
def test_agents_are_paused_and_resumed_from_their_page(person: Person) -> None:
    person.command("agents")
    page = person.press("Tiny", person.sees("Your agent"))
    person.watches(page, "active", labels=("Run it now", "Pause", "When it runs"))
    person.press("Pause", page)
    person.watches(page, "Tiny is paused", labels=("Resume",), without=("Run it now",))
    assert _active(person.world) == "paused"
    person.press("Resume", page)
    person.watches(page, "Tiny runs again")


@point("lists")
def test_a_list_is_turned_in_its_own_message(person: Person) -> None:
    for number in range(8):
        moments.composes(person.world, f"Reader {number}")
    person.command("agents")
    page = person.sees("Your 9 agents", labels=("›",))
    count = len(person.messages)
    first = page.words
    person.press("›", page)
    person.watches(page, labels=("‹",), without=("›",))
    assert page.words != first and len(person.messages) == count
    person.press("‹", page)
    person.watches(page, labels=("›",), without=("‹",))


@point("inbox")
def test_the_inbox_lists_what_waits_most_urgent_first_and_opens_its_card(person: Person) -> None:
    person.world.suggest(task("Call the bank"))
    person.world.suggest(mail())
    person.card("Re: Offer")
    person.command("inbox")
    listed = person.sees("2 suggestions wait for you")
    person.press("Task: Call the bank", listed)
    person.wait(
        lambda: (
            True
            if sum("Call the bank" in one.words and "Approve" in one.labels for one in person.messages) > 1
            else None
        )
    )


@point("empty")
def test_an_empty_place_says_what_would_be_there_and_what_to_do(door: str, at: At, product: Product) -> None:
    person = at(door, product.newcomer())
    for command, words, label in (
        ("inbox", "Nothing waits", "All agents"),
        ("agents", "You have no agent yet", "All agents"),
        ("runs", "Nothing has run yet", "All agents"),
        ("packs", "You have no pack yet", "Make a pack"),
        ("workflows", "You have no workflow yet", "Make a workflow"),
        ("connect", "Nothing is connected yet", "Add a connection"),
    ):
        person.command(command)
        person.sees(words, labels=(label,))


@point("runs", "progress")
def test_a_run_shows_its_progress_in_one_message_then_its_steps_and_cost(person: Person) -> None:
    moments.composes(person.world, "Reader")
    person.command("agents")
    page = person.press("Reader", person.sees("Your 2 agents"))
    person.press("Run it now", page)
    done = person.sees("Reader · run", "Cost", labels=("Steps",))
    assert len([one for one in person.messages if "Reader · run" in one.words]) == 1
    person.press("Steps", done)
    person.sees("only")
    person.command("runs")
    person.press("Reader · done", person.sees("What ran"))


@point("runs.failed")
def test_a_failed_run_says_why_and_offers_to_try_again(person: Person) -> None:
    world = person.world
    error = {"code": "connectors.folder_missing", "data": {"path": "/gone"}}
    moments.changed(
        world, lambda work: world.run(work, status="failed", error=error, started_at=work.now, finished_at=work.now)
    )
    person.command("runs")
    person.press("Tiny · failed", person.sees("What ran"))
    failed = person.sees("It failed.", "/gone", "Nothing was suggested and nothing was sent", labels=("Try again",))
    person.press("Try again", failed)
    person.watches(failed, without=("Try again",))


@point("packs")
def test_a_pack_is_made_by_tapping_agents_in_order(person: Person) -> None:
    for name in ("Reader", "Writer"):
        moments.composes(person.world, name)
    person.command("packs")
    person.press("Make a pack")
    for name in ("+ Reader", "+ Writer"):
        person.press(name)
    person.sees("1. Reader", "2. Writer")
    person.press("One after the other")
    person.sees("What shall it be called")
    person.says("Mornings")
    page = person.sees("Mornings", "Nothing has run yet", labels=("Run it now", "Put away"))
    person.press("Run it now", page)
    person.sees("Mornings · run", "Cost")


@point("workflows")
def test_a_workflow_is_made_and_drawn(person: Person) -> None:
    for name in ("Reader", "Writer"):
        moments.composes(person.world, name)
    person.command("workflows")
    person.press("Make a workflow")
    person.press("+ Writer")
    person.press("+ Reader")
    person.press("One after the other", person.sees("1. Writer", "2. Reader"))
    person.says("Evenings")
    person.press("Picture", person.sees("Evenings", labels=("Picture",)))
    person.sees("Evenings: its steps", "Writer", "Reader")


@point("connect")
def test_a_tool_is_connected_and_checked(person: Person) -> None:
    person.command("connect")
    person.press("Add a connection", person.sees("3 connections"))
    person.press("Sample mailbox", person.sees("Where is your mail?"))
    person.sees("Works", labels=("Check it", "Disconnect"))


@point("login")
def test_an_expired_login_is_said_with_what_mends_it(person: Person) -> None:
    world = person.world
    world.suggest(mail())
    card = person.card()
    moments.checked(world, "mail")
    moments.changed(world, lambda work: login_refused(work, world.tools["mail"]))
    person.press("Approve", card)
    person.sees(labels=("Reconnect", "Try again"))
    assert not list(world.maildir.glob(".Sent/cur/*"))


@point("usage")
def test_usage_says_what_is_used_and_shows_the_last_days(person: Person) -> None:
    moments.changed(person.world, person.world.run)
    person.command("usage")
    shown = person.sees("Usage today", "Runs", labels=("Last days", "By agent"))
    person.press("Last days", shown)
    person.sees("Usage of the last")


@point("settings")
def test_settings_are_read_changed_in_a_form_and_hold(person: Person) -> None:
    person.command("settings")
    person.press("Change these", person.sees("Your settings", "Timezone", "Language", "Tone", "Quiet hours"))
    person.fills({"What I call you": "Captain", "Tone": "gentle", "Quiet hours": True})
    person.sees("Saved.", "Captain", "gentle")
    with person.world.work() as work:
        profile = work.people.profile(person.world.actor.user_id)
    assert profile.tone == "gentle" and profile.notification_preferences.quiet_hours.enabled


@point("settings.consents")
def test_a_consent_that_is_taken_back_stops_what_was_approved(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, labels=("Undo",))
    person.command("settings")
    person.press("Consents", person.sees("Your settings"))
    person.press("Take back: reading mail")
    person.sees("Taken back")
    moments.undo_is_over_unless_stopped(person.world, suggestion)
    person.watches(card, without=("Undo",))
    assert not list(person.world.maildir.glob(".Sent/cur/*"))


@point("settings.contexts")
def test_where_one_is_is_switched(person: Person) -> None:
    person.command("settings")
    person.press("Where I am", person.sees("Your settings"))
    person.press("I am at work", person.sees("Where are you just now?"))
    person.sees(labels=("No longer at work",))
    with person.world.work() as work:
        assert [one.name for one in work.preferences.contexts(person.world.actor.user_id) if one.active] == ["work"]


@point("settings.history")
def test_how_long_history_is_kept_is_chosen_after_a_question(person: Person) -> None:
    person.command("settings")
    person.press("Privacy", person.sees("Your settings"))
    person.press("History", person.sees("What is kept of you"))
    person.press("7 days", person.sees("How long history is kept"))
    person.press("Keep 7 days", person.sees("cannot be brought back"))
    person.sees("Your runs are kept for 7 days")


@point("stop")
def test_stop_holds_everything_at_once_and_can_be_taken_back(person: Person) -> None:
    world = person.world
    suggestion = world.suggest(mail())
    card = person.press("Approve", person.card())
    person.watches(card, labels=("Undo",))
    person.command("stop")
    person.sees("Stopped", "Tiny is paused", "1 approved action was taken back", labels=("Resume all",))
    person.watches(card, labels=("Approve",))
    assert (_active(world), moments.status(world, suggestion)) == ("paused", "pending")
    person.press("Resume all")
    person.sees("Tiny runs again")


@point("help")
def test_help_says_what_can_be_said_and_what_never_happens(person: Person) -> None:
    person.command("help")
    person.sees(
        f"{person.typed}inbox",
        f"{person.typed}settings",
        "nothing happens without your Approve",
        labels=("Open inbox",),
    )


@point("cancel")
def test_cancel_leaves_whatever_is_going_on(person: Person) -> None:
    person.command("settings")
    person.press("Timezone", person.sees("Your settings"))
    person.sees("Which one is yours")
    person.command("cancel")
    person.sees("I let that go")
    person.says("Lisbon")
    with person.world.work() as work:
        assert work.people.profile(person.world.actor.user_id).timezone == "Europe/Berlin"


@point("lapsed")
def test_a_conversation_that_lapsed_says_so_and_does_nothing(person: Person) -> None:
    suggestion: Suggestion = person.world.suggest(task())
    person.press("Snooze", person.card())
    person.sees(labels=("1 hour", "Cancel"))

    def later(work: Any) -> None:
        conversation = work.conversations.current(person.actor.link_id)
        conversation.expires_at = work.now - LAPSES
        work.conversations.put(conversation)

    moments.changed(person.world, later)
    person.says("tomorrow at 9")
    person.sees("that was a while ago", "Nothing was changed")
    assert moments.status(person.world, suggestion) == "pending"


@point("schedule")
def test_a_schedule_in_words_is_echoed_with_its_next_times(person: Person) -> None:
    moments.composes(person.world, "Reader")
    person.command("agents")
    page = person.press("Reader", person.sees("Your 2 agents"))
    person.press("When it runs", page)
    person.sees("Reader: when it runs", "only when you ask")
    person.says("every weekday at 8")
    echoed = person.sees(
        "every weekday at 08:00", "Europe/Berlin", "next ", "night of the clock change", "If I was off"
    )
    person.press("Next 5 times", echoed)
    person.sees("Reader runs next", "08:00", "A missed time is made up for once")


@point("free")
def test_free_words_are_never_guessed_at_but_offered_as_buttons(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    person.card()
    person.says("please aprove everything in my inbx")
    person.sees(labels=("Inbox",))
    assert moments.status(person.world, suggestion) == "pending"
    person.says("what a lovely day")
    person.sees(labels=("Help",))


@point("files")
def test_a_file_is_planned_and_applied_after_a_yes(person: Person) -> None:
    file = b"kind: agent\nname: Greets\ngraph:\n  nodes: [{id: say, skill: noop, inputs: {value: 1}}]\n"
    person.sends("greets.yaml", file)
    planned = person.sees("What greets.yaml would change", "New agent: Greets", labels=("Apply", "Leave it"))
    person.press("Apply", planned)
    person.sees("is applied", labels=("Open agent Greets",))
