"""`python -m bench [figure …] [--quick]`: measures the product on this machine, prints a table, writes bench/latest.json."""

import argparse
import signal
import sys
from importlib import import_module

from bench.figure import Figure
from bench.plan import QUICK, Plan
from bench.progress import say
from bench.report import LATEST, show, write
from bench.rig import open_rig

FIGURES = {
    "limit": "what PostgreSQL carries when nothing but the SQL of a run is done (pgbench)",
    "messages": "what the broker carries",
    "throughput": "runs a second from end to end, and their ratio to the limit",
    "latency": "from due to the first step",
    "taps": "from a tap to its toast and to its effect",
    "hooks": "from a webhook to the first step",
    "chats": "a thousand chats, fifty messages a second, processes killed on the way",
    "acks": "from a tap in Telegram or Slack to its answer there, fifty a second",
    "costs": "commits, statements, round trips of a run; an idle worker",
    "promises": "what policies, events and metering cost together",
    "storm": "50,000 schedules that are due at once",
    "growth": "how queries grow with the tables",
    "peer": "from due to the first step, in turn with procrastinate",
}
BY_NAME = {"peer"}
"""Taken only when named: it installs somebody else's programs, which needs the network."""


def main() -> int:
    """Measures what was asked for; everything (but BY_NAME) when nothing was named. Only a whole, unhurried run is written down."""
    given = _parser().parse_args()
    unknown = [name for name in given.figures if name not in FIGURES]
    if unknown:
        print(f"There is no figure {unknown[0]}. There are: {', '.join(FIGURES)}.", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    plan = QUICK if given.quick else Plan(rounds=given.rounds)
    taken: list[Figure] = []
    with open_rig() as rig:
        for name in given.figures or [name for name in FIGURES if name not in BY_NAME]:
            say(f"{name}: {FIGURES[name]}")
            taken += import_module(f"bench.figures.{name}").measure(rig, plan)
    show(taken)
    if not given.quick and not given.figures:
        write(taken, plan.rounds)
        print(f"Written to {LATEST}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Measures the product on this machine. Without a name: everything.",
        epilog="figures: " + "; ".join(f"{name} ({what})" for name, what in FIGURES.items()) + ". Example: python -m bench limit throughput",
    )  # fmt: skip
    parser.add_argument("figures", nargs="*", metavar="figure", help="those to take")
    parser.add_argument("--quick", action="store_true", help="a smoke test of a few minutes; its numbers mean little")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default 5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
