"""The box itself, with hostile programs in it that have all of Python."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from runners.sandbox import box as boxes
from runners.sandbox import enter
from runners.sandbox.box import LIBRARIES, Box, probe

PYTHON = Path(getattr(sys, "_base_executable", sys.executable)).resolve()
SYSCALLS = "import ctypes, errno; C = ctypes.CDLL(None, use_errno=True)\n"
pytestmark = pytest.mark.boxed
MACHINE = ("x86_64", "aarch64").index(os.uname().machine) if probe() is None else 0
"""The column of system calls' numbers."""


def box(source: str, **limits: Any) -> Box:
    """A box with a Python program in it."""
    program = (str(PYTHON), "-I", "-S", "-B", "-c", source)
    return replace(Box(program, (*LIBRARIES, str(Path(sys.base_prefix).resolve()))), **limits)


def ran(source: str, **limits: Any) -> subprocess.CompletedProcess[bytes]:
    """The end of that program."""
    return _run(box(source, **limits).command())


def _run(command: list[str], **more: Any) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, timeout=60, check=False, **more)


def told(source: str, **limits: Any) -> Any:
    """What that program printed, as JSON."""
    ended = ran(f"import json, os\ndef tell(x): print(json.dumps(x))\n{source}", **limits)
    assert ended.returncode == 0, ended
    return json.loads(ended.stdout)


def refused(call: str) -> int:
    """What the kernel answers to a system call, by its number and arguments."""
    return told(f"{SYSCALLS}C.syscall({call}); tell(ctypes.get_errno())")


def test_a_program_sees_the_libraries_and_nothing_else_and_writes_nowhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    secret.chmod(0o644)
    seen = told(
        f"""
found = {{"root": os.listdir("/"), "read": [], "written": []}}
for path in ("/etc/passwd", "/etc/hosts", {str(secret)!r}, "/proc/self/environ", "/proc/1/root/etc/passwd", "/dev/null", "/sys/kernel", "/old"):
    try: os.stat(path); found["read"].append(path)
    except FileNotFoundError: pass
for folder in ("/", "/tmp", "/usr/lib", {sys.base_prefix!r}, os.path.dirname({str(PYTHON)!r}), "/dev/shm"):
    try: open(folder + "/x", "w").close(); found["written"].append(folder)
    except OSError: pass
tell(found)
"""
    )
    tops = {Path(p).parts[1] for p in (*LIBRARIES, str(Path(sys.base_prefix).resolve())) if os.path.lexists(p)}
    assert set(seen["root"]) - {"tmp"} == tops
    assert (seen["read"], seen["written"]) == ([], [])


SYSTEM_PYTHON = os.path.realpath("/usr/bin/python3")


def test_the_box_of_a_worker_that_is_not_root_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """As root, another user builds the box, of a copy of its source that this user can read wherever the checkout is; anybody else does so as they are."""
    other: dict[str, Any] = {"user": 23456, "group": 23456, "extra_groups": []} if os.geteuid() == 0 else {}
    python = SYSTEM_PYTHON if os.path.exists(SYSTEM_PYTHON) else str(PYTHON)
    with TemporaryDirectory() as own, TemporaryDirectory() as code:
        if other:
            os.chown(own, 23456, 23456)
            os.chmod(code, 0o755)
        for part in ("runners/__init__.py", *(f"runners/sandbox/{n}.py" for n in ("__init__", "enter", "syscalls"))):
            copy = Path(code, part)
            copy.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            copy.write_bytes((boxes._SOURCE / part).read_bytes())
        monkeypatch.setattr(boxes, "_SOURCE", Path(code))
        source = f"""
import json, os
written, read = [], []
for folder in ("/", "/tmp", "/usr", {own!r}):
    try: open(folder + "/x", "w").close(); written.append(folder)
    except OSError: pass
for path in ("/etc/passwd", "/proc", "/dev", "/old"):
    try: os.stat(path); read.append(path)
    except FileNotFoundError: pass
print(json.dumps([os.getpid(), os.getuid(), os.listdir({own!r}), written, read]))
"""
        Path(own, "seen").touch()
        readable = (*LIBRARIES, own, *(() if python == SYSTEM_PYTHON else (str(Path(sys.base_prefix).resolve()),)))
        command = Box((python, "-I", "-S", "-B", "-c", source), readable).command()
        ended = _run([python, *command[1:]], **other)
    assert json.loads(ended.stdout or "null") == [1, 65534, ["seen"], [], []], ended


