"""Keeps a claim alive while its work takes long."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

import structlog

log = structlog.get_logger()


class Heartbeat:
    """Calls `renew` every third of the lease, in a thread, until the block ends or `renew` says that the claim is lost. A renewal that
    fails (the database is away) is tried again at the next beat: the lease decides, not the heartbeat."""

    def __init__(self, renew: Callable[[], bool], lease_seconds: float) -> None:
        self._renew, self._pause = renew, lease_seconds / 3
        self._over = threading.Event()
        self._lost = threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True, name="heartbeat")

    @property
    def lost(self) -> bool:
        """Whether the claim is known to be lost (or a stop was asked for)."""
        return self._lost.is_set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()

    def _beat(self) -> None:
        while not self._over.wait(self._pause):
            try:
                if not self._renew():
                    self._lost.set()
                    return
            except Exception:
                log.warning("heartbeat.failed", exc_info=True)
