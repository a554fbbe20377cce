"""Programs for the supervisor's tests: a supervisor of puppets, and the puppet, which obeys the test over a socket.

The connection is the puppet's life line: the test sees it open when the puppet starts and close when it is gone.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

from runners.supervisor import NeverReady, ProcessSpec, Supervisor
from storage.embedded.process import tie_to_parent


def puppet(name: str, port: int) -> None:
    line = socket.create_connection(("127.0.0.1", port))
    orders = line.makefile("r")

    def tell(**facts: object) -> None:
        """Also called by signal handlers, so in one piece and past every buffer."""
        line.sendall(json.dumps({"name": name, "pid": os.getpid(), **facts}).encode() + b"\n")

    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    tell()
    for order in orders:
        match order.split():
            case ["ready"]:
                os.write(int(os.environ["NOD_READY_FD"]), b"ready\n")
                tell(announced=True)
            case ["exit", code]:
                print(f"{name} was told to exit with {code}", flush=True)
                os._exit(int(code))
            case ["deaf"]:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                tell(deaf=True)
            case ["slow"]:
                signal.signal(signal.SIGTERM, lambda *_: tell(terminated=True))
                tell(slow=True)
            case ["finish"]:
                tell(finished=True)
                sys.exit(0)
            case ["child"]:
                subprocess.Popen([sys.executable, "-m", __spec__.name, "puppet", f"{name}-child", str(port)])


def supervisor(folder: Path, port: int, names: list[str]) -> None:
    specs = [
        ProcessSpec(name, [sys.executable, "-m", __spec__.name, "puppet", name, str(port)], needed=name != "extra")
        for name in names
    ]
    try:
        Supervisor(
            specs,
            folder,
            report=lambda line: print(line, flush=True),
            on_ready=lambda: print("all ready", flush=True),
            at_birth=tie_to_parent(signal.SIGKILL),
        ).run()
    except NeverReady as problem:
        print(problem, flush=True)
        sys.exit(1)
    print("stopped", flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "puppet":
        puppet(sys.argv[2], int(sys.argv[3]))
    else:
        supervisor(Path(sys.argv[2]), int(sys.argv[3]), sys.argv[4:])
