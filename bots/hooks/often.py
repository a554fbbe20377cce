"""How often one trigger may be called, in this process: some at once, then so many a second."""

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from uuid import UUID

AT_ONCE = 200
A_SECOND = 50.0
REMEMBERED = 10_000


class Often:
    """A bucket for each trigger that was called lately; the ones that were not called for longest are forgotten, full."""

    def __init__(
        self, at_once: int = AT_ONCE, a_second: float = A_SECOND, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._at_once, self._a_second, self._clock = at_once, a_second, clock
        self._left: OrderedDict[UUID, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, trigger_id: UUID) -> int:
        """0 when it may be called now, and is; else after how many seconds."""
        now = self._clock()
        with self._lock:
            left, at = self._left.pop(trigger_id, (float(self._at_once), now))
            left = min(float(self._at_once), left + (now - at) * self._a_second)
            wait = 0 if left >= 1 else max(1, math.ceil((1 - left) / self._a_second))
            self._left[trigger_id] = (left - 1 if wait == 0 else left, now)
            if len(self._left) > REMEMBERED:
                self._left.popitem(last=False)
        return wait
