"""What a case is, and the list of all."""

import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

import psycopg

from core.kernel.errors import Failure
from tests.faults.invariants import Verdict, settled, verdict
from tests.faults.system import KINDS, Asked, CannotHere, Needs, System

Do = Callable[[System, int], list[Asked]]
SETTLE_SECONDS = 400.0


@dataclass(frozen=True)
class Case:
    """One way to break things. `do` gets a system and how much to do, breaks it, leaves it whole again, and gives what was approved. `small` is how much of it in
    everyday tests, `large` in the long run; `needs` what is special about its servers."""

    area: str
    name: str
    do: Do
    small: int
    large: int
    people: int
    needs: Needs = Needs()


@dataclass(frozen=True)
class Outcome:
    """What a case came to. `seconds` from the last fault until nothing was under way, `took` from the first."""

    case: Case
    seed: int
    kills: int
    verdict: Verdict
    seconds: float
    took: float


cases: dict[str, Case] = {}


def case(area: str, *, small: int, large: int, people: int = 3, needs: Needs = Needs()) -> Callable[[Do], Do]:
    """Adds a case, named like its function."""

    def add(do: Do) -> Do:
        name = do.__name__.replace("_", " ")
        cases[name] = Case(area, name, do, small, large, people, needs)
        return do

    return add


def carry_out(one: Case, system: System, size: int) -> Outcome:
    """Breaks the system, waits until it has mended itself, and looks. Raises CannotHere."""
    asked: list[Asked] = []
    trouble: dict[str, int] = {}
    found: Verdict | None = None
    first = began = over = time.monotonic()
    try:
        asked = one.do(system, size)
        began = time.monotonic()
        # What nobody could tell is looked up again later: where that was while we looked, it is looked at anew.
        while found is None or not settled(system):
            system.wait(lambda: settled(system), SETTLE_SECONDS, "to come to rest")
            over, found = time.monotonic(), verdict(system, asked)
    except CannotHere:
        raise
    except Exception as why:
        # The rest of the rig goes on; the table tells it.
        trouble[str(why) or type(why).__name__] = 1
        if not isinstance(why, AssertionError):
            traceback.print_exc()
        over, found = time.monotonic(), None
    found = found or verdict(system, asked)
    found.broken.update(trouble)
    return Outcome(one, system.seed, system.kills, found, over - began, over - first)


def ask(system: System, count: int, kinds: tuple[str, ...] = KINDS) -> list[Asked]:
    """Suggestions of every kind in turn; their texts are unlike any other's."""
    return [
        system.suggest(f"S{system.seed} {number} {kinds[number % len(kinds)]}", kinds[number % len(kinds)])
        for number in range(count)
    ]


def until_said(one: Asked) -> None:
    """Taps until the tap counted, as a person would: an answer that was lost may have counted."""
    why: Exception | None = None
    for _ in range(300):
        try:
            one.approve()
            return
        except Failure as failed:
            if failed.code == "approvals.already_decided":
                return
            why = failed
        except psycopg.Error as failed:
            why = failed
        time.sleep(0.1)
    raise AssertionError("nobody heard the tap") from why


def workers(system: System, count: int = 3) -> None:
    """Starts that many which nothing is wrong with, in the places of those that ended."""
    for number in range(count):
        name = f"worker {number}"
        if name not in system.running or system.ended(name):
            system.start(name)
