"""Builds the box around itself and becomes the program in it. Runs as a process of its own, on the standard library alone.

Two processes: the outer one watches (time, amount of output) and ends the other; the inner one is the first process of its own
process namespace, so that everything in there ends with it."""

import ctypes
import json
import os
import resource
import signal
import sys
import time
from select import select
from types import FrameType
from typing import Any

from runners.sandbox import syscalls

NO_NAMESPACES, NO_FILES, NO_FILTER, NO_PROGRAM = 110, 111, 112, 113
OUT_OF_TIME, OUT_OF_OUTPUT, BROKEN, KILLED = 120, 121, 122, 123
"""Exit statuses of the outer process; any other one is the program's own."""

_NEW_USER, _NEW_MOUNTS = 0x10000000, 0x00020000
_NEW_OTHERS = 0x02000000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""unshare: user; mounts; cgroups, host names, IPC, processes, network."""
_NOBODY = 65534
_MS_NOSUID, _MS_NODEV, _MS_BIND, _MS_REC, _MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_DETACH = 2
_ATTRIBUTES = 1 | 2 | 4
"""mount_setattr: read-only, no set-uid, no devices."""
_RECURSIVE, _HERE = 0x8000, -100
_MOUNT_SETATTR = 442
_PIVOT_ROOT = {"x86_64": 155, "aarch64": 41}
_PARENT_DEATH, _NO_NEW_PRIVILEGES, _SECCOMP = 1, 38, 22
_CAPABILITIES_3 = 0x20080522
_ENVIRONMENT = (b"LC_ALL=C.UTF-8", b"MALLOC_ARENA_MAX=1")

_libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Arguments: the plan (JSON, see `box.Box`), then further arguments of the program."""
    plan: dict[str, Any] = json.loads(sys.argv[1])
    program = [*plan["program"], *sys.argv[2:]]
    os.closerange(3, min(resource.getrlimit(resource.RLIMIT_NOFILE)[1], 1 << 20))
    if os.getpid() != os.getsid(0):
        os.setsid()
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 2)
    as_root = os.geteuid() == 0
    _leave_or(NO_NAMESPACES, lambda: _unshare(as_root))
    _end_with_parent()
    if os.getppid() != plan["parent"]:
        os._exit(BROKEN)
    alive, living = os.pipe()
    heard, spoken = os.pipe()
    inner = os.fork()
    if inner == 0:
        os.close(living)
        os.dup2(spoken, 1)
        _become(program, plan, as_root, alive)
    os.close(spoken)
    os.close(alive)
    _watch(inner, heard, plan)


