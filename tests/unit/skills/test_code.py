"""The code skill: what a person's own code gives back, and that hostile code gets nowhere."""

import os
import socket
import time
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from core.kernel.errors import Failure, Invalid, Unavailable
from runners.sandbox import box as boxes
from runners.sandbox import enter
from runners.skills import code
from tests.unit.skills.mailbox import context

NOW = datetime(2026, 11, 22, 12, 30, tzinfo=UTC)
CODE = code.Code()
pytestmark = pytest.mark.boxed


def ran(source: str, *, deadline: float | None = None, schema: dict[str, Any] | None = None, **inputs: Any) -> Any:
    """The result and what was printed."""
    told = replace(context(now=NOW, zone=ZoneInfo("Europe/Berlin")), node="sum", index=3, deadline=deadline)
    output = CODE.run(told, code.Input(source=source, inputs=inputs, output_schema=schema))
    return output.result, output.printed


def refusal(source: str, **more: Any) -> tuple[str, Any]:
    """The code and the data of the failure."""
    with pytest.raises(Failure) as failed:
        ran(source, **more)
    return failed.value.code, failed.value.data


def test_code_gets_its_inputs_and_gives_back_its_last_value_and_what_it_printed() -> None:
    source = "print('adding')\n{'sum': sum(inputs['numbers']), 'names': sorted(n.upper() for n in inputs['names'])}"
    assert ran(source, numbers=[1, 2.5], names=["b", "a"]) == ({"sum": 3.5, "names": ["A", "B"]}, "adding\n")


def test_dates_decimals_and_tuples_become_json() -> None:
    source = "import datetime, decimal\n(datetime.date(2026, 1, 2), decimal.Decimal('1.10'), None, True)"
    assert ran(source)[0] == ["2026-01-02", "1.10", None, True]


def test_the_same_step_gives_the_same_result_at_the_time_of_the_run() -> None:
    source = "import datetime, random, time\n[str(datetime.datetime.now()), random.random(), time.time()]"
    first, second = ran(source)[0], ran(source)[0]
    assert first == second
    assert (first[0], first[2]) == ("2026-11-22 13:30:00", NOW.timestamp())


def test_what_is_left_by_one_run_is_not_there_in_the_next() -> None:
    ran("left = 1\nleft")
    assert refusal("left")[0] == "orchestration.code_failed"


def test_what_code_says_of_its_failure_is_told_with_the_line() -> None:
    assert refusal("x = 1\nraise ValueError('no such month')") == (
        "orchestration.code_failed",
        {"error": "ValueError: no such month", "line": 2},
    )
    assert refusal("def (")[1]["error"].startswith("SyntaxError: ")
    assert len(refusal("raise ValueError('x' * 5000)")[1]["error"]) == 300


def test_a_result_is_held_against_its_schema() -> None:
    schema = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    assert ran("{'n': 1}", schema=schema)[0] == {"n": 1}
    assert refusal("{'n': 'one'}", schema=schema) == (
        "orchestration.code_result_wrong",
        {"field": "n", "found": "type"},
    )
    assert (
        refusal("1", schema={"type": "object", "$ref": "http://127.0.0.1/x"})[0] == "orchestration.model_schema_refused"
    )


def test_a_schema_that_would_take_long_to_check_is_not_checked() -> None:
    wide = {"type": "object", "properties": {"a": {"items": {"anyOf": [{"type": "null"}] * 1000}}}}
    assert refusal("{'a': list(range(50000))}", schema=wide)[0] == "orchestration.code_limit"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("float('nan')", "float"),
        ("b'bytes'", "bytes"),
        ("{1: 2}", "dict"),
        ("{1, 2}", "set"),
        ("class A: pass\nA()", "MontyClassProxy"),
        ("'a\\0b'", "NUL character"),
        ("2 ** 2000", "int"),
        ("x = []\nfor _ in range(100000): x = [x]\nx", "nesting"),
    ],
)
def test_a_result_that_is_no_json_is_refused(source: str, found: str) -> None:
    assert refusal(source) == ("orchestration.code_result_wrong", {"field": "result", "found": found} | _deep(found))


def _deep(found: str) -> dict[str, str]:
    return {"field": ("result" + ".0" * code.DEEPEST + ".0")[:100]} if found == "nesting" else {}


def test_a_number_too_long_to_write_is_refused() -> None:
    assert refusal("2 ** 100000")[0] == "orchestration.code_result_wrong"


