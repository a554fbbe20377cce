"""How a Telegram account becomes a person's second chat: by a code, after a question, and never otherwise."""

from typing import Any

from bots.dialogs.newcomers import CODES_AN_HOUR
from bots.kit.opening import carried
from core.identity.prove import make_code
from core.identity.register import add_link
from core.privacy.leave import leave
from tests.bots.telegram.running import Phone, Running
from tests.databases import somebody
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World


def _code(world: World) -> str:
    with world.work() as work:
        code = make_code(work, world.actor)
        work.commit()
    return code


def _links(world: World) -> list[Any]:
    with world.work() as work:
        return [link for link in work.people.links(world.actor.user_id) if link.provider == "telegram"]


def _account(world: World) -> str:
    with world.work() as work:
        return work.people.user(world.actor.user_id).email


def test_a_stranger_is_told_how_and_nothing_is_made(telegram: TelegramEmulator, door: Running, world: World) -> None:
    mia = telegram.user("Mia <b>", language_code="de")
    mia.sends("/start")
    hello = mia.chat.wait_for_text("Einmalcode")
    assert "Hallo Mia <b>," in hello.text and not hello.buttons
    tom = telegram.user("Tom")
    tom.opens(f"https://t.me/nod_test_bot?start={carried('pack', world.agent_id)}")
    later = tom.chat.wait_for_text("one-time code")
    assert "then open it once more" in later.text
    assert _links(world) == []


def test_a_code_shows_which_account_it_links_and_links_after_a_yes(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    mia = telegram.user("Mia", language_code="en")
    mia.sends(_code(world).lower())
    ask = mia.chat.wait_for_text(_account(world))
    assert ask.keyboard == [["Link", "Not me"]] and _links(world) == []
    toast = mia.taps(ask, "Link").answer()
    assert _account(world) in toast
    mia.chat.wait_for(lambda message: bool(message.labels), after=ask)
    ask.wait_for(lambda message: message.buttons == [])
    [link] = _links(world)
    assert (link.provider_subject, link.address) == (str(mia.id), str(mia.id))
    with world.work() as work:
        told = [line.message.payload for line in work.messages.transcript(world.actor.link_id, None, 20)]
    assert told == [{"say": "telegram.linked_elsewhere", "data": {"name": "Mia"}}]


def test_a_deep_link_brings_the_code_and_not_me_links_nothing(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    mia = telegram.user("Mia")
    mia.sends(f"/start {_code(world)}")
    ask = mia.chat.wait_for_text(_account(world))
    mia.taps(ask, "Not me").answer()
    ask.wait_for(lambda message: "Nothing was linked" in message.text and not message.buttons)
    assert _links(world) == []


def test_a_code_works_once_and_its_buttons_only_for_whom_they_were_made(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    code = _code(world)
    mia, tom = telegram.user("Mia"), telegram.user("Tom")
    for person in (mia, tom):
        person.sends(code)
    of_mia, of_tom = (person.chat.wait_for_text(_account(world)) for person in (mia, tom))
    stolen = of_mia.button("Link").data
    assert stolen is not None
    assert "not linked" in tom.taps_data(of_tom, stolen).answer()
    mia.taps(of_mia, "Link").answer()
    tom.taps(of_tom, "Link").answer()
    of_tom.wait_for(lambda message: not message.buttons)
    assert [link.provider_subject for link in _links(world)] == [str(mia.id)]
    tom.sends(code)
    refused = tom.chat.wait_for(lambda message: True, after=of_tom)
    tom.sends("AAAA-BBBB")
    unknown = tom.chat.wait_for(lambda message: True, after=refused)
    assert refused.text == unknown.text


def test_an_hour_takes_ten_codes_of_one_person_also_the_right_one(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    mia = telegram.user("Mia")
    last = None
    for number in range(CODES_AN_HOUR):
        mia.sends(f"AAAA-BB{number:02}")
        last = mia.chat.wait_for(lambda message: True, after=last)
    mia.sends(_code(world))
    mia.chat.wait_for_text("Enough codes", after=last)
    tom = telegram.user("Tom")
    tom.sends(_code(world))
    tom.chat.wait_for_text(_account(world))


def test_somebody_who_is_linked_is_told_so_and_stays_who_they_are(phone: Phone, world: World) -> None:
    phone.person.sends(f"/start {_code(world)}")
    phone.person.chat.wait_for_text(f"is linked to {_account(world)}")
    other = somebody(world.storage, "other@example.org")
    with world.storage.work(other.workspace_id, other.user_id) as work:
        code = make_code(work, other)
        work.commit()
    phone.person.sends(f"/start {code}")
    phone.person.chat.wait_for_text("of another account")
    known = world.storage.directory.by_link("telegram", "", str(phone.person.id))
    assert known is not None and known.user_id == world.actor.user_id


def test_in_a_group_strangers_are_sent_to_the_private_chat(telegram: TelegramEmulator, door: Running) -> None:
    tom = telegram.user("Tom")
    team = telegram.group("Team", [tom], kind="group")
    hello = team.wait_for_text("/nod")
    assert [button.url for row in hello.buttons for button in row] == ["https://t.me/nod_test_bot"]
    tom.sends("/inbox", chat=team)
    hint = team.wait_for_text("in private", after=hello)
    tap = tom.taps_data(hint, "anything")
    assert "in private" in tap.answer() and tap.answer().show_alert


def test_a_group_that_moved_is_answered_where_it_is(telegram: TelegramEmulator, door: Running) -> None:
    tom = telegram.user("Tom")
    team = telegram.group("Team", [tom], kind="group")
    team.wait_for_text("/nod")
    telegram.delay("sendMessage", 0.3)
    tom.sends("/inbox", chat=team)
    telegram.wait_until_confirmed()
    team.upgrades().wait_for_text("in private")


def test_the_language_and_timezone_are_asked_where_they_are_not_settled(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    mia = telegram.user("Mia", language_code="de")
    with world.work() as work:
        add_link(work, world.actor.user_id, "telegram", str(mia.id), str(mia.id))
        work.commit()
    mia.sends("/start")
    ask = mia.chat.wait_for(lambda message: bool(message.labels))
    mia.taps(ask, ask.labels[0]).answer()
    ask.wait_for(lambda message: "Europe/Berlin" in message.text)
    with world.work() as work:
        profile = work.people.profile(world.actor.user_id)
        assert profile.settled_at is not None and profile.language == "de"


def test_who_left_comes_back_with_their_code_from_their_own_account_only(
    telegram: TelegramEmulator, door: Running, world: World
) -> None:
    mia, tom = telegram.user("Mia"), telegram.user("Tom")
    with world.work() as work:
        add_link(work, world.actor.user_id, "telegram", str(mia.id), str(mia.id))
        work.commit()
    with world.work() as work:
        left = leave(work, world.actor, work.people.user(world.actor.user_id).email)
        work.commit()
    mia.sends("/inbox")
    mia.chat.wait_for_text("one-time code")
    tom.sends(f"/start {left.code}")
    tom.chat.wait_for_text("That code")
    mia.sends(f"/start {left.code}")
    mia.chat.wait_for_text("Welcome back")
    mia.sends("/inbox")
    mia.chat.wait_for_text("Nothing waits for you")
