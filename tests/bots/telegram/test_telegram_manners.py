"""What Telegram's own ways are used for: menus in each language and place, links that open a thing, an overview to edit from, a nod, a file beside what is too long."""

from uuid import UUID

import pytest

from bots.kit.opening import carried
from bots.kit.parts import Parts
from bots.telegram.nodding import UNDERSTOOD
from core.identity.models import Membership
from core.identity.register import add_link
from core.kernel.ids import new_id
from core.messaging.post import answer
from core.workflows.packs import make_pack
from tests.bots.telegram.running import Phone, Running
from tests.databases import somebody
from tests.emulators.telegram import Message, Person, TelegramEmulator
from tests.runners.world import World, mail, task

LINK = "https://t.me/nod_test_bot?start="


def _nodded(message: Message) -> bool:
    return [one["emoji"] for given in message.reactions.values() for one in given] == [UNDERSTOOD]


def test_each_chat_has_its_menu_in_each_language(telegram: TelegramEmulator, door: Running, parts: Parts) -> None:
    mia, tom = telegram.user("Mia", language_code="de"), telegram.user("Tom", language_code="fr")
    team = telegram.group("Team", [mia, tom])
    languages = parts.words.languages
    assert set(languages) >= {"en", "de", "es"}
    telegram.wait_for(lambda: True if len(telegram.calls_to("setMyShortDescription")) == len(languages) else None)
    alone = {one["command"]: one["description"] for one in tom.menu()}
    assert {"start", "inbox", "new", "rooms", "settings", "stop", "help", "cancel"} <= set(alone)
    assert alone["stop"] == "Hold all agents at once"
    german = {one["command"]: one["description"] for one in mia.menu()}
    assert set(german) == set(alone) and german["stop"] != alone["stop"]
    assert [one["command"] for one in tom.menu(team)] == ["nod", "help"]
    assert [one["command"] for one in mia.menu(team)] == ["nod", "rooms", "help"], "she owns the group"
    assert "tap" in telegram.descriptions["description", ""] and telegram.descriptions["short_description", "de"]


def test_editing_begins_with_what_stands_and_changes_only_what_is_picked(phone: Phone, world: World) -> None:
    suggestion = world.suggest(mail())
    card = phone.card(suggestion)
    phone.person.taps(card, "Edit").answer()
    overview = phone.person.chat.wait_for(lambda shown: "Subject" in shown.labels, after=card)
    assert overview.labels == ["To", "Cc", "Subject", "Text", "Save, then show me", "Cancel"]
    assert "kim@example.net" in overview.text and "empty" in overview.text
    phone.person.taps(overview, "Subject").answer()
    asked = phone.person.chat.wait_for_text("Write it anew", after=overview)
    assert asked.markup == {"force_reply": True, "input_field_placeholder": "Subject"} and "Re: Offer" in asked.text
    said = phone.person.answers("Re: The offer of March")
    second = phone.person.chat.wait_for_text("Re: The offer of March", after=asked)
    said.wait_for(_nodded)
    assert "Go on with the newest" in phone.person.taps(overview, "Save").answer(), "an old overview shows old words"
    phone.person.taps(second, "Cc").answer()
    copy = phone.person.chat.wait_for(lambda shown: bool((shown.markup or {}).get("force_reply")), after=second)
    phone.person.answers("nobody at all")
    third = phone.person.chat.wait_for_text("nobody at all", after=copy)
    phone.person.taps(third, "Save").answer()
    wrong = phone.person.chat.wait_for(lambda shown: "address" in shown.text and "Cc" in shown.text, after=copy)
    phone.person.sends("ana@example.org")
    newer = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels and "Edited" in shown.text, after=wrong)
    assert "ana@example.org" in newer.text
    with world.work() as work:
        revision = work.suggestions.revision(suggestion.id, 2)
        assert revision.action.input["subject"] == "Re: The offer of March"
        assert revision.action.input["body"].strip() == "Yes, gladly." and revision.action.input["cc"] == [
            "ana@example.org"
        ]
        assert work.suggestions.get(suggestion.id).status == "pending", "an edit is no yes"


