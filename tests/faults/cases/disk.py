"""A disk that is full, database, queue, files and logs all on it, and has room again."""

import os
from contextlib import suppress
from pathlib import Path

import psycopg

from core.kernel.errors import Failure
from storage.embedded import EmbeddedError
from tests.faults.case import ask, case, until_said, workers
from tests.faults.system import Asked, Needs, System

SMALL = Needs(postgres=(("max_wal_size", "64MB"), ("min_wal_size", "32MB")), space_mb=400)
PIECE = b"\0" * 2**20


@case("disk", small=8, large=80, needs=SMALL)
def full_while_people_tap_and_has_room_again(system: System, size: int) -> list[Asked]:
    """PostgreSQL refuses rows or falls, Valkey refuses messages, effects have no room and nothing can be logged; then somebody makes room."""
    asked = ask(system, size)
    workers(system)
    stretch = max(size // 5, 4)
    for begin in range(0, size, stretch):
        some = asked[begin : begin + stretch]
        for one in some[: stretch // 2]:
            until_said(one)
        filler = _fill(system.folder / "filler")
        try:
            _use_up_what_was_set_aside(system)
            said = [one for one in some[stretch // 2 :] if _heard(system, one)]
            if system.chance.random() < 0.5:
                name = system.chance.choice(sorted(system.running))
                system.kill(name)
        finally:
            filler.unlink()
        system.wait(lambda: _takes_rows(system), 60, "PostgreSQL to take rows again")
        workers(system)
        for one in some[stretch // 2 :]:
            if one not in said:
                until_said(one)
    log = (system.folder / "log" / "postgres.log").read_text()
    assert "No space left on device" in log, "PostgreSQL had room all the time"
    return asked


def _fill(filler: Path) -> Path:
    """Takes what is left of the disk."""
    with filler.open("wb", buffering=0) as file:
        with suppress(OSError):
            while True:
                file.write(PIECE)
        left = os.statvfs(filler)
        with suppress(OSError):
            file.write(b"\0" * left.f_bfree * left.f_frsize)
    return filler


def _use_up_what_was_set_aside(system: System) -> None:
    """The server keeps some segments of its log in store: until they are gone it notices nothing."""
    for _ in range(40):
        try:
            with system.owner() as owner:
                owner.execute("SELECT pg_switch_wal()")
                owner.execute("CREATE TABLE IF NOT EXISTS public.ballast (much text)")
                owner.execute(
                    "INSERT INTO public.ballast SELECT repeat(md5(i::text), 200) FROM generate_series(1, 200) i"
                )
        except psycopg.Error:
            return


def _takes_rows(system: System) -> bool:
    """Whether the server that is there now takes something: one may still be falling over what it could not write."""
    with suppress(EmbeddedError):
        system.servers.check()
    try:
        with system.owner() as owner:
            owner.execute("DROP TABLE IF EXISTS public.ballast")
            owner.execute("CHECKPOINT")
    except psycopg.Error:
        return False
    return True


def _heard(system: System, one: Asked) -> bool:
    """Whether the tap counted at once. The supervisor meanwhile does what it does: it starts again what fell."""
    with suppress(EmbeddedError, OSError):
        system.servers.check()
    try:
        one.approve()
    except (Failure, psycopg.Error):
        return False
    return True
