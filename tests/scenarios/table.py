"""`python -m tests.scenarios.table`: writes docs/doors.md, the table door × point, from what the scenarios say of themselves. No test is run: the suite runs them, and
a test of it holds this page and the scenarios together."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import tests.scenarios.doors
from tests.scenarios.doors.marking import DOORS, Shown
from tests.scenarios.doors.points import POINTS

PAGE = Path(__file__).parents[2] / "docs" / "doors.md"
NAMES = {"web": "Web", "telegram": "Telegram", "slack": "Slack"}
YES, NO, MISSING = "✓", "–", "not there"
HEAD = """\
# What each door has

Every row is a point of what the chat promises. `✓` under a door: a scenario shows it there. The scenario is written once and goes through each door as a person does: real requests to the
page, Telegram and Slack by the servers in `tests/emulators/`, real storage, the real dialogs, a worker and a scheduler as processes. `–` with a number: the door does not have it, for
the reason below the table. *not there*: nothing shows it yet.

This page is written by `python -m tests.scenarios.table` from the scenarios in `tests/scenarios/doors/`; `tests/scenarios/test_table.py` fails when it is not what they say. Names of
scenarios are below each table.
"""


def shown() -> Iterator[Shown]:
    """Every scenario of every module, in the order in which they are written."""
    for module in sorted(iter_modules(tests.scenarios.doors.__path__), key=lambda one: one.name):
        if module.name.startswith("test_"):
            for thing in vars(import_module(f"{tests.scenarios.doors.__name__}.{module.name}")).values():
                if isinstance(found := getattr(thing, "shows", None), Shown):
                    yield found


def page() -> str:
    """The whole page."""
    by_point: dict[str, list[Shown]] = defaultdict(list)
    for one in shown():
        for id in one.points:
            by_point[id].append(one)
    there = {id: [door for door in DOORS if any(door in one.doors for one in by_point[id])] for id in POINTS}
    parts = [HEAD, _counted(there)]
    reasons: list[str] = []
    for group in dict.fromkeys(one.group for one in POINTS.values()):
        rows = [one for one in POINTS.values() if one.group == group]
        parts.append(
            f"## {group}\n| | point | {' | '.join(NAMES[door] for door in DOORS)} |\n|---|---|{'---|' * len(DOORS)}"
        )
        parts += [f"| `{one.id}` | {one.words} | {' | '.join(_cells(by_point[one.id], reasons))} |" for one in rows]
        named = [
            f"- `{one.id}`: {', '.join(_named(each) for each in by_point[one.id])}" for one in rows if by_point[one.id]
        ]
        parts.append("\nScenarios:\n" + "\n".join(named) + "\n")
    if reasons:
        parts.append(
            "## Why a door does not have it\n" + "\n".join(f"{n}. {why}" for n, why in enumerate(reasons, 1)) + "\n"
        )
    return "\n".join(parts)


def _counted(there: dict[str, list[str]]) -> str:
    """How far it is, in a line."""
    counts = ", ".join(f"{NAMES[door]} {sum(door in doors for doors in there.values())}" for door in DOORS)
    missing = [id for id, doors in there.items() if not doors]
    return f"Of {len(there)} points: {counts}; nothing shows {len(missing)} of them yet.\n"


def _cells(scenarios: list[Shown], reasons: list[str]) -> Iterator[str]:
    for door in DOORS:
        if any(door in one.doors for one in scenarios):
            yield YES
        elif not scenarios:
            yield MISSING
        else:
            why = scenarios[0].lacks[door]
            if why not in reasons:
                reasons.append(why)
            yield f"{NO} ({reasons.index(why) + 1})"


def _named(one: Shown) -> str:
    return f"`{one.test.rpartition('.')[2]}`"


def main() -> int:
    """Writes the page."""
    PAGE.write_text(page(), "utf-8")
    sys.stdout.write(f"Written to {PAGE}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
