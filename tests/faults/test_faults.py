"""A little of everything that `make faults` does at length; and that the check would notice if a promise were broken."""

from collections.abc import Callable

import pytest

from tests.faults import cases as _all
from tests.faults.case import Case, ask, carry_out, cases, workers
from tests.faults.invariants import settled, verdict
from tests.faults.system import CannotHere, System, system

__all__ = ["_all"]
EVERY_DAY = (
    "kill 9 at every point of an execution",
    "a provider that fails in every way",
    "emptied in the middle of a burst",
    "killed again and again under load",
    "five schedulers that stop and die",
    "light runs whose workers die between claim and end",
    "telegram doors killed at every point of a delivery and an arrival",
    "slack doors killed at every point of a delivery and an arrival",
    "people who block the bot and let it back",
    "yes no and expiry at the same moment on several devices",
    "a login that expires and is renewed",
    "a next migration that only adds",
    "boxes killed at any moment",
    "clocks that jump by an hour",
    "everything restarted in turn while people tap",
    "full while people tap and has room again",
    "nobody was there for days",
    "people who move while their schedules are due",
)
"""The rest takes minutes, mostly of waiting for leases: see docs/faults.md."""


@pytest.mark.parametrize("name", EVERY_DAY)
def test_nothing_is_lost_or_done_twice(name: str) -> None:
    one: Case = cases[name]
    try:
        with system(seed=len(name), people=one.people, durable=False, needs=one.needs) as broken:
            outcome = carry_out(one, broken, one.small)
    except CannotHere as why:
        pytest.skip(str(why))
    assert outcome.verdict.well, str(outcome.verdict)


def _twice(broken: System) -> None:
    broken.sink.effects.update(["S1 0 keyed"])


def _never(broken: System) -> None:
    broken.sink.effects.clear()


def _said_to_have_failed(broken: System) -> None:
    with broken.owner() as owner:
        owner.execute("UPDATE nod.action_executions SET status = 'failed'")


def _other_bytes(broken: System) -> None:
    with broken.owner() as owner:
        # PostgreSQL itself would refuse it: the approval refers to the hash.
        owner.execute("SET session_replication_role = replica")
        owner.execute("UPDATE nod.suggestion_revisions SET payload_sha256 = repeat('0', 64)")


@pytest.mark.parametrize(
    ("lie", "seen"),
    [
        (_twice, "doubled ['S1 0"),
        (_never, "lost ['S1 0"),
        (_said_to_have_failed, "untrue ['S1 0"),
        (_other_bytes, "other bytes than were approved"),
    ],
    ids=["twice", "never", "untrue", "other bytes"],
)
def test_the_check_sees_a_promise_that_was_broken(lie: Callable[[System], None], seen: str) -> None:
    with system(seed=1, people=1, durable=False) as broken:
        asked = ask(broken, 2, ("keyed", "searchable"))
        workers(broken, 1)
        for one in asked:
            one.approve()
        broken.wait(lambda: settled(broken), 60, "the effects")
        assert verdict(broken, asked).well
        lie(broken)
        found = verdict(broken, asked)
    assert not found.well and seen in str(found)
