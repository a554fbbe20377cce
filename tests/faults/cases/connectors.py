"""Providers that hang, cut lines, refuse, and answer garbage."""

from core.connectors.connect import renew_login
from core.kernel.errors import Conflict
from tests.faults.case import ask, case, workers
from tests.faults.invariants import settled
from tests.faults.sink import RETRY_SECONDS, Mode
from tests.faults.system import Asked, System

SUNK = ("keyed", "searchable", "blind")
EVERY: tuple[Mode, ...] = (
    "ok",
    "500",
    "503",
    "429",
    "partial",
    "hang",
    "drop_after_accept",
    "close_mid_body",
    "garbage",
)


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


@case("connectors", small=12, large=120)
def a_provider_that_asks_to_wait(system: System, size: int) -> list[Asked]:
    """429 with Retry-After to everything, and workers that die meanwhile: nobody asks it again before the time that it named."""
    system.sink.modes = ("429",)
    asked = ask(system, size, SUNK)
    workers(system)
    for one in asked:
        one.approve()
    system.wait(lambda: len(system.sink.calls) >= size, 120, "the calls")
    system.sink.modes = ("ok",)
    for name in sorted(system.running):
        system.kill(name)
        system.start(name)
    # A worker may die between the refusal and its record: then what is blind waits for a person.
    system.wait(lambda: settled(system), 120, "the effects")
    first = {call.key: call.at for call in reversed(system.sink.calls)}
    early = [call for call in system.sink.calls if 0 < call.at - first[call.key] < RETRY_SECONDS]
    assert not early, f"asked again after {early[0].at - first[early[0].key]:.1f} s"
    return asked


@case("connectors", small=12, large=120)
def a_login_that_expires_and_is_renewed(system: System, size: int) -> list[Asked]:
    """The provider takes the credential no longer, in the middle of it all. What was approved is said to have failed, and was not done; once people have signed in anew, it goes on."""
    asked = ask(system, size, SUNK)
    workers(system)
    third = size // 3
    for one in asked[:third]:
        one.approve()
    system.wait(lambda: len(system.sink.effects) == third, 60, "the first effects")
    system.sink.modes = ("401",)
    refused = [one for one in asked[third : 2 * third] if not _taken(one)]
    system.wait(lambda: settled(system), 60, "those to end")
    system.sink.modes = ("ok",)
    before = len(system.sink.effects)
    assert before == third, "done with a credential that was refused"
    for world in system.people:
        with world.work() as work:
            renew_login(work, world.actor, world.tools["sink"], {"port": system.sink.port})
            work.commit()
    for one in asked[2 * third :]:
        one.approve()
    system.wait(lambda: len(system.sink.effects) == size - third, 60, "the others")
    return [one for one in asked if one not in refused]


def _taken(one: Asked) -> bool:
    """Whether the tap was taken: a connection that is known to have expired refuses it, and says so."""
    try:
        one.approve()
    except Conflict as why:
        if why.code != "approvals.connection_unusable":
            raise
        return False
    return True
