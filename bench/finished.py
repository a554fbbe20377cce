"""Waiting until runs have ended, and making sure that they did all that they should have."""

import time

from bench.world import World

STEPS = 3
LOOK_SECONDS = 0.05
LONGEST = 120
FACTS = {
    "runs": "SELECT count(*) FROM nod.runs WHERE {born} AND status = 'succeeded'",
    "steps": "SELECT count(*) FROM nod.run_steps s JOIN nod.runs r ON r.workspace_id = s.workspace_id AND r.id = s.run_id"
    " WHERE r.{born} AND s.status = 'succeeded'",
    "events": "SELECT count(*) FROM nod.events WHERE kind = 'run.succeeded' AND occurred_at >= to_timestamp({since!r})",
    "ledger": "SELECT count(*) FROM nod.usage_ledger u JOIN nod.runs r ON r.workspace_id = u.workspace_id AND r.id = u.run_id WHERE r.{born}",
}
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


def check(world: World, count: int, since: float, seconds: str, bare: bool = False) -> float:
    """Runs a second, `seconds` being the SQL of how long they took. Raises NotFinished when a run that began to exist after `since` (Unix seconds) did
    not succeed, has not its three steps, or (unless `bare`) lacks its ledger row or event."""
    born = f"created_at >= to_timestamp({since!r})"
    facts: dict[str, float] = {
        name: world.number(query.format(born=born, since=since)) for name, query in FACTS.items()
    }
    facts["steps"] /= STEPS
    wanted = ("runs", "steps") if bare else FACTS
    if {facts[name] for name in wanted} != {count}:
        raise NotFinished(f"of {count} runs there are {facts}{_why(world)}")
    row = world.owner.execute(f"SELECT {seconds} FROM nod.runs WHERE {born}".encode()).fetchone()
    assert row is not None
    return count / float(row[0])


def _why(world: World) -> str:
    row = world.owner.execute("SELECT error FROM nod.runs WHERE status = 'failed' LIMIT 1").fetchone()
    return f"; one failed with {row[0]}" if row else ""
