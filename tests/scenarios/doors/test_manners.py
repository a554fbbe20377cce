"""How Nod behaves at every door, whatever it is asked: toward strangers, forgers, repeated taps, lost chats and words from outside."""

from collections.abc import Callable

from bots.kit.screen import Button
from tests.runners.world import mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.at_web import AtWeb
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person
from tests.scenarios.doors.product import Product

At = Callable[..., Person]
TAKEN_OVER = "Shown with processes that are killed, in the tests of this door: what came is taken over by the next."
NO_STRANGERS = "Anybody may write to a bot; the page knows nobody without a session."


@point("once")
def test_the_same_input_twice_has_one_effect(person: Person) -> None:
    suggestion = person.world.suggest(task())
    card = person.press("Approve", person.card())
    person.watches(card, without=("Approve",))
    person.repeats()
    person.command("inbox")
    person.sees("Nothing waits")
    assert len(moments.approvals(person.world, suggestion)) == 1


@point("once", "process", telegram=TAKEN_OVER, slack=TAKEN_OVER)
def test_what_one_process_did_another_does_not_do_again_but_goes_on_with(person: Person, product: Product) -> None:
    assert isinstance(person, AtWeb)
    person.world.suggest(task())
    person.press("Snooze", person.card())
    asked = len(person.messages)
    with product.another_page() as url:
        person.goes_on_at(url)
        person.repeats()
        person.says("tomorrow at 9")
        person.sees("It comes back as a new message")
        person.page.close()
    assert len(person.messages) == asked + 1


@point("forged")
def test_a_button_that_was_made_up_or_is_somebody_elses_does_nothing(person: Person, at: At, product: Product) -> None:
    suggestion = person.world.suggest(task())
    card = person.card()
    somebody = at(person.door)
    approve = Button(label="", action="suggestion.approve", args=(str(suggestion.id), "1"))
    assert somebody.actor.link_id is not None
    for data in (product.tokens.pack(approve, somebody.actor.link_id), "x", "|" * 64, "A" * 64):
        before = len(person.heard) + len(person.messages)
        person.forges(data, card)
        person.wait(lambda before=before: True if len(person.heard) + len(person.messages) > before else None)
        person.told("nothing was done")
    assert moments.status(person.world, suggestion) == "pending"


@point("error")
def test_a_wrong_answer_is_said_beside_its_question_and_nothing_is_lost(person: Person) -> None:
    suggestion = person.world.suggest(mail())
    person.press("Edit", person.card())
    person.fills({"To": "nobody at all", "Subject": "Re: Another"}, wrong="address")
    with person.world.work() as work:
        assert work.suggestions.get(suggestion.id).revision == 1
    person.fills({"To": "ana@example.org"})
    person.sees("ana@example.org", "Re: Another", labels=("Approve",))


@point("card.10")
def test_words_of_strangers_stay_words_and_nothing_opens_by_itself(person: Person) -> None:
    hostile = (
        "<b>Hi</b> <!channel> @somebody /stop https://evil.example/x [a](https://evil.example) *bold* \u202egnp.exe"
    )
    person.world.suggest(task(hostile))
    card = person.card(
        "<b>Hi</b> <!channel> @somebody /stop https://evil.example/x [a](https://evil.example) *bold* gnp.exe"
    )
    assert not card.previews and "\u202e" not in card.words


@point("card.10.words")
def test_how_a_card_stands_is_said_in_words(person: Person) -> None:
    for outcome, label in (("Approved by", "Approve"), ("Rejected by", "Reject")):
        person.world.suggest(task(outcome))
        card = person.press(label, person.card(outcome))
        person.watches(card, f"{outcome} you")
        assert all(any(letter.isalpha() for letter in shown) for shown in card.labels)


@point("link")
def test_a_second_surface_is_linked_by_a_code_and_both_are_told(person: Person, product: Product) -> None:
    person.command("connect")
    person.press("Link another chat")
    shown = person.sees("It works once", "Whoever types it can approve in your name", labels=("Make a new code",))
    code = next(line for line in shown.words.splitlines() if len(line) == 9 and line[4] == "-")
    with person.world.work() as work:
        account = work.people.user(person.world.actor.user_id).email
    assert account in shown.words
    if person.door == "telegram":
        tom = product.team.person("Tom")
        tom.types(f"/nod link {code}").acknowledge()
        asked = tom.dm.wait_for(lambda message: "Link" in message.labels and account in message.shown)
        tom.taps(asked, "Link").acknowledge()
        person.sees("Slack", "Acme")
    else:
        tom = product.telegram.user("Tom")
        tom.sends(code)
        asked = tom.chat.wait_for(lambda message: "Link" in message.labels and account in message.text)
        tom.taps(asked, "Link").answer()
        person.sees("Telegram is linked now: Tom")


@point("signin", web=NO_STRANGERS)
def test_a_stranger_is_told_how_to_come_in_and_nothing_is_made(door: str, product: Product) -> None:
    if door == "telegram":
        eve = product.telegram.user("Eve")
        eve.sends("/start")
        eve.chat.wait_for_text("one-time code")
        assert product.storage.directory.by_link("telegram", "", str(eve.id)) is None
    else:
        eve = product.team.person("Eve")
        eve.says("hello")
        eve.dm.wait_for_text("Only an admin of the team")
        assert product.storage.directory.by_link("slack", product.team.id, eve.id) is None


@point("home", web="The page is the home.", telegram="Telegram has no home tab.")
def test_the_home_shows_what_waits_agents_and_settings(person: Person) -> None:
    person.world.suggest(task())
    person.card()
    account = person.account  # type: ignore[attr-defined]
    account.opens_home()
    home = account.wait_for_home("Your settings")
    assert "Tiny" in home.shown and "waits for you" in home.shown


@point("shortcut", web="The page has no shortcuts.", telegram="Telegram has no shortcuts.")
def test_a_global_shortcut_begins_a_new_agent(person: Person) -> None:
    person.account.shortcut(None, "New agent").acknowledge()  # type: ignore[attr-defined]
    person.sees("to choose from")


@point("commands", web="The page has a menu beside the message field instead.")
def test_commands_are_registered(door: str, product: Product) -> None:
    if door == "slack":
        assert "/nod" in product.slack.app.commands
        return
    alone = {"type": "all_private_chats"}
    for language in ("", *(one for one in product.words.languages if one != "en")):
        known = product.telegram.wait_for(lambda language=language: product.telegram.commands(alone, language) or None)
        named = {one["command"]: one["description"] for one in known}
        assert {"start", "inbox", "new", "agents", "stop", "help"} <= set(named) and all(named.values())


@point("blocked", web="A page that nobody opens keeps what came; it cannot be blocked.")
def test_who_cannot_be_reached_is_told_elsewhere_and_their_agents_rest(person: Person, at: At) -> None:
    page = at("web", person.world)
    person.leaves()
    person.world.suggest(task())
    page.card("Pay the dentist")
    page.sees({"telegram": "Telegram", "slack": "Slack"}[person.door])
