"""Workers that die, stop and come back, at named points and at any moment."""

import signal
import time

from tests.faults.case import ask, case, workers
from tests.faults.invariants import settled
from tests.faults.system import Asked, System

POINTS = ("before_claim", "after_claim", "before_arm", "after_arm", "after_effect", "before_record", "after_record")
PLACES = 3


@case("workers", small=24, large=500)
def kill_9_at_every_point_of_an_execution(system: System, size: int) -> list[Asked]:
    """Each worker dies at a point drawn for it, as soon as it comes there; another takes its place, until everybody has died often enough."""
    asked = ask(system, size)
    waiting = list(asked)
    while waiting:
        for number in range(PLACES):
            name = f"worker {number}"
            if name not in system.running or system.ended(name):
                system.start(name, f"{system.chance.choice(POINTS)}:kill9")
        for one in waiting[:PLACES]:
            one.approve()
        del waiting[:PLACES]
        system.wait(
            lambda: any(child.poll() is not None for child in system.running.values()) or _idle(system), 60, "a death"
        )
    _replace(system)
    return asked


@case("workers", small=18, large=500)
def kill_9_at_any_moment(system: System, size: int) -> list[Asked]:
    """Whoever is next dies after a moment, whatever it does."""
    asked = ask(system, size)
    workers(system, PLACES)
    waiting = list(asked)
    while waiting:
        for one in waiting[:2]:
            one.approve()
        del waiting[:2]
        time.sleep(system.chance.uniform(0.0, 0.15))
        victim = system.chance.choice(sorted(system.running))
        system.kill(victim)
        system.start(victim)
    _replace(system)
    return asked


@case("workers", small=6, large=10)
def stopped_for_longer_than_its_lease_while_sending_then_going_on(system: System, size: int) -> list[Asked]:
    """SIGSTOP right before the call, or within it, behind the connecting and before the request; another worker takes over; then SIGCONT: the first one is a zombie that still has
    its effect to make."""
    asked = ask(system, size, ("keyed", "searchable", "blind", "event", "mail", "searchable", "blind", "keyed"))
    within = {2, 5, 7}
    stopped = []
    for number, one in enumerate(asked):
        child = system.start(f"worker {number}", "in_call:stop" if number % 8 in within else "after_arm:stop")
        one.approve()
        system.wait(lambda child=child: _stopped(child.pid), 60, "the stop")
        stopped.append(child)
    system.start("worker other")
    system.wait(lambda: _leases_over(system), 120, "the leases to run out")
    # Who looked it up has found nothing, and does it; only then the first one goes on.
    system.wait(lambda: settled(system), 120, "the others to do it")
    for child in stopped:
        child.send_signal(signal.SIGCONT)
    system.wait(lambda: _zombies(system) >= len(stopped), 60, "the zombies to notice")
    return asked


def _replace(system: System) -> None:
    """Whoever carries a fault goes; workers without one stay."""
    for name in sorted(system.running):
        system.kill(name)
    workers(system, PLACES)


def _idle(system: System) -> bool:
    with system.owner() as owner:
        return not owner.execute(
            "SELECT FROM nod.action_executions WHERE status = 'ready' AND due_at <= now()"
        ).fetchall()


def _stopped(pid: int) -> bool:
    with open(f"/proc/{pid}/stat") as told:
        return told.read().rpartition(")")[2].split()[0] == "T"


def _zombies(system: System) -> int:
    with system.owner() as owner:
        return len(owner.execute("SELECT FROM nod.execution_attempts WHERE outcome = 'zombie'").fetchall())


def _leases_over(system: System) -> bool:
    with system.owner() as owner:
        return not owner.execute("SELECT FROM nod.action_executions WHERE status = 'sending'").fetchall()
