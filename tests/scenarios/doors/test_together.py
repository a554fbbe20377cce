"""Deciding with others: handing decisions over, groups and channels, who is reminded; and a person's ways in."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx

from core.approvals.policy import PolicySpec, put_policy
from core.approvals.rooms import ask_in_rooms, let_ask
from core.approvals.wake import wake
from tests.emulators.slack import Message as SlackMessage
from tests.emulators.telegram import Message as TelegramMessage
from tests.runners.world import World, mail, task
from tests.scenarios.doors import moments
from tests.scenarios.doors.at_slack import AtSlack, Post
from tests.scenarios.doors.at_telegram import AtTelegram, Bubble
from tests.scenarios.doors.marking import point
from tests.scenarios.doors.person import Person, Seen
from tests.scenarios.doors.product import Product

At = Callable[..., Person]
NO_ROOMS = "The page is one person's: nobody shares it."


class Room:
    """A group or channel with a person's agent, where `person` and `others` stand."""

    def __init__(self, person: Person, product: Product, *others: Person) -> None:
        self.person, accounts = person, [one.account for one in (person, *others)]  # type: ignore[attr-defined]
        if isinstance(person, AtTelegram):
            self.place: Any = product.telegram.group("Offers", accounts)
            self.place.wait_for_text("/nod")
            person.account.sends("/nod@nod_test_bot", chat=self.place)
            self.place.wait_for_text("connected this room")
        else:
            assert isinstance(person, AtSlack)
            self.place = product.team.channel(f"offers-{person.account.id.lower()}", accounts)
            person.account.types("/nod connect", to=self.place).acknowledge()
            self.place.wait_for(lambda message: message.from_bot and message.only_for is None)

    def asks(self, how: Any) -> Any:
        """The agent asks there; the suggestion."""
        world = self.person.world

        def allow(work: Any) -> None:
            [room] = work.rooms.all()
            let_ask(work, world.actor, room.id, world.agent_id, how)

        moments.changed(world, allow)
        suggestion = world.suggest(mail())
        moments.changed(world, lambda work: ask_in_rooms(work, work.suggestions.get(suggestion.id)))
        return suggestion

    def sees(self, label: str) -> Seen:
        """The message there with that button."""
        return self._seen(
            self.place.wait_for(lambda message: label in message.labels and not getattr(message, "only_for", None))
        )

    def reads(self, words: str) -> Seen:
        """A message there that everybody reads."""
        return self._seen(
            self.place.wait_for(
                lambda message: words in self._seen(message).words and not getattr(message, "only_for", None)
            )
        )

    def taps(self, person: Person, label: str, on: Seen) -> None:
        """Somebody presses a button there; what they alone are told is among what they heard."""
        person.presses(label, on)
        if isinstance(person, AtSlack):
            told = self.place.wait_for(lambda message: message.only_for is person.account)
            person.heard.append(told.shown)

    def _seen(self, message: TelegramMessage | SlackMessage) -> Seen:
        return Bubble(message) if isinstance(message, TelegramMessage) else Post(message)


@point("card.9.stub", web=NO_ROOMS)
def test_a_room_reads_that_somebody_asks_and_who_may_decide_gets_the_card_alone(
    person: Person, at: At, product: Product
) -> None:
    stranger = at(person.door, name="Eve")
    room = Room(person, product, stranger)
    suggestion = room.asks("stub")
    stub = room.sees("Show it to me")
    assert "kim@example.net" not in stub.words and "Yes, gladly" not in stub.words
    room.taps(stranger, "Show it to me", stub)
    assert not any("kim@example.net" in one for one in (*stranger.heard, *(each.words for each in stranger.messages)))
    count = sum("Approve" in one.labels for one in person.messages)
    person.presses("Show it to me", stub)
    person.wait(lambda: True if sum("Approve" in one.labels for one in person.messages) > count else None)
    person.press("Approve", person.card())
    room.reads("pproved")
    assert moments.status(person.world, suggestion) == "approved" and "kim@example.net" not in stub.words


@point("card.9.group", web=NO_ROOMS)
def test_in_a_room_only_those_who_may_decide_can(person: Person, at: At, product: Product) -> None:
    member = at(person.door, product.colleague(person.world, "member"), name="Tom")
    room = Room(person, product, member)
    suggestion = room.asks("open")
    card = room.sees("Approve")
    assert "kim@example.net" in card.words
    room.taps(member, "Approve", card)
    assert any("an" in one for one in member.heard) and moments.status(person.world, suggestion) == "pending"
    person.presses("Approve", card)
    room.reads("Approved by")
    assert moments.status(person.world, suggestion) == "approved" and "Approve" not in card.labels


