"""One server process: started so that it does not outlive its supervisor, found again by the folder that it works in."""

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypedDict

import psutil

from storage.embedded.account import Account

PR_SET_PDEATHSIG = 1


def tie_to_parent(number: signal.Signals) -> Callable[[], None] | None:
    """For `preexec_fn`: the kernel sends the child `number` when the thread that starts it is gone. None where there is no such thing."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:
            os._exit(1)

    return tie


def spawn(command: list[str], *, folder: Path, log: Path, account: Account, farewell: signal.Signals) -> psutil.Process:
    """Start a server in `folder` as `account`, its output appended to `log`. It gets `farewell` when the calling thread ends."""
    with log.open("ab") as output:
        return psutil.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            env=server_environment(),
            preexec_fn=tie_to_parent(farewell),
            **run_as(account),
        )


def server_environment() -> dict[str, str]:
    """Nothing of ours: a server inherits neither secrets nor a locale."""
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}


class Identity(TypedDict, total=False):
    """Arguments of `subprocess` that change who the child is."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: Account) -> Identity:
    """What `subprocess` needs to become `account`."""
    return {"user": account.uid, "group": account.gid, "extra_groups": []} if account.foreign else {}


def working_in(folder: Path, name: str) -> list[psutil.Process]:
    """The live processes called `name` that work in `folder`, oldest first.

    Asked of the kernel, because a pid in a file may be someone else's by now.
    """
    found = []
    for process in psutil.process_iter():
        try:
            if process.name() == name and os.path.samefile(process.cwd(), folder) and alive(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return sorted(found, key=lambda process: (process.create_time(), process.pid))


def alive(process: psutil.Process) -> bool:
    """Whether it runs; one that ended but was not waited for does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and give it its seconds, until the process is gone."""
    for number, seconds in steps:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)
        until = time.monotonic() + seconds
        while alive(process):
            if time.monotonic() > until:
                break
            with suppress(psutil.TimeoutExpired):
                process.wait(0.05)
        else:
            return


def last_lines(log: Path, count: int = 5) -> str:
    """The end of a log, for an error message."""
    try:
        return " | ".join(log.read_text("utf-8", "replace").splitlines()[-count:]) or "it wrote nothing"
    except OSError:
        return "it has no log"
