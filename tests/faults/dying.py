"""Ways for doors, and for what they stand on, to die or to stand still that are the same at every platform."""

import time
from collections.abc import Callable
from contextlib import closing

import psycopg

from core.kernel.errors import Failure
from core.messaging.models import FATAL_DEATHS
from tests.faults import deadly
from tests.faults.case import workers
from tests.faults.chats import Chats, tap_what_waits
from tests.faults.doors import POINTS
from tests.faults.system import Asked

PATIENT_TRIES = 100


def killed_at_points(chats: Chats, size: int) -> list[Asked]:
    """One door after the other dies at the point that is next, while somebody is shown a card and says yes to it; then one goes on."""
    workers(chats.system, 1)
    waiting: list[Asked] = []
    for number in range(size):
        chats.doors.start(0, f"{POINTS[(number + chats.system.seed) % len(POINTS)]}:kill9")
        waiting.append(chats.suggest())

        def dead() -> bool:
            tap_what_waits(chats, waiting)
            return chats.doors.died()

        chats.system.wait(dead, 60, "a death")
        chats.doors.time_passes()
    chats.doors.start()
    chats.system.wait(lambda: tap_what_waits(chats, waiting), 60, "the last cards")
    return chats.asked


def killed_at_any_moment(chats: Chats, size: int) -> list[Asked]:
    """Of two doors one dies after a moment, whatever it does, and comes back, while cards come and people say yes; what it held is free when its leases are over."""
    system = chats.system
    workers(system, 2)
    for number in (0, 1):
        chats.doors.start(number)
    waiting: list[Asked] = []
    for _ in range(size):
        waiting.append(chats.suggest())
        until = time.monotonic() + system.chance.uniform(0.1, 1.5)
        while time.monotonic() < until:
            tap_what_waits(chats, waiting)
            time.sleep(0.02)
        victim = system.chance.randrange(2)
        chats.doors.kill(victim)
        chats.doors.start(victim)
    system.wait(lambda: tap_what_waits(chats, waiting), 180, "the last cards")
    return chats.asked


def words_that_kill(chats: Chats, size: int) -> list[Asked]:
    """Somebody writes what kills the door that reads it, while others say yes to their cards; the door comes back each time, as its supervisor lets it. After its fifth
    death those words are given up, and nobody else's: each of them counts."""
    workers(chats.system, 1)
    chats.doors.environment["NOD_TESTS_JOIN"] = deadly.__name__
    chats.doors.start()
    inbox, world = chats.system.storage.inbox, chats.system.people[0]
    for _ in range(size):
        waiting = [chats.suggest() for _ in range(3)]
        for one in waiting:
            chats.wait_for_card(one)
        before = len(chats.doors.died_at)
        tap_what_waits(chats, waiting[:1])
        chats.write(world, deadly.WORDS)
        tap_what_waits(chats, waiting[1:])

        def over() -> bool:
            if chats.doors.died():
                chats.doors.time_passes()
                chats.doors.start()
            return chats.settled()

        chats.system.wait(over, 120, "the end of it")
        given_up = inbox.set_aside(10)
        assert [(one.error, one.deaths) for one in given_up] == [("messaging.deadly", FATAL_DEATHS)], given_up
        assert len(chats.doors.died_at) - before == FATAL_DEATHS
        assert inbox.drop(given_up[0].id)
    return chats.asked


def stands_still(chats: Chats, size: int) -> list[Asked]:
    """A door stands still while it delivers, before the platform hears of it or after, for longer than its lease; another one delivers the same, and what came of it; then
    the first one goes on. In turn it is a card that nobody saw yet, and what is to stand in its place."""
    workers(chats.system, 1)
    for number in range(size):
        point, shown_before = ("before_send", "after_send")[number % 2], number // 2 % 2
        one = None
        if shown_before:
            chats.doors.start()
            one = chats.suggest("task")
            chats.wait_for_card(one)
            chats.system.wait(chats.settled, 60, "rest")
            chats.doors.kill()
            chats.doors.time_passes()
            one.approve()
        chats.doors.start(1, f"{point}:stop")
        one = one or chats.suggest("task")
        chats.doors.stop_here(1)
        chats.doors.time_passes()
        chats.doors.start()
        if not shown_before:
            chats.wait_for_card(one)
            one.approve()
        chats.system.wait(chats.settled, 60, "the other one")
        chats.doors.goes_on(1)
        _looked_around(chats)
        chats.doors.kill()
        chats.doors.kill(1)
        chats.doors.time_passes()
    chats.doors.start()
    return chats.asked


def _looked_around(chats: Chats) -> None:
    """Until the one that stood still has finished: its first word is that of a later card."""
    later = chats.suggest("task")
    chats.wait_for_card(later)
    later.approve()
    chats.system.wait(lambda: chats.card(later) is None, 60, "what is true by now")
    chats.system.wait(chats.settled, 60, "rest")


def servers_die(chats: Chats, size: int) -> list[Asked]:
    """Under two doors PostgreSQL and the broker die in turn and come back, and the broker is emptied, while cards come and people say yes."""
    system = chats.system
    workers(system, 2)
    for number in (0, 1):
        chats.doors.start(number)
    waiting: list[Asked] = []
    for number in range(size):
        waiting.append(_patiently(chats.suggest))
        until = time.monotonic() + system.chance.uniform(0.05, 1.0)
        while time.monotonic() < until:
            tap_what_waits(chats, waiting)
            time.sleep(0.02)
        match number % 3:
            case 0:
                system.kill_server("postgres")
            case 1:
                system.kill_server("valkey-server")
            case _:
                with closing(system.broker()) as broker:
                    broker.flushall()
        # What was sent then may not have come on record.
        chats.doors.died_at.append(time.monotonic())
    system.wait(lambda: tap_what_waits(chats, waiting), 180, "the last cards")
    return chats.asked


def _patiently(suggest: Callable[[], Asked]) -> Asked:
    """Until the connections of before are known to be broken."""
    for _ in range(PATIENT_TRIES):
        try:
            return suggest()
        except (Failure, psycopg.Error):
            time.sleep(0.1)
    return suggest()
