"""That the rig would notice if people's chats were not as they must be: it is told lies of each kind, after a card that was shown, approved and carried out well."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.emulators.telegram.people import Toast
from tests.faults.case import workers
from tests.faults.chats import tap_what_waits
from tests.faults.invariants import settled, verdict
from tests.faults.phones import Phones
from tests.faults.system import system


@pytest.fixture(scope="module")
def well() -> Iterator[tuple[Phones, Any]]:
    """A chat in which all is well, and its message."""
    with system(seed=1, people=1, durable=False) as broken:
        chats = Phones(broken)
        workers(broken, 1)
        chats.doors.start()
        one = chats.suggest("keyed")
        card = chats.wait_for_card(one).message
        tap_what_waits(chats, [one])
        broken.wait(lambda: chats.card(one) is None and settled(broken), 60, "the effect")
        for name in list(broken.running):
            broken.kill(name)
        chats.doors.died_at.clear()
        assert verdict(broken, chats.asked).well, str(verdict(broken, chats.asked))
        yield chats, card


def _stale(chats: Phones, card: Any) -> str:
    card.versions.append(card.versions[0])
    return "a copy that still asks for what was decided"


def _untrue(chats: Phones, card: Any) -> str:
    card.versions.append(replace(card.now, text="All is well."))
    return "a card that is not true"


def _twice(chats: Phones, card: Any) -> str:
    first, last = card.versions[0], card.now
    for call in chats.telegram.calls_to("sendMessage"):
        again = card.chat.add(chats.telegram.bot, first.text, first.entities)
        again.versions.append(last)
        chats.telegram.world.calls.append(
            replace(call, response={"result": {"message_id": again.id}}, params={"chat_id": str(card.chat.id)})
        )
    return "a card that was shown too often"


def _never(chats: Phones, card: Any) -> str:
    card.sender = chats.phone(chats.asked[0].world)
    return "a card that nobody was shown"


def _told(chats: Phones, card: Any) -> str:
    [tap] = chats.telegram.world.taps.values()
    tap.toast = Toast("Rejected. Nothing was done.", False, None)
    return "a tap of which somebody was told that it counted"


def _unanswered(chats: Phones, card: Any) -> str:
    [tap] = chats.telegram.world.taps.values()
    tap.toast = None
    return "a tap that nobody answered"


def _lost(chats: Phones, card: Any) -> str:
    chats.telegram.world.updates.every.append({"update_id": 1})
    return "an update that was confirmed and is lost"


@pytest.mark.parametrize("lie", [_stale, _untrue, _twice, _never, _told, _unanswered, _lost])
def test_the_check_sees_what_is_wrong_in_a_chat(well: tuple[Phones, Any], lie: Any) -> None:
    chats, card = well
    world = chats.telegram.world
    [tap] = world.taps.values()
    before = (list(card.versions), card.sender, tap.toast, list(world.updates.every), list(world.calls))
    messages = dict(card.chat._every)
    try:
        expected = lie(chats, card)
        found = chats.trouble()
    finally:
        card.versions[:], card.sender, tap.toast, world.updates.every[:], world.calls[:] = before
        card.chat._every.clear()
        card.chat._every.update(messages)
    assert any(expected in name for name in found), found
    assert not chats.trouble()
