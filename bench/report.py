"""How the figures are shown: a table for a person, a flat JSON object for programs."""

import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench.figure import Figure

LATEST = Path(__file__).parent / "latest.json"


def show(taken: Sequence[Figure]) -> None:
    """The table, on stdout."""
    title = f"{os.cpu_count()} cores, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; median (min–max), n repetitions, load average of the machine"
    table = Table("figure", "median", "min–max", "n", "load", "aim", title=title)
    for figure in taken:
        table.add_row(
            figure.what,
            f"{number(figure.median)} {figure.unit}",
            f"{number(figure.least)}–{number(figure.most)}",
            str(len(figure.samples)),
            f"{figure.load:.1f}",
            figure.aim,
        )
    Console(width=None if os.isatty(1) else 150).print(table)


def number(value: float) -> str:
    """Three digits that matter."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"


def write(taken: Sequence[Figure], rounds: int) -> None:
    """`bench/latest.json`: each figure under its name, with `_min` and `_max` and the load average of the machine at its end."""
    found: dict[str, object] = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "repetitions": rounds,
        "cores": os.cpu_count(),
        "machine": platform.platform(),
        "python": platform.python_version(),
    }
    for figure in taken:
        found[figure.key] = round(figure.median, 4)
        found[f"{figure.key}_min"], found[f"{figure.key}_max"] = round(figure.least, 4), round(figure.most, 4)
        found[f"{figure.key}_load"] = round(figure.load, 2)
    LATEST.write_text(json.dumps(found, indent=1) + "\n")
