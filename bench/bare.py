"""The product without what it promises beside the result: no policies, no proof of the context, no events, no metering. Only for saying what these cost."""

import re

from bench.world import World

BARE = "bench_bare"
TABLES = """
SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'nod'::regnamespace AND c.relrowsecurity AND c.relkind IN ('r', 'p')"""
UNPROVED = (
    """CREATE OR REPLACE FUNCTION nod.current_workspace() RETURNS uuid LANGUAGE sql STABLE AS
    $$ SELECT left(current_setting('nod.context', true), 32)::uuid $$""",
    """CREATE OR REPLACE FUNCTION nod.proved_places(said text) RETURNS uuid[] LANGUAGE sql STABLE AS
    $$ SELECT left(said, -76)::uuid[] $$""",
)
COUNTED = r"INSERT INTO nod\.usage_counters AS c \([^)]*\)\s*SELECT [^(]*\S.*? FROM \((.*?)\n {8}\) s ORDER BY.*?RETURNING c\.workspace_id, c\.scope, c\.runs, c\.tokens, c\.cost"
UNCOUNTED = r"SELECT s.workspace_id, s.scope, s.runs, 0 AS tokens, 0 AS cost FROM (\1) s"
COUNTING = ("claim_batches", "end_unclaimed")
MOVED = "what writes events or counts has moved: bench/bare.py must follow"
WRITTEN = ("events", "usage_ledger", "usage_counters")


def undress(world: World) -> None:
    """Takes row-level security, the proof of the signed context and the counting of runs from a database. Raises RuntimeError when the product no longer counts
    where it did."""
    for (table,) in world.owner.execute(TABLES).fetchall():
        world.owner.execute(f"ALTER TABLE nod.{table} DISABLE ROW LEVEL SECURITY".encode())
    for function in UNPROVED:
        world.owner.execute(function.encode())
    for door in COUNTING:
        ((made,),) = world.owner.execute(f"SELECT pg_get_functiondef('nod.{door}'::regproc)".encode()).fetchall()
        made, changed = re.subn(COUNTED, UNCOUNTED, made, flags=re.DOTALL)
        if changed != 1:
            raise RuntimeError(MOVED)
        world.owner.execute(made.encode())


def strip() -> None:
    """Makes this process write no events and no ledger. Raises RuntimeError when the product no longer has the places where it does."""
    from storage import batches
    from storage.batches import SqlBatches
    from storage.unit_of_work import SqlUnitOfWork

    places = ((batches, "ledger_rows"), (SqlBatches, "_events"), (SqlUnitOfWork, "record"))
    if not all(hasattr(owner, name) for owner, name in places):
        raise RuntimeError(MOVED)
    for owner, name in places:
        setattr(owner, name, _nothing)


def written(world: World) -> int:
    """How many rows of events and of metering there are."""
    return sum(world.number(f"SELECT count(*) FROM nod.{table}") for table in WRITTEN)


def _nothing(*_: object, **__: object) -> list[object]:
    return []
