"""How often and how long is measured, and the taking of one figure."""

import os
from collections.abc import Callable
from dataclasses import dataclass

from bench.figure import Figure
from bench.progress import say


@dataclass(frozen=True)
class Plan:
    """`rounds` repetitions of about `seconds` each. `quick`: a smoke test, whose numbers mean little."""

    rounds: int = 5
    seconds: int = 5
    quick: bool = False

    def take(self, key: str, what: str, unit: str, once: Callable[[], float], aim: str = "") -> Figure:
        """The figure of `rounds` calls of `once`."""
        figure = Figure(key, what, unit, aim=aim)
        for number in range(1, self.rounds + 1):
            figure.samples.append(once())
            say(f"{what}: {figure.samples[-1]:,.1f} {unit} ({number} of {self.rounds})")
        figure.load = os.getloadavg()[0]
        return figure


QUICK = Plan(rounds=1, seconds=1, quick=True)
