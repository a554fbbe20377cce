"""Figure 1: how many runs a second the database and the broker of this machine carry when nothing else is done."""

from collections.abc import Iterator

from bench.figure import Figure
from bench.plan import Plan
from bench.rig import Rig
from bench.script import Variant, runs_per_second
from bench.world import World, fresh_world

CLIENTS = 16
VARIANTS = {
    "limit_runs_per_s": (Variant(), CLIENTS, "3 commits a run, 16 clients"),
    "limit_1_client_runs_per_s": (Variant(), 1, "3 commits a run, 1 client"),
    "limit_4_clients_runs_per_s": (Variant(), 4, "3 commits a run, 4 clients"),
    "limit_2_commits_runs_per_s": (Variant(commits=2), CLIENTS, "2 commits a run, 16 clients"),
    "limit_batch_50_runs_per_s": (Variant(batch=50), CLIENTS, "3 commits for 50 runs, 16 clients"),
    "limit_under_policies_runs_per_s": (Variant(policies=True), CLIENTS, "3 commits, as the app role under RLS"),
}


def measure(rig: Rig, plan: Plan) -> Iterator[Figure]:
    """Each variant on a database of its own."""
    for key, (variant, clients, what) in VARIANTS.items():
        with fresh_world(rig) as world:
            yield limit(world, plan, key, f"limit: {what}", variant, clients)


def limit(world: World, plan: Plan, key: str, what: str, variant: Variant, clients: int) -> Figure:
    """One variant, several times, after one that warms up."""
    runs_per_second(world, variant, clients, 1)
    return plan.take(key, what, "runs/s", lambda: runs_per_second(world, variant, clients, plan.seconds))