def test_the_module_says_that_nothing_is_missing() -> None:
    asked = [sys.executable, "-m", "runners.sandbox"]
    assert _run(asked, cwd=Path(__file__).parents[2]).returncode == 0


def test_a_program_is_alone_and_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_5F1E", "s3cret")
    held = os.open("/etc/hosts", os.O_RDONLY)
    os.set_inheritable(held, True)
    try:
        source = """
held = []
for number in range(0, 1000):
    try: os.fstat(number); held.append(number)
    except OSError: pass
tell([os.getpid(), os.getppid(), os.getuid(), os.geteuid(), dict(os.environ), held])
"""
        command = box(f"import json, os\ndef tell(x): print(json.dumps(x))\n{source}").command()
        ended = _run(command, close_fds=False)
    finally:
        os.close(held)
    pid, parent, user, effective, environment, files = json.loads(ended.stdout)
    assert (pid, parent, user, effective, files) == (1, 0, 65534, 65534, [0, 1, 2])
    assert environment.keys() <= {"LC_ALL", "LC_CTYPE", "MALLOC_ARENA_MAX"}


def test_a_program_has_no_network_and_the_listener_on_loopback_hears_nothing() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket(socket.AF_UNIX) as local:
        listener.settimeout(0.2)
        local.bind("\0nod-canary")
        local.listen()
        local.settimeout(0.2)
        port = listener.getsockname()[1]
        errors = told(
            f"""
import socket
found = []
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", {port})), (socket.AF_INET, socket.SOCK_DGRAM, ("127.0.0.1", {port})),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", {port})), (socket.AF_UNIX, socket.SOCK_STREAM, "\\0nod-canary"),
    (socket.AF_NETLINK, socket.SOCK_RAW, (0, 0)), (socket.AF_VSOCK, socket.SOCK_STREAM, (2, {port})),
):
    try: socket.socket(family, kind).connect(address); found.append(0)
    except OSError as error: found.append(error.errno)
try: socket.getaddrinfo("localhost", 1); found.append(0)
except OSError: pass
tell(found)
"""
        )
        assert errors == [1] * 6
        for waiting in (listener, local):
            with pytest.raises(TimeoutError):
                waiting.accept()


