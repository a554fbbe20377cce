"""Slack: doors that die or stand still, a platform that refuses, loses answers and forgets, and calls that come again."""

from tests.faults.case import case, workers
from tests.faults.chats import tap_what_waits
from tests.faults.desks import Desks
from tests.faults.dying import killed_at_any_moment, killed_at_points, stands_still
from tests.faults.system import Asked, System

METHODS = ("chat.postMessage", "chat.update")
TROUBLES = ("429", "500", "lost", "gone", "closed")
HELP = "/nod inbox"


@case("slack", small=6, large=120, people=2)
def slack_doors_killed_at_every_point_of_a_delivery_and_an_arrival(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_points(Desks(system), size)


@case("slack", small=4, large=100, people=4)
def slack_doors_killed_at_any_moment_while_people_tap(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_any_moment(Desks(system), size)


@case("slack", small=4, large=24, people=2)
def a_slack_door_that_stands_still_while_it_delivers(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return stands_still(Desks(system), size)


@case("slack", small=10, large=150, people=5)
def slack_that_refuses_loses_answers_and_forgets(system: System, size: int) -> list[Asked]:
    """429 with Retry-After, 5xx, an answer that is lost after the message was taken, messages that are gone or can be edited no more."""
    chats = Desks(system)
    workers(system, 1)
    chats.doors.start()
    waiting: list[Asked] = []
    for number in range(size):
        trouble, method = TROUBLES[number % len(TROUBLES)], METHODS[number // len(TROUBLES) % 2]
        match trouble:
            case "429":
                chats.slack.too_many_requests(method, 1)
            case "500":
                chats.slack.fail_next(method, "internal_error", status=500, times=2)
            case "lost":
                chats.slack.drop_after_accept(method)
        one = chats.suggest()
        if trouble in ("gone", "closed"):
            chats.wait_for_card(one)
            system.wait(chats.settled, 60, "rest")
            said = "message_not_found" if trouble == "gone" else "edit_window_closed"
            chats.slack.fail_next("chat.update", said)
            chats.forgets(one)
        waiting.append(one)
        tap_what_waits(chats, waiting)
    system.wait(lambda: tap_what_waits(chats, waiting), 120, "the last cards")
    return chats.asked
