"""Processes of the runners and the doors for tests that start many: each a process of its own, which may be killed, forked from one that has loaded the code, and
the model that tells languages, and done nothing yet. Loading costs one or two seconds of a processor each time. Tests of `nod up` and of a first day
start them as a person does."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SKILLS = "runners.skills.builtin"
DOORS = ("telegram", "slack", "web")
LOADED = {
    "runners": (
        "runners.worker",
        "runners.scheduler",
        f"{SKILLS}.inbox_suggest",
        f"{SKILLS}.mail_draft",
        f"{SKILLS}.mail_read",
    ),
    "bots": (
        "bots.wiring",
        "bots.kit.serving",
        "bots.telegram.door",
        "bots.slack.door",
        "bots.slack.secrets",
        "bots.web.app",
    ),
}


class Forked:
    """A process at the other end of two pipes; what a test needs of `subprocess.Popen`."""

    def __init__(self, arguments: list[str], environment: dict[str, str], ready: int, log: int) -> None:
        """`python -m runners` with these arguments, or `python -m bots` with the name of a door; `ready` is where it announces itself, `log` its stderr."""
        first = _original("bots" if arguments[0] in DOORS else "runners")
        self.returncode: int | None = None
        self._told, telling = os.pipe()
        try:
            asked = json.dumps({"arguments": arguments, "environment": environment}).encode() + b"\n"
            socket.send_fds(first, [asked[:1]], [ready, log, telling])
            first.sendall(asked[1:])
        finally:
            os.close(telling)
        self.pid: int = self._next_word()

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit status. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("runners", timeout or 0)
            self.returncode = self._next_word()
            os.close(self._told)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Sent only while it is known to run."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _next_word(self) -> int:
        word = os.read(self._told, 16)
        assert word, "the original has ended"
        return int(word)


@cache
def _original(program: str) -> socket.socket:
    """The line to this test process's original of a program, which ends with the line."""
    ours, its = socket.socketpair()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NOD_")}
    environment["OPENBLAS_NUM_THREADS"] = "1"  # no threads before a fork
    command = [sys.executable, "-m", __name__, program, str(its.fileno())]
    subprocess.Popen(command, cwd=ROOT, env=environment, pass_fds=[its.fileno()], start_new_session=True)
    its.close()
    return ours


def original(program: str, line: socket.socket) -> list[str]:
    """Forks whenever it is asked to, and tells how each process ended. Returns in the forked ones: with their arguments."""
    for module in LOADED[program]:
        import_module(module)
    if program == "bots":
        import_module("bots.wiring").load_dialogs()
    else:
        import_module("runners.mail.language").detected("Thank you, I would gladly come on Tuesday.")
    waking, woken = os.pipe()
    os.set_blocking(woken, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(woken)
    running: dict[int, int] = {}
    while True:
        heard, _, _ = select.select([line, waking], [], [])
        if waking in heard:
            os.read(waking, 4096)
            _tell_ends(running)
        if line not in heard:
            continue
        text, descriptors, _, _ = socket.recv_fds(line, 1, 3)
        if not text:
            sys.exit()
        while not text.endswith(b"\n"):
            text += line.recv(65536)
        asked, (ready, log, telling) = json.loads(text), descriptors
        pid = os.fork()
        if pid == 0:
            for descriptor in (line.detach(), waking, woken, telling, *running.values()):
                os.close(descriptor)
            _begin(asked["environment"], ready, log)
            return asked["arguments"]
        os.write(telling, b"%16d" % pid)
        running[pid] = telling
        os.close(ready)
        os.close(log)


def _tell_ends(running: dict[int, int]) -> None:
    for pid in list(running):
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            with suppress(BrokenPipeError):
                os.write(running[pid], b"%16d" % os.waitstatus_to_exitcode(status))
            os.close(running.pop(pid))


def _begin(environment: dict[str, str], ready: int, log: int) -> None:
    """What a process has that was not forked: its own session, environment, signals and descriptors."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    os.environ.clear()
    os.environ.update(environment | {"NOD_READY_FD": str(ready)})
    os.dup2(log, 2)
    os.close(log)


def _main(program: str, line: int) -> Any:
    arguments = original(program, socket.socket(fileno=line))
    if joining := os.environ.get("NOD_TESTS_JOIN"):
        import_module(joining).join()
    sys.argv[1:] = arguments
    main = import_module(f"{program}.__main__").main
    return main(arguments) if program == "runners" else main()


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1], int(sys.argv[2])))