@pytest.mark.parametrize(
    ("source", "limit"),
    [
        ("x = [1]\nfor _ in range(30): x = [x, x]\nx", "output"),
        ("x = {}\nfor _ in range(30): x = {'a': x, 'b': x}\nx", "output"),
        ("['y' * 900000] * 1000", "output"),
        ("'y' * 2000000", "output"),
        ("while True: print('y' * 100000)", "output"),
        ("for _ in range(10**9): print('y', end='')", "output"),
        ("print('y' * 600000)\n'y' * 600000", "output"),
        ("x = 'a'\nwhile True: x += x", "memory"),
        ("[0] * 10**10", "memory"),
        ("10 ** 10 ** 9", "memory"),
        ("x = []\nwhile True: x.append(x)", "memory"),
    ],
)
def test_memory_and_output_have_an_end(source: str, limit: str) -> None:
    assert refusal(source) == ("orchestration.code_limit", {"limit": limit})


@pytest.mark.parametrize(
    "source",
    [
        "while True: pass",
        "while True:\n  try:\n    while True: pass\n  except BaseException: pass",
        "import re\nre.match(r'^(([a-z])+.)+[A-Z]([a-z])+$', 'a' * 5000)\nwhile True: pass",
        "def f():\n  try: f()\n  finally: f()\nf()",
    ],
)
def test_time_has_an_end(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "CPU_SECONDS", 2)
    assert refusal(source) == ("orchestration.code_limit", {"limit": "time"})


def test_the_end_of_the_step_is_the_end_of_the_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(code, "CPU_SECONDS", 120)
    monkeypatch.setattr(code, "WALL_SECONDS", 120.0)
    began = time.monotonic()
    assert refusal("while True: pass", deadline=began + 1) == ("orchestration.code_limit", {"limit": "time"})
    assert time.monotonic() - began < 60
    assert refusal("1", deadline=began) == ("orchestration.code_limit", {"limit": "time"})


def test_a_sleep_takes_no_time() -> None:
    ran("import time\ntime.sleep(1000)")


def test_a_regular_expression_that_goes_back_for_ever_does_not() -> None:
    assert ran("import re\nre.match(r'(a+)+$', 'a' * 40 + 'b')")[0] is None


@pytest.mark.parametrize(
    "source",
    [
        "import socket",
        "import ctypes",
        "import subprocess",
        "import threading",
        "import multiprocessing",
        "import signal",
        "import os\nos.fork()",
        "import os\nos.kill(os.getppid(), 9)",
        "import os\nos.system('id')",
        "import os\nos.listdir('/')",
        "import os\nos.environ",
        "open('/etc/passwd').read()",
        "open('/proc/self/environ').read()",
        "open('/tmp/nod-was-here', 'w').write('x')",
        "import pathlib\npathlib.Path('/proc/1/cmdline').read_text()",
        "__import__('os')",
        "().__class__.__bases__[0].__subclasses__()",
        "'{0.__class__.__mro__}'.format(1)",
        "'{0.__init__.__globals__}'.format(print)",
        "(lambda: 1).__globals__",
        "(lambda: 1).__code__",
        "[].__reduce_ex__(2)",
        "print.__self__",
        "def g(): yield\ng().gi_frame",
        "def f(n): return f(n + 1)\nf(0)",
        "import json\njson.loads('[' * 100000)",
        "int('9' * 5000)",
    ],
)
def test_a_way_out_is_none(source: str) -> None:
    assert refusal(source)[0] == "orchestration.code_failed"
    assert not Path("/tmp/nod-was-here").exists()


def test_nobody_on_loopback_hears_of_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for source in (
            f"import urllib.request\nurllib.request.urlopen('http://127.0.0.1:{port}/')",
            f"open('http://127.0.0.1:{port}/')",
            f"import asyncio\nawait asyncio.open_connection('127.0.0.1', {port})",
        ):
            assert refusal(source)[0] == "orchestration.code_failed"
        with pytest.raises(TimeoutError):
            listener.accept()


def test_nothing_is_left_behind() -> None:
    me = os.getpid()
    children = Path(f"/proc/{me}/task/{me}/children")
    before, born = set(os.listdir("/proc/self/fd")), children.read_text()
    for source in ("1", "while True: print('y' * 100000)", "raise ValueError"):
        with suppress(Invalid):
            ran(source)
    assert len(set(os.listdir("/proc/self/fd")) - before) == 0
    assert children.read_text() == born


def test_without_isolation_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    leave = f"import os; os._exit({enter.NO_NAMESPACES})"
    monkeypatch.setattr(boxes, "_START", leave)
    code_, data = refusal("1")
    assert (code_, data) == ("orchestration.isolation_missing", {"reason": "namespaces"})


def test_on_another_system_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create")
    monkeypatch.setattr("runners.sandbox.box.platform.system", lambda: "Darwin")
    with pytest.raises(Unavailable) as refused:
        ran("1")
    assert refused.value.data == {"reason": "system"}
