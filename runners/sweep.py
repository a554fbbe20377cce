"""Finds what is due and was not heard: rings lost with Redis, leases of dead workers, ends of undo windows, waits, snoozes and expiries."""

import threading
import time
from collections.abc import Callable, Sequence
from uuid import UUID

import structlog

from core.approvals.execute import reap
from core.approvals.presence import turn
from core.approvals.wake import wake
from core.kernel.due import DueItem, DueKind
from core.kernel.telemetry import depth
from runners.history import tidy
from runners.leaving import attend
from runners.wiring import storage

BELLS: dict[DueKind, str] = {
    "executions": "executions.due",
    "runs": "runs.due",
    "lookups": "executions.lookup",
    "matches": "triggers.matched",
}
BATCH = 1_000
AT_MOST_SECONDS = 1.0
OVERDUE_SECONDS = 0.2
SLOW_SECONDS = 2.0
DEPTH_SECONDS = 10.0
TIDY_SECONDS = 600.0
RING_AGAIN_SECONDS = 3.0
log = structlog.get_logger()
Ring = Callable[[str, Sequence[DueItem]], None]


class Sweep:
    """Looks for due rows in threads. Any number of processes may sweep: claims decide who works. `ring` wakes the actors of a bell.

    One question a second asks when the next row is due; what falls due sooner is looked for at that instant, so that the end of an undo window is not waited
    for twice. While rows are overdue (nobody heard, or all are busy) it asks five times a second."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._over = threading.Event()
        self._rung: dict[tuple[str, UUID], float] = {}
        self._depth_at = 0.0
        self._threads = [
            threading.Thread(target=self._repeat, args=(look,), daemon=True, name=look.__name__)
            for look in (self.look, self.act, self.tidy, self.privacy)
        ]

    def start(self) -> None:
        """Begins to look."""
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Ends after the look under way."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def look(self) -> float:
        """Rings for what is due; answers in how many seconds to look again."""
        coming = storage().due.next_due()
        again = AT_MOST_SECONDS
        for kind, bell in BELLS.items():
            seconds = coming.get(kind, AT_MOST_SECONDS)
            if seconds <= 0:
                self._ring_due(kind, bell)
                seconds = OVERDUE_SECONDS
            again = min(again, seconds)
        return again

    def act(self) -> float:
        """Does what time brings and what needs nobody's hands: dead senders, snoozes, reminders, expiries, contexts; answers in how many seconds to do so again."""
        self._each("sending", reap)
        self._each("suggestions", wake)
        self._each("contexts", turn)
        self._ring("runs.rewrite", storage().due.due("rewrites", BATCH))
        if time.monotonic() >= self._depth_at:
            self._depth_at = time.monotonic() + DEPTH_SECONDS
            depth(storage().due.depth())
        return SLOW_SECONDS

    def tidy(self) -> float:
        """Keeps history in order, for itself: it may take long. Answers in how many seconds to do so again."""
        return AT_MOST_SECONDS if tidy(self._over) else TIDY_SECONDS

    def privacy(self) -> float:
        """Makes the exports that people asked for, and forgets those who left; for itself: both may take long. Answers in how many seconds to look again."""
        attend(self._over)
        return SLOW_SECONDS

    def _ring_due(self, kind: DueKind, bell: str) -> None:
        now = time.monotonic()
        self._rung = {key: at for key, at in self._rung.items() if now - at < RING_AGAIN_SECONDS}
        unheard = [item for item in storage().due.due(kind, BATCH) if (bell, item.id) not in self._rung]
        self._rung.update({(bell, item.id): now for item in unheard})
        self._ring(bell, unheard)

    def _each(self, kind: DueKind, act: Callable[..., None]) -> None:
        for item in storage().due.due(kind, BATCH):
            try:
                with storage().work(item.workspace_id, item.user_id) as work:
                    act(work, item.id)
                    work.commit()
            except Exception:
                log.exception("sweep.item_failed", kind=kind, id=str(item.id))

    def _repeat(self, look: Callable[[], float]) -> None:
        pause = 0.0
        while not self._over.wait(pause):
            try:
                pause = look()
            except Exception as broken:
                log.warning("sweep.failed", error=type(broken).__name__)
                pause = AT_MOST_SECONDS
