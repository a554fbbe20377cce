"""The system that a case breaks: durable PostgreSQL and Valkey, the product's processes each in a session of its own, people with agents, and a sink."""

import base64
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import psycopg
import redis

from core.catalog.models import AgentConfig
from core.connectors.connect import connect
from core.kernel.settings import Settings, settings
from core.orchestration.ports import Proposal, Words
from storage import Storage, open_storage
from storage.embedded import EmbeddedServers
from storage.embedded.process import working_in
from storage.migrate import migrate
from tests.faults import join
from tests.faults.sink import Sink, sink
from tests.runners.forked import Forked
from tests.runners.world import World, end, event, launch, mail, make_world, redis_address, task

MASTER_KEY = base64.b64encode(b"a master key only for the faults").decode()
KINDS = ("keyed", "searchable", "blind", "task", "event", "mail")
PEOPLE = 3


class CannotHere(Exception):
    """This machine does not let the rig break things in that way; says why."""


@dataclass(frozen=True)
class Needs:
    """What a case wants its servers to be like. `postgres` are settings of PostgreSQL; `space_mb` is the size of a disk of its own, which can be filled (needs root on
    Linux: a tmpfs is mounted)."""

    postgres: tuple[tuple[str, str], ...] = ()
    space_mb: int | None = None


class Platform(Protocol):
    """Where people have chats, and what must hold there."""

    def settled(self) -> bool:
        """Whether nothing is on its way to it or from it."""
        ...

    def trouble(self) -> dict[str, int]:
        """What broke a promise there, and how often."""
        ...


@dataclass
class System:
    """Everything that runs. `seed` decides every chance; `kills` counts processes and servers that were killed or had to start anew; `keep` leaves the folder, with the
    logs, when all is over; `otherwise` are the settings that processes start with, where these are other ones."""

    folder: Path
    servers: EmbeddedServers
    settings: Settings
    storage: Storage
    sink: Sink
    seed: int
    people: list[World] = field(default_factory=list)
    running: dict[str, Forked] = field(default_factory=dict)
    kills: int = 0
    keep: bool = False
    otherwise: Settings | None = None
    platforms: list[Platform] = field(default_factory=list)
    """Where people have chats besides; `beside` ends with the system."""
    beside: ExitStack = field(default_factory=ExitStack)

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)

    def owner(self) -> psycopg.Connection[Any]:
        """A superuser's connection."""
        assert self.settings.database_url is not None
        return psycopg.connect(self.settings.database_url.get_secret_value(), autocommit=True)

    def broker(self) -> redis.Redis:
        """The broker, as anybody sees it."""
        return redis.Redis.from_url(redis_address(self.settings))

    def start(self, name: str, fault: str | None = None, **more: str) -> Forked:
        """A process of the kind that `name` begins with (`worker 2`), in the place of the one of that name, which must have ended; with a fault, maybe dead already.
        `more` is added to its environment."""
        given = {"NOD_TESTS_JOIN": join.__name__} | ({"NOD_FAULT": fault} if fault else {}) | more
        child, ready = launch(self.otherwise or self.settings, name.partition(" ")[0], **given)
        assert ready or fault, f"{name} did not start: see {self.folder}"
        self.running[name] = child
        return child

    def kill(self, name: str) -> None:
        """SIGKILL, whatever it does."""
        end(self.running.pop(name))
        self.kills += 1

    def ended(self, name: str) -> bool:
        """Whether it is dead; it is counted then, and can be started anew."""
        if self.running[name].poll() is None:
            return False
        del self.running[name]
        self.kills += 1
        return True

    def kill_server(self, program: str) -> None:
        """SIGKILL for `postgres` or `valkey-server`, all of it, and a new start."""
        inside = self.folder / ("postgres/data" if program == "postgres" else "valkey")
        killed = working_in(inside, program)
        for one in killed:
            with suppress(psutil.NoSuchProcess):
                one.send_signal(signal.SIGKILL)
        psutil.wait_procs(killed, 10)
        self.kills += 1
        self.servers.check()

    def suggest(self, text: str, kind: str, world: World | None = None) -> "Asked":
        """A suggestion of one kind of effect, not decided yet, for that person or one of all."""
        world = world or self.chance.choice(self.people)
        made = {"task": task, "event": event, "mail": _reply}
        proposal = made[kind](text) if kind in made else _sunk(text, kind)
        return Asked(world, world.suggest(proposal), text, kind)

    def wait(self, happened: Callable[[], Any], seconds: float, what: str) -> Any:
        """Waits until `happened` answers something true. Raises AssertionError after `seconds`."""
        over = time.monotonic() + seconds
        while not (answer := happened()):
            assert time.monotonic() < over, f"{what}: not within {seconds:.0f} s"
            time.sleep(0.1)
        return answer


