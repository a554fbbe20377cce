"""Log lines of a process."""

import subprocess
import sys
from pathlib import Path

import pytest

SPEAKS = """
import structlog
from core.kernel.settings import Settings
from storage import telemetry

telemetry.set_up(Settings(_env_file=None), "worker")
for number in range(10_000):
    structlog.get_logger().warning("said", number=number)
print("went on", flush=True)
"""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_line_that_cannot_be_written_breaks_nothing() -> None:
    with open("/dev/full", "wb") as full:
        spoke = subprocess.run([sys.executable, "-c", SPEAKS], stdout=subprocess.PIPE, stderr=full, check=False)
    assert spoke.stdout == b"went on\n"
