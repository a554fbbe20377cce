"""What a boxed program may ask of the kernel, as a seccomp filter (man 2 seccomp). What is not on the list is refused with EPERM.

On the list: own memory, own threads, open pipes, the clock, looking at the few files in the box. Not on it: new processes and
programs, sockets, signals to others, namespaces, mounts, tracing, keys, io_uring, memory that no limit counts."""

import errno
import platform
from struct import pack

# Name: number on x86_64 and on aarch64 (asm/unistd_64.h and asm-generic/unistd.h of Linux).
_ALLOWED: dict[str, tuple[int | None, int | None]] = {
    "access": (21, None),
    "arch_prctl": (158, None),
    "brk": (12, 214),
    "clock_getres": (229, 114),
    "clock_gettime": (228, 113),
    "clock_nanosleep": (230, 115),
    "close": (3, 57),
    "dup": (32, 23),
    "dup2": (33, None),
    "dup3": (292, 24),
    "exit": (60, 93),
    "exit_group": (231, 94),
    "faccessat": (269, 48),
    "faccessat2": (439, 439),
    "fcntl": (72, 25),
    "fstat": (5, 80),
    "futex": (202, 98),
    "getcwd": (79, 17),
    "getdents64": (217, 61),
    "getegid": (108, 177),
    "geteuid": (107, 175),
    "getgid": (104, 176),
    "getpid": (39, 172),
    "getppid": (110, 173),
    "getrandom": (318, 278),
    "getrusage": (98, 165),
    "gettid": (186, 178),
    "gettimeofday": (96, 169),
    "getuid": (102, 174),
    "lseek": (8, 62),
    "lstat": (6, None),
    "madvise": (28, 233),
    "membarrier": (324, 283),
    "mmap": (9, 222),
    "mprotect": (10, 226),
    "mremap": (25, 216),
    "munmap": (11, 215),
    "nanosleep": (35, 101),
    "newfstatat": (262, 79),
    "open": (2, None),
    "openat": (257, 56),
    "poll": (7, None),
    "ppoll": (271, 73),
    "pread64": (17, 67),
    "prlimit64": (302, 261),
    "read": (0, 63),
    "readlink": (89, None),
    "readlinkat": (267, 78),
    "readv": (19, 65),
    "restart_syscall": (219, 128),
    "rseq": (334, 293),
    "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139),
    "sched_getaffinity": (204, 123),
    "sched_yield": (24, 124),
    "set_robust_list": (273, 99),
    "set_tid_address": (218, 96),
    "sigaltstack": (131, 132),
    "stat": (4, None),
    "statx": (332, 291),
    "sysinfo": (99, 179),
    "tgkill": (234, 131),
    "time": (201, None),
    "uname": (63, 160),
    "write": (1, 64),
    "writev": (20, 66),
}
_CLONE, _CLONE3, _EXECVE, _PRCTL = (56, 220), (435, 435), (59, 221), (157, 167)
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
"""Column of the table above, and the kernel's name of the architecture (AUDIT_ARCH_…)."""

_LOAD, _EQUAL, _AT_LEAST, _RETURN, _AND = 0x20, 0x15, 0x35, 0x06, 0x54
_NUMBER, _ARCHITECTURE, _ARGUMENT = 0, 4, 16
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_THREAD = 0x00010000
_SPACES = 0x7E020000 | 0x80
"""Flags of clone: a thread of this process; any new namespace."""
_SET_NAME, _GET_NAME, _NAME_MEMORY = 15, 16, 0x53564D41


def known_machine() -> bool:
    """Whether the filter can be written for this machine's architecture."""
    return platform.machine() in _MACHINES


def program(path_address: int) -> bytes:
    """The filter as an array of `struct sock_filter`. The one `execve` that it lets through has its path at `path_address`: that of the
    launcher's own call, which no later program has. Raises KeyError for an unknown architecture."""
    column, architecture = _MACHINES[platform.machine()]
    lines = [
        _line(_LOAD, _ARCHITECTURE),
        _line(_EQUAL, architecture, 1, 0),
        _line(_RETURN, _KILL),
        _line(_LOAD, _NUMBER),
        # x86_64 has a second table, x32, from here on.
        _line(_AT_LEAST, 0x40000000, 0, 1),
        _line(_RETURN, _KILL),
    ]
    for number in (pair[column] for pair in _ALLOWED.values()):
        if number is None:
            continue
        lines += [_line(_EQUAL, number, 0, 1), _line(_RETURN, _ALLOW)]
    lines += _rule(_CLONE3[column], [_line(_RETURN, _ERROR | errno.ENOSYS)])
    lines += _rule(_CLONE[column], _only_threads())
    lines += _rule(_PRCTL[column], _only_names())
    lines += _rule(_EXECVE[column], _only_at(path_address))
    return b"".join([*lines, _line(_RETURN, _ERROR | errno.EPERM)])


def _only_threads() -> list[bytes]:
    # The C library falls back to clone where there is no clone3, whose flags a filter cannot see.
    return [
        _line(_LOAD, _ARGUMENT),
        _line(_AND, _THREAD | _SPACES),
        _line(_EQUAL, _THREAD, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERROR | errno.EPERM),
    ]


def _only_names() -> list[bytes]:
    lines = [_line(_LOAD, _ARGUMENT)]
    for option in (_SET_NAME, _GET_NAME, _NAME_MEMORY):
        lines += [_line(_EQUAL, option, 0, 1), _line(_RETURN, _ALLOW)]
    return [*lines, _line(_RETURN, _ERROR | errno.EPERM)]


def _only_at(address: int) -> list[bytes]:
    return [
        _line(_LOAD, _ARGUMENT),
        _line(_EQUAL, address & 0xFFFFFFFF, 0, 3),
        _line(_LOAD, _ARGUMENT + 4),
        _line(_EQUAL, address >> 32, 0, 1),
        _line(_RETURN, _ALLOW),
        _line(_RETURN, _ERROR | errno.EPERM),
    ]


def _rule(number: int, lines: list[bytes]) -> list[bytes]:
    """Those lines for that system call, which must end with a return."""
    return [_line(_EQUAL, number, 0, len(lines)), *lines]


def _line(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return pack("=HBBI", code, if_true, if_false, value)
