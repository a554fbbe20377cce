"""`python -m tests.faults [case …]`: breaks the product in every way there is, and says what came of it."""

import argparse
import secrets
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.faults import cases as _all
from tests.faults.apart import Todo, apart, tell
from tests.faults.case import Case, Outcome, carry_out, cases
from tests.faults.report import show, write
from tests.faults.system import CannotHere, system

__all__ = ["_all"]


def main() -> int:
    """Carries out the cases whose names or areas contain one of the words; 1 when a promise was broken."""
    given = _parser().parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    chosen = [c for c in cases.values() if not given.words or any(word in f"{c.area} {c.name}" for word in given.words)]
    if not chosen:
        print(
            f"There is no such case. There are: {'; '.join(f'{c.area}: {c.name}' for c in cases.values())}.",
            file=sys.stderr,
        )
        return 2
    seed = given.seed if given.seed is not None else secrets.randbelow(10**6)
    todo = [
        (one, seed + round, given.size or (one.small if given.small else one.large))
        for round in range(given.rounds)
        for one in chosen
    ]
    if given.tell:
        (mine,) = [each for each in todo if f"{each[0].area} {each[0].name}" in given.words]
        if (outcome := _broken(*mine)) is not None:
            tell(outcome, given.tell)
        return 0
    print(f"seed {seed}", flush=True)
    outcomes: list[Outcome] = []
    for outcome in _each(todo, given.jobs):
        if outcome is not None:
            outcomes.append(outcome)
            if given.write:
                write(outcomes, given.write, seed)
    if outcomes:
        show(outcomes)
    if len(outcomes) < len(todo):
        print(f"{len(todo) - len(outcomes)} of {len(todo)} were left out or broke off.")
    return 0 if all(outcome.verdict.well for outcome in outcomes) and outcomes else 1


def _each(todo: list[Todo], jobs: int) -> Iterator[Outcome | None]:
    if jobs == 1 or len(todo) == 1:
        yield from (_broken(*each) for each in todo)
        return
    with tempfile.TemporaryDirectory() as folder:
        yield from apart(todo, jobs, Path(folder))


def _broken(one: Case, seed: int, size: int) -> Outcome | None:
    """Carries out a case in this process; None where it cannot be."""
    try:
        with system(seed, one.people, needs=one.needs) as broken:
            outcome = carry_out(one, broken, size)
            if not outcome.verdict.well:
                print(f"The logs are in {broken.folder}", flush=True)
                broken.keep = True
    except CannotHere as why:
        print(f"{one.area}: {one.name}: left out, because {why}", flush=True)
        return None
    print(
        f"{one.area}: {one.name} (seed {outcome.seed}): {outcome.kills} kills, {outcome.verdict}, {outcome.took:.0f} s",
        flush=True,
    )
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.faults", description="Breaks the product, and checks that nothing was lost or done twice."
    )
    parser.add_argument("words", nargs="*", metavar="word", help="only cases whose area or name contains it")
    parser.add_argument("--rounds", type=int, default=1, help="repetitions, each with a seed of its own (default 1)")
    parser.add_argument("--seed", type=int, help="the first seed; printed in any case")
    parser.add_argument("--small", action="store_true", help="little of everything, as `make test` does")
    parser.add_argument("--jobs", type=int, default=2, help="cases at a time, each in a process of its own (default 2)")
    parser.add_argument("--tell", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--size", type=int, help="how much of everything instead")
    parser.add_argument(
        "--write", type=Path, metavar="page", help="writes the table to this Markdown page, anew after each case"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
