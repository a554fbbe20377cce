"""Waiting until runs have ended, and making sure that they did all that they should have."""

import time

from bench.rows import exists
from bench.world import World

STEPS = 3
LOOK_SECONDS = 0.05
LONGEST = 120
OPEN = "SELECT count(*) FROM nod.runs WHERE status = 'queued' OR status = 'running'"


class NotFinished(Exception):
    """Runs did not end in time, or ended without all that belongs to them."""


def wait_for_all(world: World, but: int = 0) -> None:
    """Returns when nothing but `but` runs is queued or running. Raises NotFinished."""
    until, left = time.monotonic() + LONGEST, -1
    while (now := world.number(OPEN)) > but:
        if now != left:
            until, left = time.monotonic() + LONGEST, now
        if time.monotonic() > until:
            raise NotFinished(f"{left} runs are still open after {LONGEST} s without one that ended")
        time.sleep(LOOK_SECONDS)


def check(world: World, count: int, since: float, seconds: str) -> float:
    """Runs a second, `seconds` being the SQL of how long they took. Raises NotFinished when a run that began to exist after `since` (Unix seconds) did
    not succeed, has not its three steps, or lacks its ledger row or event."""
    born = f"created_at >= to_timestamp({since!r})"
    mine = f"FROM nod.runs WHERE {born}"
    facts = {
        "runs": world.number(f"SELECT count(*) {mine} AND status = 'succeeded'"),
        "steps": world.number(
            f"SELECT count(*) FROM nod.run_steps s JOIN nod.runs r ON r.workspace_id = s.workspace_id AND r.id = s.run_id"
            f" WHERE r.{born} AND s.status = 'succeeded'"
        )
        / STEPS,
        "events": world.number(
            f"SELECT count(*) FROM nod.events WHERE kind = 'run.succeeded' AND occurred_at >= to_timestamp({since!r})"
        ),
    }
    if exists(world.owner, "usage_ledger"):
        facts["ledger"] = world.number(
            f"SELECT count(*) FROM nod.usage_ledger u JOIN nod.runs r ON r.workspace_id = u.workspace_id AND r.id = u.run_id"
            f" WHERE r.{born}"
        )
    if set(facts.values()) != {count}:
        raise NotFinished(f"of {count} runs there are {facts}{_why(world)}")
    row = world.owner.execute(f"SELECT {seconds} {mine}".encode()).fetchone()
    assert row is not None
    return count / float(row[0])


def _why(world: World) -> str:
    row = world.owner.execute("SELECT error FROM nod.runs WHERE status = 'failed' LIMIT 1").fetchone()
    return f"; one failed with {row[0]}" if row else ""
