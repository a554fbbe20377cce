"""Buckets of the bot, of a chat and of a group, with a clock that the test moves."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit.outbound import SlowDown
from bots.telegram.limits import Limits, Rate, Rates


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limits(clock: Clock) -> Limits:
    return Limits(clock=clock)


def _sends(limits: Limits, clock: Clock, chat: str) -> float:
    """Sends as soon as it may; the moment."""
    while True:
        try:
            clock.now += limits.wait(chat)
            limits.sent(chat)
            return clock.now
        except SlowDown as slow:
            clock.now += slow.seconds


def test_a_short_burst_goes_at_once_and_then_one_a_second(limits: Limits, clock: Clock) -> None:
    moments = [_sends(limits, clock, "1") - 1000 for _ in range(6)]
    assert [round(one, 2) for one in moments] == [0, 0, 0, 1, 2, 3]


def test_a_group_gets_no_more_than_twenty_in_any_minute(limits: Limits, clock: Clock) -> None:
    moments = [_sends(limits, clock, "-5") for _ in range(80)]
    assert all(sum(1 for other in moments if one <= other < one + 60) <= 20 for one in moments)


@given(st.lists(st.tuples(st.integers(1, 60), st.floats(0, 0.2)), min_size=1, max_size=200))
def test_the_bot_sends_no_more_than_thirty_in_any_second_however_many_chats(given: list[tuple[int, float]]) -> None:
    clock = Clock()
    limits, moments = Limits(clock=clock), []
    for chat, later in given:
        clock.now += later
        try:
            moments.append(clock.now + limits.wait(str(chat)))
        except SlowDown:
            continue
    assert all(sum(1 for other in moments if one <= other < one + 1) <= 30 for one in moments)


def test_who_has_to_wait_holds_up_nobody_else(limits: Limits, clock: Clock) -> None:
    for _ in range(5):
        limits.wait("1")
    assert limits.wait("2") < 0.1
    limits.pause("3", 60)
    with pytest.raises(SlowDown) as told:
        limits.wait("3")
    assert told.value.seconds == 60 and limits.wait("4") < 0.5
    with pytest.raises(SlowDown):
        limits.wait("3", edit=True)
    clock.now += 60
    assert limits.wait("3") == 0


def test_a_wait_that_is_too_long_takes_no_place(limits: Limits, clock: Clock) -> None:
    assert [round(limits.wait("1")) for _ in range(6)] == [0, 0, 0, 1, 2, 3]
    for _ in range(50):
        with pytest.raises(SlowDown) as told:
            limits.wait("1")
        assert told.value.seconds <= 4


def test_several_chats_that_are_told_to_wait_at_once_mean_the_bot(limits: Limits, clock: Clock) -> None:
    limits.pause("1", 9)
    limits.pause("2", 9)
    assert limits.wait("7") == 0, "two chats may both have been too fast"
    limits.pause("3", 9)
    with pytest.raises(SlowDown) as told:
        limits.wait("8")
    assert 8 < told.value.seconds <= 9
    clock.now += 10
    for chat in ("4", "5"):
        limits.pause(chat, 30)
        clock.now += 2
    limits.pause("6", 30)
    assert limits.wait("8") == 0, "one after the other they were told for their own sake"


def test_an_edit_is_no_message_of_the_chat(limits: Limits) -> None:
    for _ in range(3):
        limits.wait("1")
    assert limits.wait("1", edit=True) < 0.5 < limits.wait("1")


def test_a_message_that_was_long_under_way_counts_from_when_it_was_taken(clock: Clock) -> None:
    limits = Limits(Rates(chat=Rate(1)), clock)
    limits.wait("1")
    clock.now += 5
    limits.sent("1")
    assert limits.wait("1") == 1


def test_thousands_of_chats_are_forgotten_oldest_first(
    limits: Limits, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bots.telegram.limits.CHATS", 3)
    waits: Callable[[str], float] = limits.wait
    for chat in "12345":
        clock.now += 1
        waits(chat)
    assert len(limits._chats) == 3 and list(limits._chats) == ["3", "4", "5"]
