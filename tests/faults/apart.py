"""Cases in processes of their own, several at a time: most of the time a case waits for leases to run out."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

from tests.faults.case import Case, Outcome, cases
from tests.faults.invariants import Verdict

Todo = tuple[Case, int, int]
"""A case, its seed, its size."""


def tell(outcome: Outcome, file: Path) -> None:
    """For who waits for it in another process."""
    said = {
        "case": outcome.case.name, "seed": outcome.seed, "kills": outcome.kills, "verdict": asdict(outcome.verdict),
        "seconds": outcome.seconds, "took": outcome.took,
    }  # fmt: skip
    file.write_text(json.dumps(said))


def apart(todo: Sequence[Todo], jobs: int, folder: Path) -> Iterator[Outcome | None]:
    """Carries them out, `jobs` at a time; gives each as it ends, without an outcome when it was left out or broke off. All end with this one."""
    running: list[subprocess.Popen[bytes]] = []

    def carry_out(number: int, each: Todo) -> Outcome | None:
        one, seed, size = each
        told = folder / str(number)
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.faults", "--seed", str(seed), "--size", str(size), "--tell", str(told), f"{one.area} {one.name}"]
        )  # fmt: skip
        running.append(child)
        child.wait()
        return _heard(told) if told.exists() else None

    pool = ThreadPoolExecutor(jobs)
    try:
        for done in as_completed([pool.submit(carry_out, number, each) for number, each in enumerate(todo)]):
            yield done.result()
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in running:
            child.terminate()
        pool.shutdown()


def _heard(file: Path) -> Outcome:
    said = json.loads(file.read_text())
    return Outcome(**said | {"case": cases[said["case"]], "verdict": Verdict(**said["verdict"])})
