"""Keeps a handful of processes running: starts them, restarts what dies, and leaves nothing behind when told to stop."""

import os
import selectors
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from runners.children import Child, ProcessSpec

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
GRACE_SECONDS = 20.0
SAME_WISH_SECONDS = 2.0
CHECK_SECONDS = 1.0
PROBE_SECONDS = 0.05
HOPELESS_FAILURES = 4
LOG_LIMIT = 20_000_000


class NeverReady(Exception):
    """A needed process failed again and again before it was ready once. Says which, and its last lines."""


class Supervisor:
    """Runs `specs` from the main thread until SIGTERM, SIGINT or SIGHUP; a second one does not wait for the children.

    `check` is called every second (it restarts the servers). `probe` says whether the doors are open; `on_ready` is
    called once, when they are and every needed process has announced itself. `at_birth` runs in each child before
    its program, to tie its life to ours. `report` gets a line for what a person should know.
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        log_folder: Path,
        *,
        report: Callable[[str], None],
        probe: Callable[[], bool] = lambda: True,
        on_ready: Callable[[], None] = lambda: None,
        check: Callable[[], None] = lambda: None,
        at_birth: Callable[[], None] | None = None,
    ) -> None:
        self._log_folder = log_folder
        self._children = [Child(spec, log_folder / f"{spec.name}.log", at_birth) for spec in specs]
        self._report = report
        self._probe = probe
        self._on_ready = on_ready
        self._check = check
        self._was_ready = False
        self._stops = 0
        self._first_stop = 0.0
        self._next_check = 0.0

    def run(self) -> None:
        """Return once told to stop and every child is gone. Raises NeverReady, with every child gone too."""
        before = {number: signal.getsignal(number) for number in (*STOP_SIGNALS, signal.SIGCHLD)}
        inner, outer = socket.socketpair()
        with inner, outer:
            inner.setblocking(False)
            outer.setblocking(False)
            wakeup_before = signal.set_wakeup_fd(outer.fileno(), warn_on_full_buffer=False)
            signal.signal(signal.SIGCHLD, lambda *_: None)
            for number in STOP_SIGNALS:
                if before[number] != signal.SIG_IGN:  # nohup
                    signal.signal(number, self._ask_to_stop)
            try:
                self._supervise(inner)
            finally:
                self._end_children()
                signal.set_wakeup_fd(wakeup_before)
                for number, handler in before.items():
                    signal.signal(number, handler)

    def _ask_to_stop(self, *_: object) -> None:
        """`make` passes on a signal that the terminal sent to us as well: what comes at once is the same wish."""
        now = time.monotonic()
        if not self._stops:
            self._first_stop = now
        if not self._stops or now - self._first_stop > SAME_WISH_SECONDS:
            self._stops += 1

    def _supervise(self, wakeup: socket.socket) -> None:
        while not self._stops:
            self._start_due()
            self._wait(wakeup, self._pause())
            self._reap()
            self._look_after()
            if not self._was_ready and self._all_ready():
                self._was_ready = True
                self._on_ready()

    def _start_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if child.due is not None and child.due <= now:
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start()
        except OSError as refused:  # No memory for a process, no room for its log: once Nod runs, that passes.
            if not self._was_ready:
                raise
            child.put_off()
            self._report(f"{child.spec.name} could not be started: {refused.strerror}")

    def _pause(self) -> float:
        """Seconds until something is due without being asked."""
        now = time.monotonic()
        times = [self._next_check, *(child.due for child in self._children if child.due is not None)]
        if not self._was_ready:
            times.append(now + PROBE_SECONDS)
        return max(0.0, min(times) - now)

    def _wait(self, wakeup: socket.socket, seconds: float) -> None:
        """Until a signal, a child's word, or the time is up."""
        with selectors.DefaultSelector() as selector:
            selector.register(wakeup, selectors.EVENT_READ)
            for child in self._children:
                if child.channel is not None:
                    selector.register(child.channel, selectors.EVENT_READ, child)
            for key, _ in selector.select(seconds):
                if isinstance(key.data, Child):
                    key.data.hear()
                else:
                    wakeup.recv(4096)

    def _reap(self) -> None:
        for child in self._children:
            status = child.reap()
            if status is None or self._stops:
                continue
            how = f"by signal {-status}" if status < 0 else f"with exit code {status}"
            again = max(0.0, (child.due or 0.0) - time.monotonic())
            self._report(
                f"{child.spec.name} ended {how}, starts again {f'in {again:.0f} s' if again else 'now'} ({child.log})"
            )
            if child.spec.needed and not self._was_ready and child.failures >= HOPELESS_FAILURES:
                raise NeverReady("\n".join([f"{child.spec.name} does not start; its last lines:", *child.last_lines()]))

    def _look_after(self) -> None:
        if time.monotonic() < self._next_check:
            return
        self._check()
        for log in self._log_folder.glob("*.log"):
            if log.stat().st_size > LOG_LIMIT:  # Its writers append, so they go on at the new end.
                with suppress(OSError):  # The disk may be full: then this is what makes room.
                    shutil.copyfile(log, f"{log}.1")
                os.truncate(log, 0)
        self._next_check = time.monotonic() + CHECK_SECONDS

    def _all_ready(self) -> bool:
        said = all(child.ready for child in self._children if child.spec.needed and child.spec.announces)
        return said and self._probe()

    def _end_children(self) -> None:
        """SIGTERM, time to finish, SIGKILL. Asked to stop twice, it does not wait."""
        self._report("Stopping")
        for child in self._children:
            child.terminate()
        until = time.monotonic() + GRACE_SECONDS
        while any(child.pid for child in self._children):
            if time.monotonic() > until or self._stops > 1:
                for child in self._children:
                    child.kill()
            for child in self._children:
                if child.reap() is not None:
                    self._report(f"{child.spec.name} has stopped")
            time.sleep(0.01)
