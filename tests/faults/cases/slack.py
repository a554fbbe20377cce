"""Slack: doors that die or stand still, a platform that refuses, loses answers and forgets, and calls that come again."""

from core.approvals.decide import edit
from tests.faults.case import case, workers
from tests.faults.chats import approved, tap_what_waits
from tests.faults.desks import Desks
from tests.faults.dying import (
    killed_at_any_moment,
    killed_at_points,
    servers_die,
    stands_still,
    words_that_kill,
)
from tests.faults.system import Asked, System

METHODS = ("chat.postMessage", "chat.update")
TROUBLES = ("429", "500", "lost", "gone", "closed")
LATE_SECONDS = 12.0
"""Longer than a door waits: the answer comes when nobody listens any more."""
TIMES = 3


@case("slack", small=6, large=60, people=2)
def slack_doors_killed_at_every_point_of_a_delivery_and_an_arrival(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_points(Desks(system), size)


@case("slack", small=4, large=60, people=4)
def slack_doors_killed_at_any_moment_while_people_tap(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return killed_at_any_moment(Desks(system), size)


@case("slack", small=1, large=6, people=3)
def words_that_kill_a_door_of_slack(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return words_that_kill(Desks(system), size)


@case("slack", small=3, large=30, people=4)
def servers_that_die_under_the_doors_of_slack(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return servers_die(Desks(system), size)


@case("slack", small=2, large=12, people=2)
def a_slack_door_that_stands_still_while_it_delivers(system: System, size: int) -> list[Asked]:
    """See tests.faults.dying."""
    return stands_still(Desks(system), size)


@case("slack", small=10, large=80, people=5)
def slack_that_refuses_loses_answers_and_forgets(system: System, size: int) -> list[Asked]:
    """429 with Retry-After, 5xx, an answer that is lost or comes too late after the message was taken, messages that are gone or can be edited no more."""
    chats = Desks(system)
    workers(system, 1)
    chats.doors.start()
    waiting: list[Asked] = []
    for number in range(size):
        trouble = "late" if number % 20 == 19 else TROUBLES[number % len(TROUBLES)]
        method = METHODS[number // (20 if trouble == "late" else len(TROUBLES)) % 2]
        match trouble:
            case "429":
                chats.slack.too_many_requests(method, 1)
            case "500":
                chats.slack.fail_next(method, "internal_error", status=500, times=2)
            case "lost":
                chats.slack.drop_after_accept(method)
            case "late":
                chats.slack.delay(method, LATE_SECONDS, after=True)
        one = chats.suggest()
        if trouble in ("gone", "closed"):
            chats.wait_for_card(one)
            system.wait(chats.settled, 60, "rest")
            said = "message_not_found" if trouble == "gone" else "edit_window_closed"
            chats.slack.fail_next("chat.update", said)
        waiting.append(one)
        tap_what_waits(chats, waiting)
    system.wait(lambda: tap_what_waits(chats, waiting), 120, "the last cards")
    return chats.asked


@case("slack", small=4, large=30, people=2)
def slack_events_that_come_again_with_the_first_ack_lost(system: System, size: int) -> list[Asked]:
    """A door dies between keeping what somebody said or pressed and acknowledging it; Slack sends what was said again, and then all of it three times more."""
    chats = Desks(system)
    workers(system, 1)
    chats.doors.start()
    for number in range(size):
        one = chats.suggest()
        card, desk = chats.wait_for_card(one).message, chats.desk(one.world)
        system.wait(chats.settled, 60, "rest")
        chats.doors.kill()
        chats.doors.time_passes()
        chats.doors.start(0, "after_intake:kill9")
        said, tap = (desk.says("help"), None) if number % 2 else (None, desk.taps(card, "Approve"))
        system.wait(chats.doors.died, 60, "the end of the door")
        chats.doors.time_passes()
        chats.doors.start()
        said, tap = said or desk.says("help"), tap or desk.taps(card, "Approve")
        system.wait(lambda said=said: said.delivery.state != "sent", 60, "Slack's last try")
        for delivery in (said.delivery, tap) * TIMES:
            chats.slack.redeliver(delivery)
        system.wait(chats.settled, 60, "the answers")
        answers = [m for m in said.thread if m.from_bot and m.only_for is None]
        assert len(answers) == 1, f"{len(answers)} answers to what was said once"
    return chats.asked


@case("slack", small=3, large=20, people=2)
def slack_buttons_that_are_forged_foreign_and_superseded(system: System, size: int) -> list[Asked]:
    """What no button carries, what another person's button carries, what an older version's carried: nothing of it decides anything, and each is told so."""
    chats = Desks(system)
    chats.doors.start()
    for _ in range(size):
        one = chats.suggest("task")
        card, whose = chats.wait_for_card(one).message, chats.desk(one.world)
        button = card.button("Approve")
        value = button.value
        assert value is not None
        other = next(person for person in chats.people.values() if person is not whose)
        elsewhere = other.says("help")
        # Beneath what they said stands what Nod answered, with buttons of theirs.
        theirs = elsewhere.wait_for_reply(lambda m: bool(m.labels))
        forged = [
            value[:-1] + ("A" if value[-1] != "A" else "B"),
            value[::-1],
            "x",
            "suggestion.approve",
            "é" * 20,
            value[:9],
        ]
        for made in forged:
            whose.presses(card, button, made).acknowledge()
        other.presses(theirs, theirs.buttons[0], value).acknowledge()
        system.wait(chats.settled, 60, "what is forged to be handled")
        told = [m for m in whose.dm.messages if m.only_for is whose]
        assert len(told) >= len(forged), "somebody was told nothing"
        with one.world.work() as work:
            edit(work, one.world.actor, one.suggestion.id, 1, {"title": f"{one.text} anew"})
            work.commit()
        whose.presses(card, button).acknowledge()
    return approved(chats)