@point("card.9.delegation", "card.7.delegate")
def test_a_delegate_gets_the_card_and_decides_in_the_others_place(person: Person, at: At, product: Product) -> None:
    kim = at(person.door, product.colleague(person.world, "member"), name="Kim")
    suggestion = person.world.suggest(task())
    card = person.card()
    person.command("team")
    person.press("Hand over my decisions")
    with person.world.work() as work:
        until = (work.now + timedelta(days=2)).date().isoformat()
        name = work.people.user(kim.world.actor.user_id).name
    person.fills({"Who decides for you": name, "Last day": until})
    person.press("Yes, hand over", person.sees("decides in your place"))
    theirs = kim.sees("You decide this in place of", labels=("Approve",))
    kim.press("Approve", theirs)
    person.watches(card, "Approved by", "for you", without=("Approve",))
    [approval] = moments.approvals(person.world, suggestion)
    assert (approval.user_id, approval.for_user_id) == (kim.world.actor.user_id, person.world.actor.user_id)


@point("card.7.channel", "card.7.delegate")
def test_without_an_answer_the_other_chat_and_then_whom_the_rule_names_are_asked(
    person: Person, at: At, product: Product
) -> None:
    world = person.world
    elsewhere = at("web" if person.door != "web" else "telegram", world)
    kim = at(person.door, product.colleague(world, "member"), name="Kim")
    rule = PolicySpec(escalate_to=kim.world.actor.user_id, reminder_seconds=7200)
    moments.changed(world, lambda work: put_policy(work, world.actor, "task.create", rule))
    suggestion = world.suggest(task())
    person.card()
    elsewhere.card()
    person.command("help")
    person.sees("What you can say")
    for minutes in (100, 50, 20):
        _has_left(world, suggestion, minutes)
    for one, copies in ((person, 2), (elsewhere, 2), (kim, 1)):
        one.wait(
            lambda one=one, copies=copies: (
                True if sum("Approve" in seen.labels for seen in one.messages) == copies else None
            )
        )


def _has_left(world: World, suggestion: Any, minutes: int) -> None:
    def comes(work: Any) -> None:
        found = work.suggestions.get(suggestion.id)
        found.expires_at, found.next_rung_at = work.now + timedelta(minutes=minutes), work.now - timedelta(seconds=1)

    moments.changed(world, comes)
    moments.changed(world, lambda work: wake(work, suggestion.id))


@point(
    "signin",
    telegram="A stranger at Telegram is shown the way in by its own scenario.",
    slack="A stranger at Slack is shown the way in by its own scenario.",
)
def test_a_code_from_another_chat_signs_a_browser_in_once(person: Person, at: At, product: Product) -> None:
    phone = at("telegram", person.world)
    phone.command("web")
    shown = phone.sees("Your way into the page", "Whoever has it can decide in your name")
    code = next(line for line in shown.words.splitlines() if len(line) == 9 and line[4] == "-")
    with httpx.Client(base_url=product.url, headers={"Origin": product.url}, timeout=60) as browser:
        assert browser.get("/").status_code == 401
        assert browser.post("/sign-in/code", data={"code": code}).status_code == 303
        assert browser.get("/").status_code == 200
    with httpx.Client(base_url=product.url, headers={"Origin": product.url}, timeout=60) as another:
        assert another.post("/sign-in/code", data={"code": code}).status_code == 403


@point("assistant", web="The page is a conversation of its own.", telegram="Telegram has no assistant's threads.")
def test_sentences_to_begin_with_are_answered_beneath_themselves(person: Person) -> None:
    account = person.account  # type: ignore[attr-defined]
    account.opens_messages()
    person.wait(lambda: account.dm.prompts or None)
    said = account.says(account.dm.prompts[0]["message"])
    said.wait_for_reply(lambda message: "Nothing waits" in message.shown)


@point(
    "ask",
    web="The page has nobody else's messages.",
    telegram="Telegram hands a bot no message that is not meant for it.",
)
def test_an_agent_is_asked_about_a_message_of_a_channel(person: Person, product: Product) -> None:
    moments.composes(person.world, "Reader")
    account = person.account  # type: ignore[attr-defined]
    channel = product.team.channel(f"talk-{account.id.lower()}", [account])
    said = account.says("Can somebody look at *this*?", to=channel)
    account.shortcut(said, "Ask an agent about this").acknowledge()
    form = account.wait_for_modal("Ask an agent")
    account.submits(form, {"Which agent?": "Reader", "What would you like to know?": "Is it urgent?"}).acknowledge()
    person.wait(
        lambda: True if any(one.input.get("question") == "Is it urgent?" for one in _runs(person.world)) else None
    )


def _runs(world: World) -> list[Any]:
    with world.work() as work:
        return list(work.runs.page(None, 10))
