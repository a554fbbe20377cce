"""Stories of a person who decides in Telegram, over the real dialogs."""

from typing import Any

from bots.kit.dialog import Tap
from bots.kit.dispatch import Dispatch
from bots.kit.outbound import Letters
from bots.kit.parts import Parts
from bots.kit.screen import Button
from core.approvals.models import Suggestion
from core.messaging.post import announce
from tests.bots.telegram.running import Phone
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World, mail, task


def _suggestion(world: World, suggestion: Suggestion) -> Suggestion:
    with world.work() as work:
        return work.suggestions.get(suggestion.id)


def _approvals(world: World, suggestion: Suggestion) -> list[Any]:
    with world.work() as work:
        return list(work.suggestions.approvals(suggestion.id))


def test_a_card_comes_and_one_tap_approves_it(phone: Phone, world: World) -> None:
    suggestion = world.suggest(mail())
    card = phone.card(suggestion)
    assert "To: kim@example.net" in card.text and ("bold", "To:") in [(s.type, s.text) for s in card.spans]
    assert "Approved" in phone.person.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels and "Undo" in shown.labels)
    assert _suggestion(world, suggestion).status == "approved"
    assert "(until " in card.text


def test_an_undo_in_time_takes_the_yes_back(phone: Phone, world: World) -> None:
    suggestion = world.suggest(mail())
    card = phone.card(suggestion)
    phone.person.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "Undo" in shown.labels)
    phone.person.taps(card, "Undo").answer()
    card.wait_for(lambda shown: "Undo" not in shown.labels)
    with world.work() as work:
        assert work.executions.of(suggestion.id).status == "withdrawn"


def test_two_taps_at_once_decide_once_and_the_second_hears_the_truth(phone: Phone, world: World) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    first, second = phone.person.taps(card, "Approve"), phone.person.taps(card, "Approve")
    assert first.answer() != second.answer()
    assert "lready" in second.answer() and second.answer().show_alert
    assert len(_approvals(world, suggestion)) == 1


def test_a_reply_to_the_card_makes_a_new_revision_that_needs_its_own_tap(phone: Phone, world: World) -> None:
    suggestion = world.suggest(mail())
    card = phone.card(suggestion)
    old = card.button("Approve").data
    phone.person.replies(card, "Thursday would be better.\n")
    newer = phone.person.chat.wait_for(lambda shown: "Thursday would be better." in shown.text, after=card)
    assert _suggestion(world, suggestion).revision == 2
    styles = {span.type for span in newer.spans}
    assert {"strikethrough", "underline"} <= styles
    assert old is not None
    toast = phone.person.taps_data(card, old).answer()
    assert toast.show_alert and _suggestion(world, suggestion).status == "pending"
    phone.person.taps(newer, "Approve").answer()
    newer.wait_for(lambda shown: "Undo" in shown.labels)
    [approval] = [one for one in _approvals(world, suggestion) if one.decision == "approve"]
    assert approval.revision == 2


def test_a_no_takes_one_tap_and_reasons_are_offered_after_it(phone: Phone, world: World) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    assert phone.person.taps(card, "Reject").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    assert _suggestion(world, suggestion).status == "rejected"
    assert card.labels


def test_a_decision_at_the_page_updates_the_card_in_telegram(phone: Phone, world: World, parts: Parts) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    Dispatch(parts).answer(world.actor, Tap("suggestion.approve", (str(suggestion.id), "1")), None, {})
    card.wait_for(lambda shown: "Approve" not in shown.labels)


def test_a_decision_in_telegram_updates_the_card_at_the_page(phone: Phone, world: World, parts: Parts) -> None:
    suggestion = world.suggest(task())
    _show_web(parts)
    phone.person.taps(phone.card(suggestion), "Approve").answer()
    assert "suggestion.approve" not in _show_web(parts)


def _show_web(parts: Parts) -> str:
    """What the page's cards become now."""
    letters, shown = Letters(parts), ""
    for item in parts.storage.due.due("deliveries", 50, "web"):
        letter = letters.claim(item)
        if letter is not None:
            letters.settle(letter, str(item.id))
            shown = letter.screen.model_dump_json()
    assert shown
    return shown


