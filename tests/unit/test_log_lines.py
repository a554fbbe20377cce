"""Log lines of a process."""

import json
import re
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


TRACED = """
import structlog
from core.kernel.settings import Settings
from core.kernel.telemetry import span
from core.kernel.trace import traceparent
from storage import telemetry

telemetry.set_up(Settings(_env_file=None, log_format="json", otlp_endpoint=None), "worker")
log = structlog.get_logger()
with span("one", workspace="w"):
    log.warning("first")
    handed_on = traceparent.get()
    with span("within", run="r"):
        log.warning("second")
log.warning("outside")
with span("later", parent=handed_on):
    log.warning("third")
with span("another"):
    log.warning("fourth")
print(handed_on)
"""


def test_lines_of_one_trace_carry_its_id_across_processes_also_where_no_span_is_recorded() -> None:
    spoke = subprocess.run([sys.executable, "-c", TRACED], capture_output=True, text=True, check=True)
    lines = {line["event"]: line for line in map(json.loads, spoke.stderr.splitlines())}
    (handed_on,) = spoke.stdout.split()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-00", handed_on)
    trace = handed_on.split("-")[1]
    assert [lines[word].get("trace") for word in ("first", "second", "outside", "third")] == [trace, trace, None, trace]
    assert len(lines["fourth"]["trace"]) == 32
    assert lines["fourth"]["trace"] != trace
    assert (lines["second"]["workspace"], lines["second"]["run"], "workspace" in lines["third"]) == ("w", "r", False)
