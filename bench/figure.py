"""What was measured: samples under the name that `bench/latest.json` gives them, and how they are summed up."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass
class Figure:
    """One printed figure. `samples` holds one number a repetition; the figure is their median. `load` is the machine's load average (1 minute) when it was taken."""

    key: str
    what: str
    unit: str
    samples: list[float] = field(default_factory=list)
    load: float = 0.0
    aim: str = ""

    @property
    def median(self) -> float:
        """The figure."""
        return statistics.median(self.samples)

    @property
    def least(self) -> float:
        """The smallest repetition."""
        return min(self.samples)

    @property
    def most(self) -> float:
        """The largest repetition."""
        return max(self.samples)


def quantile(samples: Sequence[float], part: float) -> float:
    """The smallest sample that at least `part` of all do not exceed (nearest rank)."""
    ordered = sorted(samples)
    return ordered[max(math.ceil(part * len(ordered)) - 1, 0)]