def _unshare(as_root: bool) -> None:
    user, group = os.geteuid(), os.getegid()
    # Root mounts with its own rights and gives them up later: as another user it could not reach a program in its own folder.
    _call(_libc.unshare, _NEW_MOUNTS | _NEW_OTHERS | (0 if as_root else _NEW_USER))
    if not as_root:
        for name, line in (
            ("setgroups", "deny"),
            ("uid_map", f"{_NOBODY} {user} 1"),
            ("gid_map", f"{_NOBODY} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w") as file:
                file.write(line)


def _watch(inner: int, heard: int, plan: dict[str, Any]) -> None:
    """Hands on what the program says until it ends, says too much or takes too long."""

    def too_late(number: int, frame: FrameType | None) -> None:
        # The inner process ends with us.
        os._exit(OUT_OF_TIME)

    signal.signal(signal.SIGALRM, too_late)
    # All processes of a machine share this clock.
    signal.setitimer(signal.ITIMER_REAL, max(0.001, plan["ends"] - time.monotonic()))
    left = plan["output_bytes"]
    while said := os.read(heard, 65536):
        left -= len(said)
        if left < 0:
            os._exit(OUT_OF_OUTPUT)
        while said:
            said = said[os.write(1, said) :]
    _, status, used = os.wait4(inner, 0)
    if os.WIFEXITED(status):
        os._exit(os.WEXITSTATUS(status))
    # The kernel counts ticks for the limit and nanoseconds for the account, which differ on a busy machine.
    killed = os.WTERMSIG(status) == signal.SIGKILL
    overrun = killed and used.ru_utime + used.ru_stime > plan["cpu_seconds"] / 2
    os._exit(OUT_OF_TIME if overrun else KILLED if killed else BROKEN)


def _become(program: list[str], plan: dict[str, Any], as_root: bool, alive: int) -> None:
    os.setsid()
    _leave_or(NO_FILES, lambda: _hide_files(plan["readable"]))
    _leave_or(NO_NAMESPACES, lambda: _drop_rights(as_root))
    # From here on nothing changes whose process this is, which would make the kernel forget whom it ends with.
    _end_with_parent()
    if select([alive], [], [], 0)[0]:
        os._exit(BROKEN)
    os.closerange(3, 1024)
    for limit, value in (
        (resource.RLIMIT_CPU, plan["cpu_seconds"]),
        (resource.RLIMIT_AS, plan["memory_bytes"]),
        (resource.RLIMIT_NPROC, plan["threads"]),
        (resource.RLIMIT_NOFILE, 32),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    path = ctypes.create_string_buffer(os.fsencode(program[0]))
    arguments = (ctypes.c_char_p * (len(program) + 1))(*map(os.fsencode, program), None)
    environment = (ctypes.c_char_p * (len(_ENVIRONMENT) + 1))(*_ENVIRONMENT, None)
    _leave_or(NO_FILTER, lambda: _filter(ctypes.addressof(path)))
    _libc.execve(path, arguments, environment)
    os._exit(NO_PROGRAM)


def _hide_files(readable: list[str]) -> None:
    """An empty root that holds the readable paths and nothing else, and that nobody can write to."""
    _call(_libc.mount, None, b"/", None, _MS_REC | _MS_PRIVATE, None)
    _call(_libc.mount, b"box", b"/tmp", b"tmpfs", _MS_NOSUID | _MS_NODEV, b"size=64k,nr_inodes=256,mode=755")
    os.mkdir("/tmp/old")  # noqa: S108
    _call(_libc.syscall, _PIVOT_ROOT[os.uname().machine], b"/tmp", b"/tmp/old")
    os.chdir("/")
    for path in readable:
        _show(path)
    _call(_libc.umount2, b"/old", _DETACH)
    os.rmdir("/old")
    _protect("/", 0)


def _show(path: str) -> None:
    os.makedirs(os.path.dirname(path), exist_ok=True)
    if os.path.islink(f"/old{path}"):
        os.symlink(os.readlink(f"/old{path}"), path)
        return
    if os.path.isdir(f"/old{path}"):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    _call(_libc.mount, os.fsencode(f"/old{path}"), os.fsencode(path), None, _MS_BIND | _MS_REC, None)
    _protect(path, _RECURSIVE)


def _protect(path: str, flags: int) -> None:
    attributes = (ctypes.c_uint64 * 4)(_ATTRIBUTES, 0, 0, 0)
    _call(_libc.syscall, _MOUNT_SETATTR, _HERE, os.fsencode(path), flags, ctypes.byref(attributes), ctypes.c_size_t(32))


def _drop_rights(as_root: bool) -> None:
    if as_root:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
        # A user namespace of its own also counts its own processes only.
        _call(_libc.unshare, _NEW_USER)
    header = (ctypes.c_uint32 * 2)(_CAPABILITIES_3, 0)
    none = (ctypes.c_uint32 * 6)()
    _call(_libc.capset, ctypes.byref(header), ctypes.byref(none))


def _filter(path_address: int) -> None:
    code = syscalls.program(path_address)
    lines = ctypes.create_string_buffer(code, len(code))

    class Program(ctypes.Structure):
        _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_void_p))

    whole = Program(len(code) // 8, ctypes.addressof(lines))
    _prctl(_NO_NEW_PRIVILEGES, 1)
    _prctl(_SECCOMP, 2, ctypes.addressof(whole))


def _end_with_parent() -> None:
    _prctl(_PARENT_DEATH, signal.SIGKILL)


def _prctl(option: int, first: int, second: int = 0) -> None:
    # The kernel wants whole words, also where they are zero.
    _call(_libc.prctl, option, *map(ctypes.c_ulong, (first, second, 0, 0)))


def _call(function: Any, *arguments: Any) -> None:
    if function(*arguments) != 0:
        raise OSError(ctypes.get_errno(), "refused")


def _leave_or(status: int, step: Any) -> None:
    try:
        step()
    except (OSError, KeyError, ValueError):
        os._exit(status)
