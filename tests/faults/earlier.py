"""The code of some migrations ago, out of the checkout's own history, and its processes: how an upgrade looks while both run."""

import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

from tests.faults.system import Asked, CannotHere, System
from tests.runners.world import end, redis_address
from tests.servers import ROOT

VERSIONS = "storage/migrations/versions"
BEGIN = """
import sys
from tests.faults.join import join
join()
from runners.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@dataclass(frozen=True)
class Earlier:
    """A checkout before the last migrations. `begin` starts one of its processes, `tapper` somebody who uses it."""

    folder: Path
    system: System

    def migrate(self) -> None:
        """An empty database, with the schema of that code."""
        system = self.system
        system.storage.close()
        with system.owner() as owner:
            owner.execute("DROP SCHEMA nod CASCADE")
        subprocess.run(
            [sys.executable, "-m", "storage", "migrate"], cwd=self.folder, env=self._environment(), check=True
        )

    def begin(self, name: str) -> None:
        """A worker or scheduler of that code, ready."""
        reading, writing = os.pipe()
        with (self.system.folder / f"earlier-{name.partition(' ')[0]}.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, "-c", BEGIN, name.partition(" ")[0]], cwd=self.folder, stderr=log, stdout=log,
                pass_fds=(writing,), env=self._environment() | {"NOD_READY_FD": str(writing)}, start_new_session=True,
            )  # fmt: skip
        os.close(writing)
        with os.fdopen(reading, "rb") as ready:
            assert ready.readline() == b"ready\n", f"{name} did not start: see {self.system.folder}"
        self.system.running[f"earlier {name}"] = cast(Any, child)

    @contextmanager
    def tapper(self) -> Iterator["Tapper"]:
        """Somebody with that code's page: everything they do goes through it."""
        system = self.system
        with (system.folder / "tapper.log").open("ab") as log:
            child = subprocess.Popen(
                [sys.executable, str(ROOT / "tests" / "faults" / "tapper.py"), str(system.sink.port), str(system.seed)],
                cwd=self.folder, env=self._environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip
        try:
            yield Tapper(child, system)
        finally:
            end(cast(Any, child))

    def _environment(self) -> dict[str, str]:
        system = self.system
        assert system.settings.database_url is not None and system.settings.master_key is not None
        return {
            **os.environ,
            "PYTHONPATH": str(self.folder),
            "NOD_TEST": "1",
            "NOD_DATABASE_URL": system.settings.database_url.get_secret_value(),
            "NOD_REDIS_URL": redis_address(system.settings),
            "NOD_DATA_DIR": str(system.settings.data_dir),
            "NOD_MASTER_KEY": system.settings.master_key.get_secret_value(),
            "NOD_LOG_FORMAT": "json",
        }


class Tapper:
    """Tells the other process what to do, and hears what came of it."""

    def __init__(self, child: "subprocess.Popen[str]", system: System) -> None:
        self._child, self._system = child, system
        self._known: set[str] = set()

    def tap(self, count: int) -> list[Asked]:
        """As many suggestions, approved, and as many runs. Raises AssertionError when nobody heard a tap for half a minute."""
        return [self._one() for _ in range(count)]

    def _one(self) -> Asked:
        assert self._child.stdin is not None and self._child.stdout is not None
        print("tap", file=self._child.stdin, flush=True)
        said = json.loads(self._child.stdout.readline() or "{}")
        assert "text" in said, f"the tapper ended: see {self._system.folder}"
        if said["maildir"] not in self._known:
            self._known.add(said["maildir"])
            world = SimpleNamespace(maildir=Path(said["maildir"]), tools={"calendar": said["calendar"]})
            self._system.people.append(cast(Any, world))
        return Asked(cast(Any, None), SimpleNamespace(id=UUID(said["id"])), said["text"], said["kind"])


def earlier(system: System, migrations: int) -> Earlier:
    """The code before the last so many migrations. Raises CannotHere where there is no history."""
    newest = sorted(path.name for path in (ROOT / VERSIONS).glob("v*.py"))
    history = [name for name in reversed(newest) if _git("cat-file", "-e", f"HEAD:{VERSIONS}/{name}") is not None]
    if len(history) <= migrations:
        raise CannotHere("the checkout has no history")
    added = _git("log", "--diff-filter=A", "--format=%H", "-1", "--", f"{VERSIONS}/{history[migrations - 1]}")
    content = (
        _git("archive", f"{added.decode().strip()}^", "bots", "core", "runners", "storage", "tests") if added else None
    )
    if not content:
        raise CannotHere("the checkout's history does not go back that far")
    folder = system.folder / "earlier"
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(folder, filter="data")
    return Earlier(folder, system)


def _git(*arguments: str) -> bytes | None:
    """What git says; None where it refuses, or is not there."""
    try:
        asked = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return asked.stdout if asked.returncode == 0 else None
