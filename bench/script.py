"""pgbench scripts of the SQL of one run on the very tables: what any engine has to write, and nothing else."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from storage.addresses import app_password
from storage.context import ContextSigner
from storage.master_key import master_keys

from bench.rig import pgbench
from bench.rows import exists, insert
from bench.world import World

SEALED = "decode(repeat('5a', 120), 'hex')"
LIFETIME = 3600


@dataclass(frozen=True)
class Variant:
    """What is written, as whom. `batch` runs a transaction; `commits` 3: enqueue, claim, finish; 2: claim and finish together."""

    commits: int = 3
    batch: int = 1
    events: bool = True
    ledger: bool = True
    policies: bool = False


def runs_per_second(world: World, variant: Variant, clients: int, seconds: int) -> float:
    """Runs that were enqueued, claimed and finished a second by so many clients, prepared statements."""
    path = world.rig.folder / "script.sql"
    path.write_text(script(world, variant))
    world.rig.calm()
    said = pgbench(
        world.rig, world.database, "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), "-f", str(path),
        **(_as_the_app(world) if variant.policies else {}),
    )  # fmt: skip
    found = re.search(r"^tps = ([\d.]+)", said, re.MULTILINE)
    failed = re.search(r"number of failed transactions: (\d+)", said)
    if found is None or (failed and int(failed[1])):
        raise RuntimeError(said)
    return float(found[1]) * variant.batch


def script(world: World, variant: Variant) -> str:
    """One statement a commit: enqueue; claim and start; finish with three steps, a ledger row and an event."""
    person = world.people[0]
    known = {
        "id": "uuidv7()", "workspace_id": f"'{person.workspace_id}'", "user_id": f"'{person.user_id}'",
        "agent_id": f"'{person.agent_id}'", "agent_version_id": f"'{person.version_id}'",
    }  # fmt: skip
    many = f"FROM generate_series(1, {variant.batch})"
    queued = insert(world.owner, "runs", {**known, **RUN}, many) + " RETURNING id"
    enqueue = "WITH r AS (" + queued + ")" + (_event(world, known, "run.queued", ", e AS") if variant.events else "")
    enqueue += " SELECT array_agg(id)::text AS runs FROM r" if variant.batch > 1 else " SELECT id AS runs FROM r"
    mine = f"workspace_id = '{person.workspace_id}' AND id = " + (
        "ANY (:runs::uuid[])" if variant.batch > 1 else ":runs"
    )
    claim = f"""UPDATE nod.runs SET status = 'running', fence = fence + 1, attempt = attempt + 1, version = version + 1,
        lease_until = now() + interval '20 s', started_at = now()
        WHERE {mine} AND status = 'queued' AND due_at <= now() RETURNING id"""
    both = variant.commits == 2
    held = "status = 'queued'" if both else "status = 'running' AND fence = 1"
    finish = f"""WITH r AS (UPDATE nod.runs SET status = 'succeeded', finished_at = now(), lease_until = NULL, output = '{{"value": 1}}',
        version = version + 1{", fence = fence + 1, attempt = attempt + 1, started_at = now()" if both else ""} WHERE {mine} AND {held} RETURNING id)"""
    if variant.ledger and exists(world.owner, "usage_ledger"):
        ledger = {**known, **LEDGER, "run_id": "r.id"}
        finish += ", l AS (" + insert(world.owner, "usage_ledger", ledger, "FROM r") + ")"
    if variant.events:
        finish += _event(world, known, "run.succeeded", ", e AS")
    finish += insert(
        world.owner, "run_steps", {**known, **STEP}, "FROM r, (VALUES ('first'), ('second'), ('third')) AS n (node)"
    )
    lines = [enqueue, finish] if both else [enqueue, claim, finish]
    one_line = [re.sub(r"\s+", " ", line) for line in lines]
    return one_line[0] + " \\gset\n" + "".join(f"{line};\n" for line in one_line[1:])


def _event(world: World, known: Mapping[str, str], kind: str, head: str) -> str:
    row = insert(
        world.owner, "events", {**known, "kind": f"'{kind}'", "schema_version": "1", "payload": SEALED, **AT}, "FROM r"
    )
    return f"{head} ({row})"


def _as_the_app(world: World) -> dict[str, str]:
    """The app role, with the signed context of the person on its connection: every statement passes the policies."""
    keys = master_keys(world.settings)
    now = world.number("SELECT extract(epoch FROM now())::bigint")
    person = world.people[0]
    context = ContextSigner(keys[-1]).sign(person.workspace_id, person.user_id, now + LIFETIME)
    return {"PGUSER": "nod_app", "PGPASSWORD": app_password(keys), "PGOPTIONS": f"-c nod.context={context}"}


AT = {"occurred_at": "now()", "ingested_at": "now()", "at": "now()"}
RUN = {
    "trigger_type": "'manual'", "status": "'queued'", "input": "'{}'", "due_at": "now()", "queued_at": "now()", "created_at": "now()",
    "version": "1", "light": "true",
}  # fmt: skip
STEP = {
    "run_id": "r.id", "node_id": "n.node", "index": "0", "skill": "'noop'", "status": "'succeeded'", "inputs": """'{"value": 1}'""",
    "outputs": """'{"value": 1}'""", "usage": "'{}'", "started_at": "now()", "finished_at": "now()", "attempt": "1",
}  # fmt: skip
LEDGER = {"kind": "'run'", "tokens_prompt": "0", "tokens_completion": "0", "cost": "0", "at": "now()"}
