"""Real processes of the product on a measured database: started, waited for, stopped by their pid."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psutil

from bench.rig import Rig

ROOT = Path(__file__).parents[1]
STOP_SECONDS = 25


class Processes:
    """Starts processes on one database; whatever still runs at the end is stopped."""

    def __init__(self, rig: Rig, database: str) -> None:
        self._rig, self._database = rig, database
        self._running: list[subprocess.Popen[Any]] = []
        self._producers: list[subprocess.Popen[str]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def start(self, module: str, *arguments: str, announces: bool = True, **more: str) -> psutil.Process:
        """`python -m <module> <arguments>`, once it announced that it is ready (NOD_READY_FD), if it does. Raises RuntimeError with its last words."""
        listening, speaking = os.pipe()
        log = self._rig.folder / "log" / f"{module}-{len(self._running)}.log"
        with log.open("ab") as output:
            child = subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=ROOT,
                env={**self._rig.environment(self._database), "NOD_READY_FD": str(speaking), **more},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(speaking,),
                start_new_session=True,
            )
        self._running.append(child)
        os.close(speaking)
        with os.fdopen(listening, "rb") as ready:
            if announces and ready.readline() != b"ready\n":
                raise RuntimeError(f"{module} did not start: {log.read_text('utf-8', 'replace')[-2000:]}")
        return psutil.Process(child.pid)

    def worker(self, **more: str) -> psutil.Process:
        """`nod worker`, which also knows the benchmark's skills."""
        return self.start("bench.worker", announces=True, **more)

    def scheduler(self, **more: str) -> psutil.Process:
        """`nod scheduler`."""
        return self.start("runners", "scheduler", announces=True, **more)

    def producer(self, plan: dict[str, Any], url: str | None = None) -> "Producer":
        """A process of its own that starts runs through the use case, ready to go. `url`: the database by another way."""
        child = subprocess.Popen(
            [sys.executable, "-m", "bench.producer"],
            cwd=ROOT,
            env={**self._rig.environment(self._database), **({"NOD_DATABASE_URL": url} if url else {})},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._producers.append(child)
        return Producer(child, plan)

    def seconds(self) -> float:
        """The processor time that workers and whatever else runs have used, without producers."""
        return sum(sum(psutil.Process(child.pid).cpu_times()[:2]) for child in self._running)

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """They all stand still meanwhile (SIGSTOP)."""
        for child in self._running:
            child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            for child in self._running:
                child.send_signal(signal.SIGCONT)

    def stop(self, *which: psutil.Process) -> None:
        """Asks these, or all, to end, and kills what does not."""
        pids = {process.pid for process in which}
        chosen = [child for child in self._running if child.pid in pids] if which else self._running + self._producers
        for child in chosen:
            with contextlib.suppress(ProcessLookupError):
                child.send_signal(signal.SIGTERM)
        for child in chosen:
            try:
                child.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
            (self._running if child in self._running else self._producers).remove(child)

    def kill(self, process: psutil.Process) -> None:
        """Ends one at once: it is in the midst of something long."""
        child = next(child for child in self._running if child.pid == process.pid)
        child.kill()
        child.wait()
        self._running.remove(child)


class Producer:
    """Starts runs when told to go; `wait` gives what it did: `started`, `seconds`, `late` (seconds behind its plan, at most), `cpu` (seconds of
    processor time)."""

    def __init__(self, child: subprocess.Popen[str], plan: dict[str, Any]) -> None:
        self._child = child
        self._say(json.dumps(plan, default=str))
        self._hear()

    def go(self) -> None:
        """From now on."""
        self._say("go")

    def wait(self) -> dict[str, float]:
        """Returns when everything was started."""
        done = json.loads(self._hear())
        self._child.wait()
        return done

    def _say(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(line + "\n")
        self._child.stdin.flush()

    def _hear(self) -> str:
        assert self._child.stdout is not None
        line = self._child.stdout.readline()
        if not line:
            raise RuntimeError("the producer ended before it was done")
        return line
