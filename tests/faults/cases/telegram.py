"""Telegram: doors that die or stand still, a platform that refuses, loses answers and forgets, people who block the bot, groups that move, and what is forged."""

from typing import Any

from core.approvals.decide import edit
from core.approvals.rooms import ask_in_rooms, let_ask
from core.messaging.rooms import connect_room, leave_room
from tests.faults.case import case, workers
from tests.faults.chats import approved, tap_what_waits
from tests.faults.dying import (
    killed_at_any_moment,
    killed_at_points,
    servers_die,
    stands_still,
    words_that_kill,
)
from tests.faults.phones import Phones
from tests.faults.system import Asked, System
from tests.runners.world import World

METHODS = ("sendMessage", "editMessageText")
TROUBLES = ("429", "502", "lost", "frozen", "deleted")
LATE_SECONDS = 12.0
"""Longer than a door waits: the answer comes when nobody listens any more."""
HELP = "/inbox"
"""Stands in the answer to /help alone."""


@case("telegram", small=6, large=60, people=2)
def telegram_doors_killed_at_every_point_of_a_delivery_and_an_arrival(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_points(Phones(system), size)


@case("telegram", small=4, large=60, people=4)
def telegram_doors_killed_at_any_moment_while_people_tap(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_any_moment(Phones(system), size)


@case("telegram", small=1, large=6, people=3)
def words_that_kill_a_door_of_telegram(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return words_that_kill(Phones(system), size)


@case("telegram", small=3, large=30, people=4)
def servers_that_die_under_the_doors_of_telegram(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return servers_die(Phones(system), size)


@case("telegram", small=2, large=12, people=2)
def a_telegram_door_that_stands_still_while_it_delivers(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return stands_still(Phones(system), size)


@case("telegram", small=10, large=80, people=5)
def telegram_that_refuses_loses_answers_and_forgets(system: System, size: int) -> list[Asked]:
    """429 with retry_after, 5xx, an answer that is lost or comes too late after the message was taken, messages that can be edited no more or were deleted."""
    chats = Phones(system)
    workers(system, 1)
    chats.doors.start()
    waiting: list[Asked] = []
    for number in range(size):
        trouble = "late" if number % 20 == 19 else TROUBLES[number % len(TROUBLES)]
        method = METHODS[number // (20 if trouble == "late" else len(TROUBLES)) % 2]
        match trouble:
            case "429":
                chats.telegram.too_many_requests(method, 1)
            case "502":
                chats.telegram.fail_next(method, 502, "Bad Gateway", times=2)
            case "lost":
                chats.telegram.drop_after_accept(method)
            case "late":
                chats.telegram.delay(method, LATE_SECONDS, after=True)
        one = chats.suggest()
        if trouble in ("frozen", "deleted"):
            standing, phone = chats.wait_for_card(one).message, chats.phone(one.world)
            with chats.telegram.world.lock:
                phone.taps(standing, "Approve")
                standing.freeze() if trouble == "frozen" else phone.deletes(standing)
        else:
            waiting.append(one)
        tap_what_waits(chats, waiting)
    system.wait(lambda: tap_what_waits(chats, waiting), 120, "the last cards")
    return chats.asked


@case("telegram", small=2, large=12, people=2)
def people_who_block_the_bot_and_let_it_back(system: System, size: int) -> list[Asked]:
    """Somebody blocks the bot while a card stands in the chat; meanwhile it is decided elsewhere, and another one is on its way; then they let the bot speak again."""
    chats = Phones(system)
    workers(system, 1)
    chats.doors.start()
    for _ in range(size):
        first = chats.suggest()
        chats.wait_for_card(first)
        phone = chats.phone(first.world)
        with chats.telegram.world.lock:
            # Known by what Telegram answers, or by the update, whichever is first.
            second = chats.suggest(world=first.world)
            phone.blocks_bot()
        first.approve()
        system.wait(chats.settled, 60, "Telegram's no")
        phone.unblocks_bot()
        system.wait(lambda second=second: chats.tap(second), 60, "the second card")
        system.wait(lambda first=first: chats.card(first) is None, 60, "the truth about the first one")
    return chats.asked


@case("telegram", small=2, large=8, people=1)
def groups_that_become_supergroups(system: System, size: int) -> list[Asked]:
    """A group gets another number while cards stand there, and messages of the bot stand at their old numbers in the new one. Whoever taps there decides what they see."""
    chats = Phones(system)
    workers(system, 1)
    chats.doors.start()
    [world] = system.people
    phone = chats.phone(world)
    for number in range(size):
        small = chats.telegram.group(f"Group {number}", [phone], kind="group")
        with world.work() as work:
            room = connect_room(work, world.actor, "telegram", "", str(small.id), small.title)
            let_ask(work, world.actor, room.id, world.agent_id, "open")
            work.commit()
        chats.rooms.append(room.id)
        before = [_in_rooms(chats, world) for _ in range(3)]
        system.wait(lambda before=before, small=small: all(_card(small, one) for one in before), 60, "the cards")
        with chats.telegram.world.lock:
            large = small.upgrades()
            later = _in_rooms(chats, world)
            before[0].approve()
        for one in (*before[1:], later):
            card = system.wait(lambda one=one, large=large: _card(large, one), 60, f"the card of {one.text}")
            phone.taps(card, "Approve")
            system.wait(lambda one=one, large=large: not _card(large, one), 60, f"the truth about {one.text}")
        system.wait(chats.settled, 60, "rest")
        with world.work() as work:
            leave_room(work, world.actor, room.id)
            work.commit()
    return chats.asked


def _in_rooms(chats: Phones, world: World) -> Asked:
    """A suggestion that is also asked about in the room of its agent."""
    one = chats.suggest(world=world)
    with world.work() as work:
        ask_in_rooms(work, one.suggestion)
        work.commit()
    return one


def _card(group: Any, one: Asked) -> Any:
    """The card that can be decided there."""
    return next((m for m in group.bot_messages if one.text in m.text and "Approve" in m.labels), None)


@case("telegram", small=4, large=30, people=2)
def updates_that_come_again_and_out_of_order(system: System, size: int) -> list[Asked]:
    """Every tap and every word is handed out again, several times, mixed with what is new; now and then a door dies in the midst."""
    chats = Phones(system)
    workers(system, 1)
    chats.doors.start()
    for number in range(size):
        one = chats.suggest()
        chats.wait_for_card(one)
        with chats.telegram.world.lock:
            updates = chats.telegram.world.updates
            chats.tap(one)
            chats.phone(one.world).sends("/help")
            for update in system.chance.sample(updates.every, min(6, len(updates.every))):
                updates.redeliver(update)
            system.chance.shuffle(updates.pending)
        if number % 4 == 3:
            chats.doors.kill()
            chats.doors.time_passes()
            chats.doors.start()
        system.wait(chats.settled, 60, "the answers")
    answers = sum(HELP in m.text for phone in chats.people.values() for m in phone.chat.bot_messages)
    assert size <= answers <= size + system.kills, f"{answers} answers to {size} questions"
    return chats.asked


@case("telegram", small=3, large=20, people=2)
def buttons_that_are_forged_foreign_and_superseded(system: System, size: int) -> list[Asked]:
    """What no button carries, what another person's button carries, what an older version's carried: nothing of it decides anything, and each is told so."""
    chats = Phones(system)
    chats.doors.start()
    for _ in range(size):
        one = chats.suggest("task")
        card, whose = chats.wait_for_card(one).message, chats.phone(one.world)
        data = card.button("Approve").data
        assert data is not None
        other = next(phone for phone in chats.people.values() if phone is not whose)
        elsewhere = other.sends("/help")
        forged = [
            data[:-1] + ("A" if data[-1] != "A" else "B"),
            data[::-1],
            "x",
            "suggestion.approve",
            "é" * 20,
            data[:9],
        ]
        taps = [*(whose.taps_data(card, made) for made in forged), other.taps_data(elsewhere, data)]
        # What was forged is handled before the newer version makes it old.
        assert all(tap.answer() for tap in taps), "somebody was told nothing"
        with one.world.work() as work:
            edit(work, one.world.actor, one.suggestion.id, 1, {"title": f"{one.text} anew"})
            work.commit()
        assert whose.taps_data(card, data).answer(), "nobody was told of the newer version"
    return approved(chats)
