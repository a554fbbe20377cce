"""What kills whoever reads it, as a bug in native code would: the command `/deadly`, known to doors that NOD_TESTS_JOIN this."""

import os
import signal
from typing import Any

from bots.kit.dialog import commands
from tests.faults import join as rig

WORDS = "/deadly"


def join() -> None:
    """Adds it to what this process knows."""
    rig.join()

    def dies(chat: Any, *rest: Any) -> Any:
        os.kill(os.getpid(), signal.SIGKILL)

    commands[WORDS.removeprefix("/")] = dies