def test_what_was_picked_can_be_left_or_emptied(phone: Phone, world: World) -> None:
    proposal = mail()
    copied = proposal.model_copy(update={"input": {**proposal.input, "cc": ["ana@example.org"]}})
    card = phone.card(world.suggest(copied))
    phone.person.taps(card, "Edit").answer()
    overview = phone.person.chat.wait_for(lambda shown: "Cc" in shown.labels, after=card)
    phone.person.sends("Thursday")
    told = phone.person.chat.wait_for_text("Tap first what you want to change", after=overview)
    phone.person.taps(told, "To").answer()
    asked = phone.person.chat.wait_for_text("leaves it as it is", after=told)
    assert "leave it empty" not in asked.text, "nobody to send it to is no mail"
    phone.person.sends("/back")
    again = phone.person.chat.wait_for(lambda shown: "Cc" in shown.labels, after=asked)
    phone.person.taps(again, "Cc").answer()
    asked = phone.person.chat.wait_for_text("a single - to leave it empty", after=again)
    phone.person.answers("-")
    emptied = phone.person.chat.wait_for(lambda shown: "Cc" in shown.labels, after=asked)
    assert "ana@example.org" not in emptied.text
    phone.person.sends("/cancel")
    phone.person.chat.wait_for(lambda shown: "Cc" not in shown.labels, after=emptied)
    assert "not in the middle" in phone.person.taps(emptied, "Save").answer()
    phone.person.sends("/back")
    phone.person.chat.wait_for_text("not in the middle", after=emptied)


def test_words_that_were_understood_are_nodded_at_and_others_are_not(phone: Phone, world: World) -> None:
    card = phone.card(world.suggest(mail()))
    answer = phone.person.replies(card, "Thursday would be better.")
    phone.person.chat.wait_for_text("Thursday would be better.", after=card)
    answer.wait_for(_nodded)
    lost = phone.person.sends("hullabaloo")
    told = phone.person.chat.wait_for_text("never guess", after=answer)
    command = phone.person.sends("/help")
    phone.person.chat.wait_for_text("/inbox", after=told)
    assert not lost.reactions and not command.reactions


def _second_person(telegram: TelegramEmulator, world: World, workspace_id: UUID | None = None) -> Person:
    """Somebody else with Telegram: in a workspace of their own, or a member of that one."""
    other = somebody(world.storage)
    tom = telegram.user("Tom")
    with world.storage.work(workspace_id or other.workspace_id, other.user_id) as work:
        if workspace_id is not None:
            work.people.add(
                Membership(
                    id=new_id(), workspace_id=workspace_id, user_id=other.user_id, role="member", created_at=work.now
                )
            )
        add_link(work, other.user_id, "telegram", str(tom.id), str(tom.id))
        work.commit()
    return tom


