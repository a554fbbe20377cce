"""What carrying out a graph asks of those who keep its steps, and how it ends without an output."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from core.orchestration.ports import Usage, Waits

Json = Mapping[str, Any]


class Cancelled(Exception):
    """Somebody asked for the run to stop; raised between two steps."""


class Waiting(Exception):
    """Nothing can go on until an answer comes. `steps`: those that wait (node, index, what for)."""

    def __init__(self, steps: Sequence[tuple[str, int, Waits]]) -> None:
        super().__init__([(node, index) for node, index, _ in steps])
        self.steps = tuple(steps)

    @property
    def until(self) -> datetime | None:
        """The earliest time at which something goes on by itself."""
        return min((waits.until for _, _, waits in self.steps if waits.until is not None), default=None)


class Steps(Protocol):
    """Where the steps of one run are kept. A step is known by `(node, index)`; `index` counts the entries of a `for_each` from 0 and is
    0 for a node without one. Everything given and returned is JSON. Called by the thread that called `evaluate` and no other, though
    skills may be running in threads meanwhile."""

    def attempts(self, node: str, index: int) -> int:
        """The number of this step's latest attempt, 0 for a step that never began. Asked where a node has `retry`."""
        ...

    def begin(self, node: str, index: int, skill: str, inputs: Json, attempt: int) -> Json | None:
        """The outputs of this step when it succeeded earlier: it is not run again. None: this attempt starts now (also one that was cut
        off, or whose pause is over). Raises a Failure of the code and data with which this attempt ended earlier while the run went
        on, or that came as the answer to what it waited for; Waits when that answer is not there yet."""
        ...

    def finish(self, node: str, index: int, outputs: Json, usage: Sequence[Usage]) -> None:
        """The step succeeded. What its skill put into the memory becomes durable together with it."""
        ...

    def fail(self, node: str, index: int, code: str, data: Json, usage: Sequence[Usage], *, ends: bool) -> None:
        """The attempt failed; what it used was used all the same. `ends`: the run ends with it, and a retry of the run begins the step
        anew. Else it is tried again or gone on without, and `begin` must know of it when the run is resumed. May come for a step
        whose `begin` raised the failure."""
        ...

    def skip(self, node: str, index: int) -> None:
        """The step's condition is false. Told again whenever the run is resumed."""
        ...

    def wait(self, node: str, index: int, waits: Waits, usage: Sequence[Usage]) -> None:
        """The step under way waits; or, right after `fail`, its next attempt does (kind `time`): `attempts` is
        one more from then on. When a time is over, the step begins as if it had been cut off."""
        ...
