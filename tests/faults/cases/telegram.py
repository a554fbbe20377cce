"""Telegram: doors that die, a platform that refuses, loses answers and forgets, people who block the bot, and what is forged."""

from tests.faults.case import case, workers
from tests.faults.chats import Chats, tap_what_waits
from tests.faults.doors import POINTS
from tests.faults.phones import Phones
from tests.faults.system import Asked, System


def killed_at_points(chats: Chats, size: int) -> list[Asked]:
    """One door after the other dies at the point that is next, while somebody is shown a card and says yes to it; then one goes on."""
    system = chats.system
    workers(system, 1)
    waiting: list[Asked] = []
    for number in range(size):
        chats.doors.start(0, f"{POINTS[(number + system.seed) % len(POINTS)]}:kill9")
        waiting.append(chats.suggest())

        def dead() -> bool:
            tap_what_waits(chats, waiting)
            return chats.doors.died()

        system.wait(dead, 60, "a death")
        chats.doors.time_passes()
    chats.doors.start()
    system.wait(lambda: tap_what_waits(chats, waiting), 60, "the last cards")
    return chats.asked


@case("telegram", small=6, large=120, people=2)
def doors_that_die_at_every_point_of_a_delivery_and_an_arrival(system: System, size: int) -> list[Asked]:
    """See killed_at_points."""
    return killed_at_points(Phones(system), size)