def test_where_sockets_could_be_made_there_would_be_no_network_still(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = "from runners.sandbox import syscalls; syscalls._ALLOWED.update(socket=(41, 198), connect=(42, 203), bind=(49, 200)); "
    monkeypatch.setattr(boxes, "_START", boxes._START.replace("from runners", f"{allowed}from runners", 1))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        said = told(
            f"""
import socket
try: socket.socket().connect(("127.0.0.1", {listener.getsockname()[1]})); tell(0)
except OSError as error: tell(error.errno)
"""
        )
        assert said == errno.ENETUNREACH
        with pytest.raises(TimeoutError):
            listener.accept()


def test_a_program_starts_no_other_process() -> None:
    assert told(
        f"""
import subprocess
found = []
for start in (os.fork, lambda: os.posix_spawn("/usr/bin/env", ["env"], {{}}), lambda: os.execv({str(PYTHON)!r}, ["python", "-c", "1"])):
    try: start(); found.append(0)
    except OSError as error: found.append(error.errno)
tell(found)
"""
    ) == [1, 1, 1]


def test_a_program_has_few_threads() -> None:
    count = told(
        """
import threading
wait, made = threading.Event(), 0
threading.stack_size(64 * 1024)
try:
    while made < 50:
        threading.Thread(target=wait.wait, daemon=True).start(); made += 1
except RuntimeError: pass
print(json.dumps(made), flush=True)
os._exit(0)
"""
    )
    assert 1 <= count <= 3


@pytest.mark.parametrize(
    ("name", "numbers", "arguments"),
    [
        ("unshare", (272, 97), "0x10000000"),
        ("setns", (308, 268), "0, 0"),
        ("mount", (165, 40), "0, b'/', 0, 32, 0"),
        ("ptrace", (101, 117), "0, 0, 0, 0"),
        ("process_vm_readv", (310, 270), "1, 0, 0, 0, 0, 0"),
        ("kill everything", (62, 129), "-1, 0"),
        ("kill the parent", (62, 129), "0, 9"),
        ("memfd_create", (319, 279), "b'x', 0"),
        ("shmget", (29, 194), "0, 1000000, 0o1600"),
        ("io_uring_setup", (425, 425), "8, 0"),
        ("keyctl", (250, 219), "0, -3, 0"),
        ("bpf", (321, 280), "0, 0, 0"),
        ("userfaultfd", (323, 282), "0"),
        ("live on without the parent", (157, 167), "1, 0, 0, 0, 0"),
        ("process clone with a namespace", (56, 220), "0x10000011, 0, 0, 0, 0"),
        ("setuid", (105, 146), "0"),
        ("open_by_handle_at", (304, 265), "0, 0, 0"),
        ("sched_setaffinity", (203, 122), "0, 0, 0"),
        ("pidfd_open", (434, 434), "1, 0"),
        ("chroot", (161, 51), "b'/'"),
    ],
)
def test_the_kernel_refuses(name: str, numbers: tuple[int, int], arguments: str) -> None:
    assert refused(f"{numbers[MACHINE]}, {arguments}") == 1


def test_the_other_table_of_system_calls_is_closed_too() -> None:
    if os.uname().machine == "x86_64":
        assert ran(f"{SYSCALLS}C.syscall(0x40000000 + 39)").returncode == enter.BROKEN
    else:  # has none
        assert refused("0x40000000 + 39") == 1


def test_an_endless_loop_ends_by_its_time_on_the_processor() -> None:
    began = time.monotonic()
    assert ran("while True: pass", cpu_seconds=1, wall_seconds=25.0).returncode == enter.OUT_OF_TIME
    assert time.monotonic() - began < 20


def test_an_endless_loop_that_ignores_signals_in_all_threads_ends() -> None:
    source = (
        "import signal, threading\nfor n in (signal.SIGXCPU, signal.SIGTERM): signal.signal(n, signal.SIG_IGN)\n"
        "def spin():\n while True: pass\nthreading.Thread(target=spin).start(); spin()"
    )
    assert ran(source, cpu_seconds=1, wall_seconds=25.0).returncode == enter.OUT_OF_TIME


def test_limits_cannot_be_raised_again() -> None:
    assert told(
        """
import resource
found = []
for limit in (resource.RLIMIT_CPU, resource.RLIMIT_AS, resource.RLIMIT_NPROC, resource.RLIMIT_NOFILE, resource.RLIMIT_FSIZE):
    try: resource.setrlimit(limit, (resource.RLIM_INFINITY, resource.RLIM_INFINITY)); found.append(limit)
    except (OSError, ValueError): pass
tell(found)
"""
    ) == []  # fmt: skip


def test_one_that_only_waits_ends_too() -> None:
    assert ran("import time; time.sleep(60)", wall_seconds=1.0).returncode == enter.OUT_OF_TIME


def test_memory_has_an_end() -> None:
    most = told(
        """
held = []
try:
    while len(held) < 1000: held.append(bytearray(1 << 20))
except MemoryError: pass
count = len(held); del held
tell(count)
"""
    )
    assert 100 < most < 256


def test_output_has_an_end() -> None:
    ended = ran("import os\nwhile True: os.write(1, b'x' * 65536)")
    assert ended.returncode == enter.OUT_OF_OUTPUT
    assert len(ended.stdout) <= 1_000_000


def test_what_is_said_in_time_and_size_arrives_whole() -> None:
    ended = ran("import os\nfor _ in range(100): os.write(1, b'x' * 10_000)")
    assert (ended.returncode, len(ended.stdout)) == (0, 1_000_000)


@contextmanager
def _waiting() -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A box whose program waits, and a handle of the program's process."""
    with subprocess.Popen(box("print('here', flush=True); import time; time.sleep(60)").command(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as outer:  # fmt: skip
        assert outer.stdout
        assert outer.stdout.readline() == b"here\n"
        inner = os.pidfd_open(_children(outer.pid)[0])
        try:
            yield outer, inner
        finally:
            os.close(inner)
            outer.kill()


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _ended(process: int) -> bool:
    import select

    return bool(select.select([process], [], [], 30.0)[0])


def test_killing_the_outer_process_ends_the_program() -> None:
    with _waiting() as (outer, inner):
        outer.kill()
        assert _ended(inner)


def test_the_death_of_the_worker_ends_the_program() -> None:
    starter = f"import subprocess, sys; sys.path.insert(0, {str(Path(__file__).parents[2])!r}); from runners.sandbox.box import Box; box = {box('print(chr(104), flush=True); import time; time.sleep(60)')!r}; subprocess.run(box.command())"
    with subprocess.Popen([sys.executable, "-c", starter], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as worker:
        assert worker.stdout
        assert worker.stdout.readline() == b"h\n"
        [outer] = _children(worker.pid)
        inner = os.pidfd_open(_children(outer)[0])
        try:
            worker.send_signal(signal.SIGKILL)
            assert _ended(inner)
        finally:
            os.close(inner)


def test_a_box_whose_starter_is_gone_is_not_entered() -> None:
    command = box("print('here')").command()
    plan = json.loads(command[-1])
    command[-1] = json.dumps(plan | {"parent": 1})
    ended = _run(command)
    assert (ended.returncode, ended.stdout) == (enter.BROKEN, b"")


def test_a_program_that_is_not_there_is_said() -> None:
    missing = Box(("/usr/lib/no/such/program",))
    assert _run(missing.command()).returncode == enter.NO_PROGRAM


@pytest.mark.parametrize(
    ("forbid", "reason"), [((272, 97), "namespaces"), ((165, 40), "mounts"), ((157, 167), "seccomp")]
)
def test_where_a_part_of_the_isolation_is_missing_nothing_runs(
    forbid: tuple[int, int], reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert probe() is None
    monkeypatch.setattr(boxes, "_START", f"{_without(forbid[MACHINE])}\n{boxes._START}")
    assert probe() == reason


def _without(number: int) -> str:
    """Python source that has the kernel refuse a system call from here on, as containers do; of prctl only the way to a filter."""
    if number in (157, 167):
        rule = f"L(0x15, {number}, 0, 3) + L(0x20, 16) + L(0x15, 22, 0, 1) + L(6, 0x50001)"
    else:
        rule = f"L(0x15, {number}, 0, 1) + L(6, 0x50001)"
    return (
        "import ctypes, struct\n"
        "def L(c, k, t=0, f=0): return struct.pack('=HBBI', c, t, f, k)\n"
        f"code = L(0x20, 0) + {rule} + L(6, 0x7FFF0000)\n"
        "held = ctypes.create_string_buffer(code, len(code))\n"
        "class P(ctypes.Structure): _fields_ = (('n', ctypes.c_ushort), ('p', ctypes.c_void_p))\n"
        "whole = P(len(code) // 8, ctypes.addressof(held))\n"
        "C = ctypes.CDLL(None); C.prctl(38, 1, 0, 0, 0); assert C.prctl(22, 2, ctypes.byref(whole), 0, 0) == 0\n"
    )


def test_another_system_or_machine_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runners.sandbox.box.platform.system", lambda: "Darwin")
    assert probe() == "system"
    monkeypatch.undo()
    monkeypatch.setattr("runners.sandbox.syscalls.platform.machine", lambda: "riscv64")
    assert probe() == "machine"
