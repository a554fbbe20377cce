"""What the person at the terminal sees while it takes its time."""

import os
import sys
import time

_began = time.monotonic()


def say(line: str) -> None:
    """A line of progress on stderr, with the time since the start and the load of the machine (1 minute)."""
    print(f"[{time.monotonic() - _began:6.1f} s, load {os.getloadavg()[0]:.1f}] {line}", file=sys.stderr, flush=True)
