"""One supervised process: its start, its word that it is ready, its restarts with growing pauses, its end."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
STEADY_SECONDS = 30.0


@dataclass(frozen=True)
class ProcessSpec:
    """What to run. Secrets belong into `environment`: everyone on the machine can read a command line.

    `needed`: the product is not ready without it. `announces`: it says so itself, by `announce_ready`.
    """

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    needed: bool = True
    announces: bool = True


class Child:
    """One process of `spec`, started again and again, in a process group of its own. Its output goes to `log`."""

    def __init__(self, spec: ProcessSpec, log: Path, at_birth: Callable[[], None] | None) -> None:
        self.spec = spec
        self.log = log
        self.ready = False
        self.failures = 0
        self.due: float | None = 0.0
        self.channel: int | None = None
        self._at_birth = at_birth
        self._process: subprocess.Popen[bytes] | None = None
        self._born = 0.0

    @property
    def pid(self) -> int | None:
        """The running process, if one runs."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Run the command. `channel` is then the file descriptor on which it announces itself."""
        listening, speaking = os.pipe()
        try:
            with self.log.open("ab") as output:
                self._process = subprocess.Popen(  # noqa: S603
                    self.spec.command,
                    env={
                        **os.environ,
                        **self.spec.environment,
                        "NOD_READY_FD": str(speaking),
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    pass_fds=(speaking,),
                    start_new_session=True,
                    preexec_fn=self._at_birth,  # noqa: PLW1509 - started from the main thread, without others
                )
        except BaseException:
            os.close(listening)
            raise
        finally:
            os.close(speaking)
        self.channel = listening
        self.due = None
        self._born = time.monotonic()

    def hear(self) -> None:
        """Read what came through `channel`, which ends with the word or with the process."""
        assert self.channel is not None
        self.ready = os.read(self.channel, 64).startswith(b"ready")
        self._hang_up()

    def reap(self) -> int | None:
        """The exit status when it ended (negative: the signal), and what it started is ended too. None while it runs."""
        if self._process is None:
            return None
        status = self._process.poll()
        if status is None:
            return None
        self.kill()
        self._process = None
        self.ready = False
        self._hang_up()
        self._plan_restart()
        return status

    def put_off(self) -> None:
        """It could not be started: once more after the next pause."""
        self._born = time.monotonic()
        self._plan_restart()

    def terminate(self) -> None:
        """Ask it to finish."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it and everything it started, at once."""
        if self._process is not None:
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def last_lines(self, count: int = 12) -> list[str]:
        """The end of what it wrote."""
        with self.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 16_384))
            return log.read().decode("utf-8", "replace").splitlines()[-count:]

    def _plan_restart(self) -> None:
        now = time.monotonic()
        if now - self._born > STEADY_SECONDS:
            self.failures = 0
        self.due = now + PAUSES[min(self.failures, len(PAUSES) - 1)]
        self.failures += 1

    def _hang_up(self) -> None:
        if self.channel is not None:
            os.close(self.channel)
            self.channel = None
