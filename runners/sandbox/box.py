"""The worker's side of the box: how a program is started in it, and why it cannot be."""

import json
import os
import platform
import shlex
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from runners.sandbox import enter, syscalls

LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
"""Where a program's shared libraries are; read-only in the box, those that exist."""

REASONS = {
    enter.NO_NAMESPACES: "namespaces",
    enter.NO_FILES: "mounts",
    enter.NO_FILTER: "seccomp",
    enter.NO_PROGRAM: "program",
}
"""Why there is no box, by exit status."""

_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from runners.sandbox.enter import main; main()"
_SOURCE = Path(__file__).parents[2]


@dataclass(frozen=True)
class Box:
    """A program and what it may use. `program` is its absolute path and first arguments, `readable` the absolute paths besides it that
    it can look at. CPU time counts the program alone, wall time everything from `command` on; output is all that it writes. Above a limit
    the program and everything in the box is killed."""

    program: tuple[str, ...]
    readable: tuple[str, ...] = LIBRARIES
    cpu_seconds: int = 5
    wall_seconds: float = 10.0
    memory_bytes: int = 256 * 1024 * 1024
    output_bytes: int = 1_000_000
    threads: int = 4

    def command(self, *arguments: str) -> list[str]:
        """What starts it: as a child of this process, by the thread that waits for it, since the box ends with that thread. Standard
        input and output are the program's, its errors go nowhere. The exit status is the program's, or one of `enter`."""
        readable = [path for path in dict.fromkeys((*self.readable, self.program[0])) if os.path.lexists(path)]
        plan = {
            "program": self.program,
            "readable": [path for path in readable if not any(path.startswith(f"{other}/") for other in readable)],
            "cpu_seconds": self.cpu_seconds,
            "ends": time.monotonic() + self.wall_seconds,
            "memory_bytes": self.memory_bytes,
            "output_bytes": self.output_bytes,
            "threads": self.threads,
            "parent": os.getpid(),
        }
        return [sys.executable, "-I", "-S", "-c", _START, str(_SOURCE), json.dumps(plan), *arguments]

    @contextmanager
    def executable(self) -> Iterator[str]:
        """The same as one file, for callers that take nothing but a path. It lies in memory, where `noexec` does not reach, and is there
        only inside the `with`. Raises OSError."""
        script = os.memfd_create("box", os.MFD_CLOEXEC)
        try:
            os.write(script, f'#!/bin/sh\nexec {shlex.join(self.command())} "$@"\n'.encode())
            yield f"/proc/{os.getpid()}/fd/{script}"
        finally:
            os.close(script)


def monty() -> str:
    """The path of Monty's interpreter in this environment. Raises FileNotFoundError."""
    path = Path(sysconfig.get_path("scripts")) / "monty"
    return str(path.resolve(strict=True))


def probe() -> str | None:
    """Why code cannot be boxed on this machine: `system`, `machine`, `monty` or one of REASONS. None when it can be: a box was built
    and Monty ran in it. Takes some 50 ms."""
    if platform.system() != "Linux":
        return "system"
    if not syscalls.known_machine():
        return "machine"
    try:
        box = Box((monty(), "--version"))
    except FileNotFoundError:
        return "monty"
    ended = subprocess.run(box.command(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, env={}, check=False)  # noqa: S603
    return REASONS.get(ended.returncode, "program") if ended.returncode else None
