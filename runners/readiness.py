"""How a process tells its supervisor that it does its work now."""

import os
from contextlib import suppress
from functools import cache

from core.kernel.garbage import keep_what_is_loaded
from core.kernel.settings import settings


@cache
def announce_ready() -> None:
    """Say so on the file descriptor that the supervisor named in `NOD_READY_FD`; further calls, or no supervisor: nothing."""
    keep_what_is_loaded()
    descriptor = settings().ready_fd
    if descriptor is not None:
        with suppress(OSError):  # A supervisor that is gone needs no answer.
            os.write(descriptor, b"ready\n")
            os.close(descriptor)
