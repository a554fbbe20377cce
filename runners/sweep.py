"""Finds what is due and was not heard: rings lost with Redis, leases of dead workers, ends of undo windows, snoozes and expiries."""

import threading
import time
from collections.abc import Callable
from uuid import UUID

import structlog

from core.approvals.execute import reap
from core.approvals.wake import wake
from core.kernel.due import DueItem, DueKind
from core.kernel.telemetry import depth
from runners.wiring import storage

BATCH = 200
RING_AGAIN_SECONDS = 3.0
log = structlog.get_logger()
Ring = Callable[[str, DueItem], None]


class Sweep:
    """Looks for due rows in a thread. Any number of processes may sweep: claims decide who works. `ring` enqueues a bell."""

    def __init__(self, ring: Ring, quick_seconds: float = 0.2, slow_seconds: float = 1.0) -> None:
        self._ring, self._quick, self._slow = ring, quick_seconds, slow_seconds
        self._over = threading.Event()
        self._rung: dict[tuple[str, UUID], float] = {}
        self._threads = [
            threading.Thread(
                target=self._repeat, args=(self._quick, self.look_quickly), daemon=True, name="sweep-quick"
            ),
            threading.Thread(target=self._repeat, args=(self._slow, self.look), daemon=True, name="sweep"),
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

    def look_quickly(self) -> None:
        """Actions whose undo window is over, runs whose time has come: somebody waits for these."""
        self._ring_due("executions", "executions.due")
        self._ring_due("runs", "runs.due")

    def look(self) -> None:
        """Everything else that time brings."""
        self._ring_due("lookups", "executions.lookup")
        self._each("sending", reap)
        self._each("suggestions", wake)
        depth(storage().due.depth())

    def _ring_due(self, kind: DueKind, bell: str) -> None:
        now = time.monotonic()
        self._rung = {key: at for key, at in self._rung.items() if now - at < RING_AGAIN_SECONDS}
        for item in storage().due.due(kind, BATCH):
            if (bell, item.id) not in self._rung:
                self._rung[bell, item.id] = now
                self._ring(bell, item)

    def _each(self, kind: DueKind, act: Callable[..., None]) -> None:
        for item in storage().due.due(kind, BATCH):
            try:
                with storage().work(item.workspace_id, item.user_id) as work:
                    act(work, item.id)
                    work.commit()
            except Exception:
                log.exception("sweep.item_failed", kind=kind, id=str(item.id))

    def _repeat(self, seconds: float, look: Callable[[], None]) -> None:
        while not self._over.wait(seconds):
            try:
                look()
            except Exception as broken:
                log.warning("sweep.failed", error=type(broken).__name__)
                self._over.wait(1.0)
