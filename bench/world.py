"""Who lives in a measured database: people with a workspace and an agent each, made through the product's own use cases."""

import json
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
from core.catalog.versions import compose_agent
from core.identity.register import add_link, register
from core.kernel.actor import Actor
from core.kernel.ids import new_id
from core.kernel.settings import Settings
from runners.contracts import contracts
from storage import open_storage

from bench.processes import Processes
from bench.rig import EMPTY, Rig
from bench.skills import join

MEASURED = "bench_measured"
CROWD = 20
CHAIN = {
    "nodes": [
        {"id": "first", "skill": "noop", "inputs": {"value": 1}},
        {"id": "second", "skill": "noop", "inputs": {"value": {"$": "first.value"}}},
        {"id": "third", "skill": "noop", "inputs": {"value": {"$": "second.value"}}},
    ]
}
LONG_SECONDS = 600
LONG = {"nodes": [{"id": "wait", "skill": "bench.slow", "inputs": {"seconds": LONG_SECONDS}}]}


@dataclass(frozen=True)
class Person:
    """A person, their workspace, their agent of three nodes that do nothing with its version, and an agent whose only step takes minutes."""

    workspace_id: UUID
    user_id: UUID
    link_id: UUID
    agent_id: UUID
    version_id: UUID
    long_agent_id: UUID

    @property
    def actor(self) -> Actor:
        """The person at a door."""
        return Actor(self.user_id, self.workspace_id, "owner", "web", link_id=self.link_id)


@dataclass(frozen=True)
class World:
    """A database with people in it, and processes that work on it."""

    rig: Rig
    database: str
    people: tuple[Person, ...]
    processes: Processes
    owner: psycopg.Connection

    @property
    def settings(self) -> Settings:
        """Settings of a process here."""
        return self.rig.settings(self.database)

    def number(self, query: str, *values: object) -> int:
        """The one number that a query answers, asked as the superuser."""
        row = self.owner.execute(query.encode(), values).fetchone()
        return int(row[0] or 0) if row else 0


def starts(
    world: World, count: int, *, threads: int, rate: float | None = None, warm: int = 10, bare: bool = False
) -> dict[str, Any]:
    """A producer's plan: starts `count` runs of everybody's agents in turn."""
    people = [[p.workspace_id, p.user_id, p.agent_id] for p in world.people]
    return {"people": people, "count": count, "threads": threads, "rate": rate, "warm": warm, "bare": bare}


@contextmanager
def fresh_world(rig: Rig, people: int = 1, database: str = MEASURED) -> Iterator[World]:
    """A new database with that many people. Its processes are stopped and it is dropped at the end."""
    template = f"bench_of_{people}"
    if not rig.exists(template):
        _make(rig, template, people)
    known = tuple(_read(rig.folder / f"{template}.json"))
    rig.fresh(database, template)
    with closing(rig.owner(database)) as owner, Processes(rig, database) as processes:
        yield World(rig, database, known, processes, owner)
    rig.drop(database)


def _make(rig: Rig, template: str, count: int) -> None:
    join()
    known = contracts()
    rig.fresh(template, EMPTY)
    with closing(open_storage(rig.settings(template).model_copy(update={"redis_url": None}))) as storage:
        made = []
        for number in range(count):
            actor = Actor(new_id(), new_id(), "owner", "web")
            with storage.work(actor.workspace_id, actor.user_id) as work:
                register(work, actor.user_id, f"{number}@example.org", f"Person {number}", "Europe/Berlin")
                link = add_link(work, actor.user_id, "web", actor.user_id.hex, f"web:{actor.user_id.hex}")
                agent = compose_agent(work, actor, known, "Nothing", CHAIN)
                long = compose_agent(work, actor, known, "Long", LONG)
                work.commit()
            assert agent.latest_version_id is not None
            made.append([actor.workspace_id, actor.user_id, link.id, agent.id, agent.latest_version_id, long.id])
    with closing(rig.owner(template)) as owner:
        owner.execute("VACUUM ANALYZE")
    (rig.folder / f"{template}.json").write_text(json.dumps(made, default=str))


def _read(path: Path) -> Iterator[Person]:
    for row in json.loads(path.read_text()):
        yield Person(*map(UUID, row))
