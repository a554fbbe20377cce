"""The terminal as programs use it."""

import subprocess
import sys

SAYS = """
import sys
sys.argv = ["nod", "--help"]
from bots.cli.app import main
try:
    main()
except SystemExit:
    pass
import structlog
structlog.get_logger().warning("said besides")
"""


def test_what_there_is_to_say_besides_is_no_part_of_the_answer() -> None:
    told = subprocess.run([sys.executable, "-c", SAYS], capture_output=True, text=True, timeout=60, check=True)
    assert "said besides" in told.stderr
    assert "said besides" not in told.stdout and "ask first" in told.stdout
