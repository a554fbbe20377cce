"""PostgreSQL killed and restarted under load, and its sessions ended."""

import time

import psycopg

from core.kernel.errors import Failure
from tests.faults.case import ask, case, workers
from tests.faults.system import Asked, System


@case("postgres", small=12, large=200)
def killed_again_and_again_under_load(system: System, size: int) -> list[Asked]:
    """SIGKILL for every process of the server, crash recovery, on it goes; also in the middle of a commit."""
    asked = ask(system, size)
    workers(system)
    for number, one in enumerate(asked):
        _until_said(one)
        if number % max(size // 8, 4) == 2:
            system.kill_server("postgres")
    return asked


@case("postgres", small=18, large=300)
def sessions_ended_at_any_moment(system: System, size: int) -> list[Asked]:
    """pg_terminate_backend for some of them, again and again."""
    asked = ask(system, size)
    workers(system)
    for one in asked:
        _until_said(one)
        with system.owner() as owner:
            owner.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
                " AND pid <> pg_backend_pid() AND random() < 0.3"
            )
    return asked


def _until_said(one: Asked) -> None:
    """Taps until the tap counted, as a person would: an answer that was lost may have counted."""
    why: Exception | None = None
    for _ in range(300):
        try:
            one.approve()
            return
        except Failure as failed:
            if failed.code == "approvals.already_decided":
                return
            why = failed
        except psycopg.Error as failed:
            why = failed
        time.sleep(0.1)
    raise AssertionError("nobody heard the tap") from why
