"""Many rows at once, put into the tables as no user could: as the superuser, without checking references."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from bench.rows import copies, insert
from bench.world import World

WHOSE = """
CREATE TEMPORARY TABLE whose ON COMMIT DROP AS SELECT * FROM json_to_recordset(%s::json) AS
p (n int, workspace_id uuid, user_id uuid, agent_id uuid, version_id uuid)"""


@contextmanager
def filling(world: World) -> Iterator[None]:
    """A transaction with the table `whose` of everybody's ids, numbered from 0."""
    people = [
        {
            "n": n,
            "workspace_id": p.workspace_id,
            "user_id": p.user_id,
            "agent_id": p.agent_id,
            "version_id": p.version_id,
        }
        for n, p in enumerate(world.people)
    ]
    with world.owner.transaction():
        world.owner.execute("SET LOCAL session_replication_role = replica")
        world.owner.execute(WHOSE, [json.dumps(people, default=str)])
        yield


def queue_ahead(world: World, count: int, seconds: float) -> None:
    """Queued runs of everybody in turn, all due in so many seconds. Nobody rings."""
    known = {
        "id": "uuidv7()", "workspace_id": "p.workspace_id", "user_id": "p.user_id", "agent_id": "p.agent_id",
        "agent_version_id": "p.version_id", "trigger_type": "'manual'", "status": "'queued'", "input": "'{}'",
        "due_at": f"now() + interval '{seconds} s'", "queued_at": "now()", "version": "1", "light": "true",
    }  # fmt: skip
    with filling(world):
        source = f"FROM generate_series(0, {count - 1}) AS g (i) JOIN whose p ON p.n = g.i % {len(world.people)}"
        world.owner.execute(insert(world.owner, "runs", known, source).encode())


def schedules(world: World, count: int, seconds: float, apart: float = 0) -> None:
    """Agents of everybody in turn, like their own one, each with a schedule that is due in so many seconds; or `apart`, at a chance moment of its own slot."""
    with filling(world):
        many = (
            "CREATE TEMPORARY TABLE many ON COMMIT DROP AS SELECT g.i, uuidv7() AS agent, uuidv7() AS version, uuidv7() AS trigger, p.*"
            f" FROM generate_series(0, {count - 1}) AS g (i) JOIN whose p ON p.n = g.i % {len(world.people)}"
        )
        world.owner.execute(many.encode())
        changed = {"id": "m.agent", "latest_version_id": "m.version"}
        source = "FROM many m JOIN nod.agents o ON o.workspace_id = m.workspace_id AND o.id = m.agent_id"
        world.owner.execute(copies(world.owner, "agents", changed, source).encode())
        changed = {"id": "m.version", "agent_id": "m.agent"}
        source = "FROM many m JOIN nod.agent_versions o ON o.workspace_id = m.workspace_id AND o.id = m.version_id"
        world.owner.execute(copies(world.owner, "agent_versions", changed, source).encode())
        known = {
            "id": "m.trigger", "workspace_id": "m.workspace_id", "owner_id": "m.user_id", "agent_id": "m.agent", "type": "'schedule'",
            "status": "'active'", "cron": "'0 9 * * *'", "timezone": "'Europe/Berlin'", "misfire_policy": "'once'",
            "overlap": "'allow'", "next_fire_at": f"now() + make_interval(secs => {seconds} + (m.i + random()) * {apart})", "version": "1", "name": "'Every morning'",
        }  # fmt: skip
        world.owner.execute(insert(world.owner, "triggers", known, "FROM many m").encode())
    for table in ("agents", "agent_versions", "triggers"):
        world.owner.execute(f"VACUUM ANALYZE nod.{table}".encode())
