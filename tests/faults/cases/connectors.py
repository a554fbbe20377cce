"""Providers that hang, cut lines, refuse, and answer garbage."""

from tests.faults.case import ask, case, workers
from tests.faults.sink import Mode
from tests.faults.system import Asked, System

SUNK = ("keyed", "searchable", "blind")
EVERY: tuple[Mode, ...] = ("ok", "500", "503", "429", "hang", "drop_after_accept", "close_mid_body", "garbage")


@case("connectors", small=12, large=240)
def a_provider_that_fails_in_every_way(system: System, size: int) -> list[Asked]:
    """Each call meets a way to fail that is drawn for it; then the provider is well again."""
    system.sink.modes = EVERY
    asked = ask(system, size, SUNK)
    workers(system)
    for one in asked:
        one.approve()
    system.wait(lambda: len(system.sink.calls) >= size, 120, "the calls")
    system.sink.modes = ("ok",)
    return asked


@case("connectors", small=6, large=90)
def a_line_that_is_cut_after_the_effect_and_a_worker_that_dies_of_it(system: System, size: int) -> list[Asked]:
    """The worst moment twice: the provider took it and said nothing, and whoever waited for the answer is killed."""
    system.sink.modes = ("drop_after_accept", "close_mid_body")
    asked = ask(system, size, SUNK)
    for number in range(3):
        system.start(f"worker {number}", "after_effect:kill9")
    for one in asked:
        one.approve()
        system.wait(lambda: any(c.poll() is not None for c in system.running.values()), 60, "a death")
        for name in sorted(system.running):
            if system.ended(name):
                system.start(name, "after_effect:kill9")
    for name in sorted(system.running):
        system.kill(name)
    system.sink.modes = ("ok",)
    workers(system)
    return asked
