"""Running a door as a process of its own."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from core.kernel.garbage import keep_what_is_loaded

SWITCH_SECONDS = 0.001
"""How long a thread that handles something may keep the interpreter from the loop, which takes in and acknowledges: Python's own 5 ms add up to seconds under load."""


class Door(Protocol):
    """What serves until it is stopped; `ready` is set when it does."""

    @property
    def ready(self) -> asyncio.Event: ...

    async def run(self) -> None: ...

    def stop(self) -> None: ...


async def serve(make: Callable[[], Door], descriptor: int | None) -> None:
    """Makes the door in the running loop and serves until SIGTERM or SIGINT. Says on `descriptor`, where a supervisor listens, when it is ready. Raises what the door does."""
    sys.setswitchinterval(SWITCH_SECONDS)
    door = make()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, door.stop)
    announcing = asyncio.create_task(_announce(door.ready, descriptor))
    try:
        await door.run()
    finally:
        announcing.cancel()


async def _announce(ready: asyncio.Event, descriptor: int | None) -> None:
    await ready.wait()
    keep_what_is_loaded()
    if descriptor is not None:
        with suppress(OSError):  # A supervisor that is gone needs no answer.
            os.write(descriptor, b"ready\n")
            os.close(descriptor)