@dataclass(frozen=True)
class Asked:
    """One suggestion, and how its effect is told from others'."""

    world: World
    suggestion: Any
    text: str
    kind: str

    def approve(self) -> None:
        """The tap of the person for whom it was suggested."""
        self.world.approve(self.suggestion)


def _reply(text: str) -> Proposal:
    proposal = mail(text)
    # Each in a thread of its own: a thread that was answered is not answered again without a new yes.
    return proposal.model_copy(
        update={"input": proposal.input | {"in_reply_to": f"<{text.replace(' ', '.')}@example.net>"}}
    )


def _sunk(text: str, kind: str) -> Proposal:
    return Proposal(
        type="other", kind="other", operation=f"sink.{kind}", tool="sink", input={"text": text},
        why=Words(code="suggestion.why.asked"), dedupe_key=text,
    )  # fmt: skip


@contextmanager
def system(seed: int, people: int = PEOPLE, durable: bool = True, needs: Needs = Needs()) -> Iterator[System]:
    """A fresh system without processes. All of it ends with the block; its folder stays when the block failed. Raises CannotHere."""
    place = Path(tempfile.mkdtemp(prefix="nod-faults-"))
    place.chmod(0o755)
    before = os.environ.get("NOD_DATA_DIR")
    made: System | None = None
    with _disk(place, needs.space_mb) as folder, sink(seed) as effects:
        servers = EmbeddedServers(folder, durable=durable, postgres={"max_connections": "300", **dict(needs.postgres)})
        try:
            at = servers.start()
            chosen = Settings(
                database_url=at.database_url,
                redis_url=at.redis_url,
                data_dir=folder,
                master_key=MASTER_KEY,
                test=True,
                _env_file=None,  # pyright: ignore[reportCallIssue]
            )
            os.environ["NOD_DATA_DIR"] = str(folder)
            settings.cache_clear()
            migrate(chosen)
            join.join()
            made = System(folder, servers, chosen, open_storage(chosen), effects, seed)
            made.people += [make_person(made, n) for n in range(people)]
            yield made
        finally:
            for child in made.running.values() if made else ():
                end(child)
            if made:
                made.beside.close()
                made.storage.close()
            servers.stop()
            if before is None:
                os.environ.pop("NOD_DATA_DIR", None)
            else:
                os.environ["NOD_DATA_DIR"] = before
            settings.cache_clear()
    if not made.keep:
        shutil.rmtree(place, ignore_errors=True)


@contextmanager
def _disk(folder: Path, megabytes: int | None) -> Iterator[Path]:
    """A folder on a disk of that size, for as long as the block lasts; its logs are kept beside it. Without a size `folder` itself. Raises CannotHere."""
    if megabytes is None:
        yield folder
        return
    disk = folder / "disk"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        shutil.rmtree(folder)
        raise CannotHere("a disk that can be filled needs root on Linux")
    try:
        yield disk
    finally:
        for log in (*disk.glob("*.log"), *disk.glob("log/*.log")):
            shutil.copy(log, folder)
        subprocess.run(["umount", "--lazy", str(disk)], capture_output=True, check=False)


def make_person(made: System, number: int) -> World:
    """Somebody with an agent, a mailbox, a calendar, tasks, and the sink."""
    own = made.folder / f"person-{number}"
    own.mkdir()
    world = make_world(made.storage, made.settings, own)
    with world.work() as work:
        world.tools["sink"] = connect(work, world.actor, "sink", "", {"port": made.sink.port}).id
        agent = work.agents.get(world.agent_id)
        agent.config = AgentConfig(tools=world.tools)
        work.commit()
    return world