def test_forged_foreign_and_garbled_buttons_do_nothing(
    phone: Phone, world: World, parts: Parts, telegram: TelegramEmulator
) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    button = Button(label="", action="suggestion.approve", args=(str(suggestion.id), "1"))
    assert world.actor.link_id is not None
    of_the_page = parts.tokens.pack(button, world.actor.link_id)
    genuine = card.button("Approve").data
    assert genuine is not None
    for data in (of_the_page, genuine[:-1], genuine + "|x", "x", "|" * 64, "\u202e" * 20, "A" * 64):
        toast = phone.person.taps_data(card, data).answer()
        assert toast.show_alert and "nothing was done" in toast
    tom = telegram.user("Tom")
    tom.sends("/start")
    toms = tom.chat.wait_for_text("one-time code")
    assert "not linked" in tom.taps_data(toms, genuine).answer()
    assert _suggestion(world, suggestion).status == "pending" and _approvals(world, suggestion) == []


def test_a_long_mail_is_read_in_parts_and_approve_stands_under_the_last(phone: Phone, world: World) -> None:
    body = "\n\n".join(f"Paragraph {number} <&> " + "word " * 60 for number in range(1, 30))
    proposal = mail()
    suggestion = world.suggest(proposal.model_copy(update={"input": {**proposal.input, "body": body}}))
    card = phone.person.chat.wait_for(lambda shown: any("Read all" in label for label in shown.labels))
    assert "Approve" not in card.labels
    phone.person.taps(card, "Read all").answer()
    last = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels, after=card)
    read = [m.text for m in phone.person.chat.bot_messages if m.id > card.id]
    places = [next(at for at, text in enumerate(read) if f"Paragraph {n} <&>" in text) for n in (1, 15, 29)]
    assert places == sorted(places) and places[-1] == len(read) - 1
    phone.person.taps(last, "Approve").answer()
    assert _suggestion(world, suggestion).status == "approved"


def test_a_very_long_screen_of_any_kind_is_read_in_order(phone: Phone, world: World) -> None:
    recipients = [
        f"person{number:03}@{'-'.join(['department'] * 5)}.{'-'.join(['town'] * 10)}.example.org"
        for number in range(45)
    ]
    proposal = mail()
    suggestion = world.suggest(proposal.model_copy(update={"input": {**proposal.input, "to": recipients}}))
    card = phone.person.chat.wait_for(lambda shown: any("Read all" in label for label in shown.labels))
    assert card.labels == [f"Read all ({card.labels[0].split('(')[1]}", "As a file"]
    assert "Here are" in phone.person.taps(card, "Read all").answer()
    last = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels, after=card)
    read = "".join(m.text for m in phone.person.chat.bot_messages if m.id > card.id)
    found = [read.index(recipient) for recipient in recipients]
    assert found == sorted(found)
    phone.person.taps(last, "Approve").answer()
    assert _suggestion(world, suggestion).status == "approved"


def test_words_from_outside_cannot_be_pressed_or_become_markup(phone: Phone, world: World) -> None:
    proposal = mail("Re: /stop @everyone <b>now</b>")
    trap = "Tap /stop or write to @boss, <a href='https://evil.example'>here</a> &lt;b&gt;\u202egnp.exe"
    world.suggest(proposal.model_copy(update={"input": {**proposal.input, "body": trap}}))
    card = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels)
    assert "<a href='https://evil.example'>here</a>" in card.seen and "&lt;b&gt;" in card.text
    assert not {"bot_command", "mention", "text_link", "hashtag"} & {span.type for span in card.spans}
    assert "\u202e" not in card.text
    assert card.link_preview == {"is_disabled": True}


def test_a_list_moves_by_editing_its_message(phone: Phone, world: World) -> None:
    for number in range(9):
        world.suggest(task(f"Task {number}"))
    phone.person.sends("/inbox")
    page = phone.person.chat.wait_for(lambda shown: "›" in shown.labels or any("›" in one for one in shown.labels))
    before = page.labels
    phone.person.taps(page, next(label for label in page.labels if "›" in label)).answer()
    page.wait_for(lambda shown: shown.labels != before)


def test_a_card_that_is_put_twice_stands_twice(phone: Phone, world: World) -> None:
    made = [world.suggest(task(f"Task {number}")) for number in range(4)]
    with world.work() as work:
        for suggestion in made:
            announce(work, world.actor.user_id, "suggestion", suggestion.id)
        work.commit()
    phone.person.chat.wait_for_text("Task 3")


def test_words_that_nobody_waits_for_are_answered_with_ways_on(phone: Phone) -> None:
    phone.person.sends("hullabaloo")
    answer = phone.person.chat.wait_for_text("never guess")
    assert answer.labels
