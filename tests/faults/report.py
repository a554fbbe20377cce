"""What came of the cases, as a table: for the terminal, and as a page."""

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.faults.case import Outcome

COLUMNS = (
    "area",
    "case",
    "rounds",
    "kills",
    "approved",
    "lost",
    "doubled",
    "untrue",
    "unknown shown",
    "rows that contradict",
    "s to recover",
    "s in all",
)


def show(outcomes: Sequence[Outcome]) -> None:
    """Prints it."""
    table = Table(title="What was broken, and what came of it")
    for column in COLUMNS:
        table.add_column(column)
    *rows, whole = rows_of(outcomes)
    for row in rows:
        table.add_row(*row)
    table.add_section()
    table.add_row(*whole)
    Console(width=200).print(table)


def write(outcomes: Sequence[Outcome], page: Path, seed: int) -> None:
    """Writes it to a Markdown page, whole or not at all."""
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    lines = [
        f"`make faults`, seed {seed}, {at}, {os.cpu_count()} processors, {platform.system()} {platform.machine()}, Python {platform.python_version()}.",
        "",
    ]
    lines += [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    *rows, whole = rows_of(outcomes)
    lines += [f"| {' | '.join(row)} |" for row in rows]
    lines.append(f"| {' | '.join(f'**{cell}**' if cell else '' for cell in whole)} |")
    scratch = page.with_name(f"{page.name}.new")
    scratch.write_text("\n".join(lines) + "\n", "utf-8")
    scratch.replace(page)


def rows_of(outcomes: Sequence[Outcome]) -> list[tuple[str, ...]]:
    """A row for each case, and in the end the sum of all."""
    named = {(o.case.area, o.case.name): [] for o in outcomes}
    for outcome in outcomes:
        named[outcome.case.area, outcome.case.name].append(outcome)
    rows = [(area, name, *_sums(same)) for (area, name), same in named.items()]
    return [*rows, ("all", f"{len(named)} cases", *_sums(outcomes))]


def _sums(same: Sequence[Outcome]) -> tuple[str, ...]:
    found = [outcome.verdict for outcome in same]
    counts = (
        len(same), sum(o.kills for o in same), sum(v.approved for v in found), sum(len(v.lost) for v in found),
        sum(len(v.doubled) for v in found), sum(len(v.untrue) for v in found), sum(v.unknown for v in found),
        sum(sum(v.broken.values()) for v in found),
    )  # fmt: skip
    return (*map(str, counts), f"{max((o.seconds for o in same), default=0):.0f}", f"{sum(o.took for o in same):.0f}")