def test_a_shared_pack_is_opened_by_its_link_by_members_and_by_nobody_else(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    with world.work() as work:
        pack = make_pack(work, world.actor, "Mornings", [world.agent_id])
        work.commit()
    tom = _second_person(telegram, world, world.actor.workspace_id)
    tom.opens(LINK + carried("pack", pack.id))
    early = tom.chat.wait_for_text("not for you")
    assert "Mornings" not in early.text and early.labels
    phone.person.sends("/packs")
    listed = phone.person.chat.wait_for(lambda shown: "Mornings" in shown.labels)
    phone.person.taps(listed, "Mornings").answer()
    page = listed.wait_for(lambda shown: "Share" in shown.labels)
    phone.person.taps(page, "Share").answer()
    ask = page.wait_for(lambda shown: "Share with the workspace" in shown.labels)
    assert LINK not in ask.text, "nothing is shared before the second tap"
    phone.person.taps(ask, "Share with the workspace").answer()
    shared = ask.wait_for(lambda shown: LINK in shown.text)
    [sent] = [button.url for row in shared.buttons for button in row if button.url]
    assert sent is not None and sent.startswith("https://t.me/share/url?url=https%3A%2F%2Ft.me%2Fnod_test_bot")
    tom.opens(LINK + carried("pack", pack.id))
    assert "Run it now" in tom.chat.wait_for_text("Mornings", after=early).labels
    zoe = _second_person(telegram, world)
    zoe.opens(LINK + carried("pack", pack.id))
    assert "Mornings" not in zoe.chat.wait_for_text("not for you").text


@pytest.mark.parametrize("kind", ["suggestion", "run"])
def test_a_card_and_a_run_are_opened_by_whom_they_are_for(
    phone: Phone, world: World, telegram: TelegramEmulator, kind: str
) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    link = LINK + carried(kind, suggestion.id if kind == "suggestion" else suggestion.run_id)  # pyright: ignore[reportArgumentType]
    phone.person.taps(card, "Details").answer()
    details = phone.person.chat.wait_for(lambda shown: "Link" in shown.labels, after=card)
    assert phone.person.taps(details, "Link").answer() == ""
    made = phone.person.chat.wait_for_text(LINK, after=details)
    assert carried("suggestion", suggestion.id) in made.text and "pre" in [span.type for span in made.spans]
    phone.person.opens(link)
    phone.person.chat.wait_for(lambda shown: bool(shown.labels), after=made)
    tom = _second_person(telegram, world, world.actor.workspace_id)
    tom.opens(link)
    refused = tom.chat.wait_for_text("not for you")
    assert all("Pay the dentist" not in shown.text for shown in tom.chat.bot_messages)
    tom.opens(LINK + carried(kind, new_id()))  # pyright: ignore[reportArgumentType]
    assert tom.chat.wait_for_text("not for you", after=refused).text == refused.text, "gone reads like not yours"


def test_what_is_too_long_to_read_is_handed_over_as_a_file(phone: Phone, world: World) -> None:
    recipients = [
        f"person{number:03}@{'-'.join(['department'] * 5)}.{'-'.join(['town'] * 10)}.example.org"
        for number in range(45)
    ]
    proposal = mail("Re: /stop <b>now</b>")
    world.suggest(proposal.model_copy(update={"input": {**proposal.input, "to": recipients}}))
    card = phone.person.chat.wait_for(lambda shown: "As a file" in shown.labels)
    phone.person.taps(card, "As a file").answer()
    sent = phone.person.chat.wait_for(lambda shown: shown.file is not None)
    assert sent.file is not None and sent.file.name.endswith(".txt") and sent.file.name.isascii()
    whole = sent.file.content.decode("utf-8")
    assert all(recipient in whole for recipient in recipients) and "Re: /stop <b>now</b>" in whole
    assert "Approve" not in card.labels and not sent.labels, "a file is no place to decide"


def test_a_long_mail_is_a_file_beside_read_all(phone: Phone, world: World) -> None:
    body = "\n\n".join(f"Paragraph {number} <&> " + "word " * 60 for number in range(1, 30))
    proposal = mail()
    world.suggest(proposal.model_copy(update={"input": {**proposal.input, "body": body}}))
    card = phone.person.chat.wait_for(lambda shown: any("Read all" in label for label in shown.labels))
    phone.person.taps(card, "As a file").answer()
    sent = phone.person.chat.wait_for(lambda shown: shown.file is not None)
    assert sent.file is not None
    whole = sent.file.content.decode("utf-8")
    assert "Paragraph 1 <&>" in whole and "Paragraph 29 <&>" in whole and "kim@example.net" in whole
    assert "Approve" not in card.labels, "what was not read in the chat is not approved there"


def test_a_word_that_opens_a_field_comes_anew_where_it_would_change_a_message(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    with world.work() as work:
        screen = {"blocks": [{"kind": "paragraph", "text": "Say it"}], "asks": "Here"}
        delivery = answer(work, work.people.link(phone.actor.link_id), {"screen": screen})
        work.commit()
    asked = phone.person.chat.wait_for_text("Say it")
    assert asked.markup == {"force_reply": True, "input_field_placeholder": "Here"}
    with world.work() as work:
        again = work.messages.delivery(delivery.id)
        again.wanted += 1
        again.status, again.due_at = "pending", work.now
        work.ring("deliveries.telegram", again.id)
        work.commit()
    phone.person.chat.wait_for_text("Say it", after=asked)
    asked.wait_until_deleted()
