"""`python -m bench [figure …] [--quick]`: measures the product on this machine, prints a table, writes bench/latest.json."""

import argparse
import os
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figure import Figure
from bench.plan import QUICK, Plan
from bench.progress import say
from bench.rig import open_rig

FIGURES = ("limit", "throughput", "latency", "taps", "hooks", "costs", "storm", "growth")
LATEST = Path(__file__).parent / "latest.json"


def main() -> int:
    """Measures what was asked for; everything when nothing was named."""
    given = _parser().parse_args()
    plan = QUICK if given.quick else Plan(rounds=given.rounds)
    taken: list[Figure] = []
    with open_rig() as rig:
        for name in given.figures or FIGURES:
            say(f"figure: {name}")
            for figure in import_module(f"bench.figures.{name}").measure(rig, plan):
                taken.append(figure)
    _print(taken)
    return 0


def _print(taken: list[Figure]) -> None:
    table = Table(
        "figure",
        "median",
        "min–max",
        "n",
        "load",
        "aim",
        title=f"{os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    for figure in taken:
        table.add_row(
            figure.what,
            f"{figure.median:,.2f} {figure.unit}",
            f"{figure.least:,.2f}–{figure.most:,.2f}",
            str(len(figure.samples)),
            f"{figure.load:.1f}",
            figure.aim,
        )
    Console().print(table)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("figures", nargs="*", metavar="figure", help=f"one or more of: {', '.join(FIGURES)}")
    parser.add_argument("--quick", action="store_true", help="a smoke test of a minute or two; writes nothing")
    parser.add_argument("--rounds", type=int, default=5, help="repetitions (default 5)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
