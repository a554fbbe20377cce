"""What Telegram may do to a message: refuse, delay, forget, block; and what becomes of the message then."""

import asyncio
import threading
import time

import psycopg
import pytest

from bots.kit import dialog
from bots.kit.dialog import Chat, Reply
from bots.kit.outbound import SlowDown
from bots.kit.parts import Parts
from bots.kit.screen import Paragraph, Screen
from bots.telegram.files import LIMIT
from bots.telegram.limits import UNDER_WAY, Limits, Rate, Rates
from core.approvals.stop import resume_all
from core.identity.prove import make_code
from core.kernel.settings import Settings
from core.messaging.post import refresh
from tests.bots.telegram.running import Phone, Running
from tests.emulators.telegram import TelegramEmulator
from tests.runners.world import World, mail, task


def _refresh(world: World, suggestion_id: object) -> None:
    with world.work() as work:
        refresh(work, "suggestion", suggestion_id)  # pyright: ignore[reportArgumentType]
        work.commit()


def test_a_chat_that_must_wait_waits_alone(
    phone: Phone, world: World, telegram: TelegramEmulator, parts: Parts
) -> None:
    tom = telegram.user("Tom")
    telegram.too_many_requests("sendMessage", retry_after=2)
    began = time.monotonic()
    world.suggest(task())
    telegram.wait_for_call("sendMessage", lambda call: call.status == 429)
    tom.sends("/start")
    tom.chat.wait_for_text("one-time code")
    assert time.monotonic() - began < 1.5
    phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels)
    assert time.monotonic() - began >= 2
    refused = telegram.calls_to("sendMessage")
    assert [call.status for call in refused].count(429) == 1


def test_a_card_survives_errors_of_telegram(phone: Phone, world: World, telegram: TelegramEmulator) -> None:
    telegram.fail_next("sendMessage", 502, "Bad Gateway")
    card = phone.card(world.suggest(task()))
    telegram.fail_next("editMessageText", 500, "Internal Server Error")
    phone.person.taps(card, "Reject").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels)


def test_a_card_whose_answer_was_lost_comes_again_and_each_copy_works_once(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    telegram.drop_after_accept("sendMessage")
    suggestion = world.suggest(task())
    first = phone.card(suggestion)
    second = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels, after=first)
    old = first.button("Approve").data
    assert old is not None and phone.person.taps(first, "Approve").answer()
    second.wait_for(lambda shown: "Approve" not in shown.labels)
    first.wait_for(lambda shown: not shown.buttons and "came twice" in shown.text)
    assert phone.person.taps_data(first, old).answer().show_alert
    with world.work() as work:
        assert len(work.suggestions.approvals(suggestion.id)) == 1


def test_a_chat_that_blocked_the_bot_shows_the_truth_again_once_it_does_not(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    first = world.suggest(task("The first one"))
    card = phone.card(first)
    telegram.wait_until_confirmed()
    with telegram.world.lock:
        second = world.suggest(task("The second one"))
        phone.person.blocks_bot()
    world.approve(first)
    world.wait_until(lambda: not _link_reachable(phone) and _given_up(world, first.id) and _given_up(world, second.id))
    phone.person.unblocks_bot()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    newer = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels, after=card)
    assert "The second one" in newer.text
    assert sum("The first one" in m.text for m in phone.person.chat.bot_messages) == 1


def _given_up(world: World, suggestion_id: object) -> bool:
    assert world.settings.database_url is not None
    with psycopg.connect(world.settings.database_url.get_secret_value()) as database:
        found = database.execute(
            "SELECT FROM nod.deliveries WHERE subject_id = %s AND channel = 'telegram' AND status = 'failed'",
            [suggestion_id],
        )
        return found.fetchone() is not None


def test_an_edit_that_changes_nothing_is_fine(phone: Phone, world: World, telegram: TelegramEmulator) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    _refresh(world, suggestion.id)
    telegram.wait_for_call("editMessageText", lambda call: "not modified" in str(call.response))
    phone.person.taps(card, "Approve").answer()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    assert sum("Pay the dentist" in m.text for m in phone.person.chat.bot_messages) == 1


