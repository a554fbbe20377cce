"""Named fault points: a test lets a process die, stop or fail exactly here. Refused outside of tests."""

import os
import signal
import threading
import time
from functools import cache

from core.kernel.settings import settings


class Injected(Exception):
    """Raised by the fault `raise`."""


def fault(point: str) -> None:
    """Does what `NOD_FAULT=<point>:<kill9|stop|sleep|raise>` asks for at this point; nothing otherwise. A process that stopped and goes on does not stop again.
    Raises RuntimeError when a fault is set without `NOD_TEST=1`."""
    wanted = settings().fault
    if wanted is None:
        return
    if not settings().test:
        raise RuntimeError("NOD_FAULT is for tests only: unset it, or set NOD_TEST=1")
    name, _, what = wanted.partition(":")
    if name != point:
        return
    if what == "kill9":
        os.kill(os.getpid(), signal.SIGKILL)
    elif what == "stop":
        _stand_still()
    elif what == "sleep":
        time.sleep(3600)
    elif what == "raise":
        raise Injected(point)


@cache
def _stand_still() -> None:
    """Once in the life of a process; exactly here: a signal to the process may be taken by another thread, while this one goes on for a moment."""
    signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)
