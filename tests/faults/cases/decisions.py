"""One suggestion, several devices: yes, no and expiry at the same moment, each twice. One of them counts, and everybody is told which."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

from core.kernel.errors import Failure
from tests.faults.case import case, workers
from tests.faults.chats import approved
from tests.faults.desks import Desks
from tests.faults.phones import Phones
from tests.faults.system import Asked, System

EXPIRES = "UPDATE nod.suggestions SET expires_at = clock_timestamp() + %s WHERE id = %s AND status = 'pending'"
OPEN = "SELECT FROM nod.suggestions WHERE id = %s AND status = 'pending'"
AT_ONCE = 4


@case("telegram, slack", small=4, large=50, people=2)
def yes_no_and_expiry_at_the_same_moment_on_several_devices(system: System, size: int) -> list[Asked]:
    """Everybody has Telegram and Slack, and programs of their own: what is pressed there is pressed at once, in an order that chance makes."""
    phones, desks = Phones(system), Desks(system)
    workers(system, 1)
    system.start("scheduler 0")
    phones.doors.start()
    desks.doors.start()
    for _ in range(size):
        one = phones.suggest()
        desks.asked.append(one)
        on_phone, at_desk = phones.wait_for_card(one).message, desks.wait_for_card(one).message
        _at_once(_devices(system, phones, desks, one, on_phone, at_desk))
        system.wait(lambda one=one: not _open(system, one), 60, "a decision")
    system.wait(desks.settled, 120, "rest")
    return approved(phones)


def _devices(
    system: System, phones: Phones, desks: Desks, one: Asked, on_phone: Any, at_desk: Any
) -> list[Callable[[], Any]]:
    phone, desk = phones.phone(one.world), desks.desk(one.world)
    yes, no = on_phone.button("Approve").data, on_phone.button("Reject").data
    agree, refuse = at_desk.button("Approve"), at_desk.button("Reject")
    acts = [
        lambda: (phone.taps_data(on_phone, yes), phone.taps_data(on_phone, yes)),
        lambda: (phone.taps_data(on_phone, no), phone.taps_data(on_phone, no)),
        lambda: (desk.presses(at_desk, agree), desk.presses(at_desk, agree)),
        lambda: (desk.presses(at_desk, refuse), desk.presses(at_desk, refuse)),
        lambda: _by_program(one),
        lambda: _expires(system, one),
    ]
    return system.chance.sample(acts, AT_ONCE)


def _by_program(one: Asked) -> None:
    with suppress(Failure):
        one.approve()


def _expires(system: System, one: Asked) -> None:
    with system.owner() as owner:
        owner.execute(EXPIRES, [timedelta(milliseconds=system.chance.uniform(0, 150)), one.suggestion.id])


def _open(system: System, one: Asked) -> bool:
    with system.owner() as owner:
        return owner.execute(OPEN, [one.suggestion.id]).fetchone() is not None


def _at_once(acts: list[Callable[[], Any]]) -> None:
    begin = threading.Barrier(len(acts))

    def act(what: Callable[[], Any]) -> None:
        begin.wait(60)
        what()

    threads = [threading.Thread(target=act, args=(what,)) for what in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