@pytest.mark.parametrize("how", ["deleted", "too old"])
def test_a_card_that_cannot_be_edited_is_sent_anew(phone: Phone, world: World, how: str) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    if how == "deleted":
        phone.person.deletes(card)
    else:
        card.freeze()
    _refresh(world, suggestion.id)
    newer = phone.person.chat.wait_for(lambda shown: "Approve" in shown.labels, after=card)
    phone.person.taps(newer, "Approve").answer()
    newer.wait_for(lambda shown: "Approve" not in shown.labels)


def test_a_toast_that_comes_too_late_is_no_trouble(phone: Phone, world: World, telegram: TelegramEmulator) -> None:
    suggestion = world.suggest(task())
    card = phone.card(suggestion)
    telegram.delay("answerCallbackQuery", 0.2)
    phone.person.taps(card, "Reject")
    telegram.expire_callbacks()
    card.wait_for(lambda shown: "Approve" not in shown.labels)
    phone.person.sends("/help")
    phone.person.chat.wait_for_text("/inbox")


def test_who_blocks_the_bot_is_told_elsewhere_and_welcome_back(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    phone.person.blocks_bot()
    telegram.wait_until_confirmed()
    world.wait_until(lambda: not _link_reachable(phone))
    with world.work() as work:
        told = [line.message.payload for line in work.messages.transcript(world.actor.link_id, None, 20)]
        assert told == [{"say": "telegram.blocked", "data": {}}]
        assert work.agents.get(world.agent_id).status == "active"
    world.suggest(task())
    phone.person.unblocks_bot()
    phone.person.sends("/inbox")
    phone.person.chat.wait_for(lambda shown: any("Pay the dentist" in label for label in shown.labels))
    assert _link_reachable(phone)


def test_who_blocks_their_only_chat_has_their_agents_paused(
    phone: Phone, world: World, telegram: TelegramEmulator
) -> None:
    with world.work() as work:
        work.people.link(world.actor.link_id).reachable = False
        work.commit()
    approved = world.suggest(task())
    world.approve(approved, undo_seconds=600)
    phone.person.chat.wait_for_text("Approved by you")
    telegram.fail_next("sendMessage", 403, "Forbidden: bot was blocked by the user", times=None)
    world.suggest(task("Call the vet"))
    world.wait_until(lambda: not _link_reachable(phone))
    with world.work() as work:
        assert work.agents.get(world.agent_id).status == "paused"
        held = work.executions.of(approved.id)
        assert held is not None and held.status == "ready", "what was approved stays so"
        resume_all(work, phone.actor)
        assert work.agents.get(world.agent_id).status == "active", "it is woken like one that was stopped"


def _link_reachable(phone: Phone) -> bool:
    with phone.world.work() as work:
        return work.people.link(phone.actor.link_id).reachable


def test_a_file_arrives_whole_and_one_that_is_too_large_is_said(phone: Phone, world: World, parts: Parts) -> None:
    content = b"From: a@example.org\r\nSubject: Hi\r\n\r\nHello\r\n" * 1000
    phone.person.sends_file("mail-xyz", content, caption="Have a look")
    phone.person.chat.wait_for_text("mail-xyz is here")
    [upload] = [line.message for line in phone.lines() if "upload" in line.message.payload]
    assert upload.payload["caption"] == "Have a look" and upload.blob is not None
    assert parts.storage.blobs(phone.actor.workspace_id, phone.actor.user_id).get(upload.blob) == content
    phone.person.sends_file("all-mbox", b"x" * (LIMIT + 1))
    assert "20" in phone.person.chat.wait_for_text("all-mbox has").text


def test_typing_is_shown_only_for_what_takes_longer_than_a_second(phone: Phone, telegram: TelegramEmulator) -> None:
    phone.person.sends("/help")
    phone.person.chat.wait_for_text("/inbox")
    assert telegram.calls_to("sendChatAction") == []
    seen = threading.Event()

    def slow(chat: Chat, rest: str) -> Reply:
        assert seen.wait(60)
        return Reply(Screen(blocks=(Paragraph(text="At last"),)))

    dialog.commands["tryslow"] = slow
    try:
        phone.person.sends("/tryslow")
        telegram.wait_for_call("sendChatAction")
        seen.set()
        phone.person.chat.wait_for_text("At last")
    finally:
        del dialog.commands["tryslow"]
    assert phone.person.chat.drafts == [], "there is nothing to say about it"


def test_what_is_done_with_a_file_is_streamed_as_a_draft(phone: Phone, telegram: TelegramEmulator) -> None:
    telegram.delay("getFile", 1.5)
    phone.person.sends_file("@boss evil.example", b"x" * 2048)
    phone.person.chat.wait_for_text("@boss evil.example is here")
    [draft, *_] = phone.person.chat.drafts
    assert draft.text.replace("\u2060", "").startswith("Fetching @boss evil.example (2") and not draft.entities
    assert telegram.calls_to("sendChatAction") == [] and phone.person.chat.draft is None
    telegram.fail_next("sendMessageDraft", 404, "Not Found")
    telegram.delay("getFile", 1.5)
    phone.person.sends_file("other-xyz", b"x")
    phone.person.chat.wait_for_text("other-xyz is here")
    assert telegram.calls_to("sendChatAction"), "an older server has no drafts"


def test_a_code_still_links_when_telegram_stumbles(telegram: TelegramEmulator, door: Running, world: World) -> None:
    with world.work() as work:
        code = make_code(work, world.actor)
        work.commit()
    telegram.fail_next("sendMessage", 500, "Internal Server Error")
    mia = telegram.user("Mia")
    mia.sends(code)
    mia.chat.wait_for(lambda shown: shown.labels == ["Link", "Not me"])


def test_the_limits_of_telegram_are_kept(
    parts: Parts, chosen: Settings, telegram: TelegramEmulator, world: World
) -> None:
    with Running(parts, chosen, Rates()):
        phone = Phone.linked(telegram, world)
        telegram.limit_as_published()
        for number in range(7):
            world.suggest(mail(f"Mail {number}"))
        phone.person.chat.wait_for_text("Mail 6")
        assert {call.status for call in telegram.calls_to("sendMessage")} == {200}


def test_a_paused_chat_waits_and_others_do_not() -> None:
    async def sending() -> tuple[float, float]:
        limits = Limits()
        limits.pause("1", 0.4)
        began = time.monotonic()
        async with limits.turn("2"):
            other = time.monotonic() - began
        async with limits.turn("1"):
            own = time.monotonic() - began
        limits.pause("1", 60)
        with pytest.raises(SlowDown) as slow:
            async with limits.turn("1"):
                pass
        assert 55 < slow.value.seconds <= 60
        return other, own

    other, own = asyncio.run(sending())
    assert other < 0.2 and own >= 0.4


def test_what_waits_for_its_turn_heeds_a_pause_that_comes_meanwhile() -> None:
    async def sending() -> None:
        limits = Limits(Rates(chat=Rate(2)))
        async with limits.turn("1"):
            pass
        waiting = asyncio.create_task(_once(limits, "1"))
        await asyncio.sleep(0)
        limits.pause("1", 60)
        with pytest.raises(SlowDown) as slow:
            await waiting
        assert 55 < slow.value.seconds <= 60

    asyncio.run(sending())


def test_no_more_are_under_way_than_may_arrive_in_one_moment() -> None:
    async def sending() -> tuple[int, list[int]]:
        limits, left = Limits(Rates(bot=Rate(1000, 100))), []
        full, arrived = asyncio.Event(), asyncio.Event()

        async def one(chat: int) -> None:
            async with limits.turn(str(chat)):
                left.append(chat)
                if len(left) == UNDER_WAY:
                    full.set()
                await arrived.wait()

        every = [asyncio.create_task(one(chat)) for chat in range(60)]
        await full.wait()
        for _ in range(1000):  # Whoever may go goes within a few turns of the loop: none waits for its bucket.
            await asyncio.sleep(0)
        held_up = len(left)
        arrived.set()
        await asyncio.gather(*every)
        return held_up, left

    held_up, left = asyncio.run(sending())
    assert held_up == UNDER_WAY < 30 and sorted(left) == list(range(60))


async def _once(limits: Limits, chat: str) -> None:
    async with limits.turn(chat):
        pass


def test_a_door_that_is_told_to_stop_as_it_opens_stops(
    parts: Parts, chosen: Settings, telegram: TelegramEmulator
) -> None:
    for _ in range(8):
        with Running(parts, chosen) as running:
            began = time.monotonic()
            running.stop()
            assert time.monotonic() - began < 5
