"""Something that changes under one lock, and is waited for without looking at it again and again."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Changing:
    """`lock` guards all that it holds; `listeners` are called at every change, under it."""

    def __init__(self) -> None:
        self.lock = threading.Condition(threading.RLock())
        self.listeners: list[Callable[[], None]] = []

    def notify(self) -> None:
        """Something changed: wake the tests that wait, and whoever hands things on."""
        with self.lock:
            self.lock.notify_all()
            for listener in self.listeners:
                listener()

    def wait_until(self, look: Callable[[], T | None], timeout: float, complaint: Callable[[], str]) -> T:
        """The first thing other than None that `look` sees, woken by every change; AssertionError after `timeout` s."""
        deadline = time.monotonic() + timeout
        with self.lock:
            while (seen := look()) is None:
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(f"{complaint()} (after {timeout} s)")
                self.lock.wait(left)
            return seen
