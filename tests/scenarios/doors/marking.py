"""How a scenario says which point it shows, and through which doors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from tests.scenarios.doors.points import POINTS

DOORS = ("web", "telegram", "slack")
Test = TypeVar("Test", bound=Callable[..., Any])


@dataclass(frozen=True)
class Shown:
    """`lacks`: door → why it does not have this, in words for the table."""

    points: tuple[str, ...]
    test: str
    lacks: Mapping[str, str]

    @property
    def doors(self) -> tuple[str, ...]:
        """The doors that it is shown through."""
        return tuple(door for door in DOORS if door not in self.lacks)


def point(*points: str, **lacks: str) -> Callable[[Test], Test]:
    """The decorated test shows those points through every door, save those named with the reason why they do not have it. Its `person` stands at one door after
    another."""
    unknown = set(points) - set(POINTS)
    assert points and not unknown, f"there are no points {unknown}: see tests/scenarios/doors/points.py"
    assert set(lacks) <= set(DOORS), f"there is no such door: {lacks}"

    def mark(test: Test) -> Test:
        shown = Shown(points, f"{test.__module__}.{test.__name__}", lacks)
        marked = pytest.mark.parametrize("door", shown.doors, indirect=True)(test)
        marked.shows = shown  # type: ignore[attr-defined]
        return marked

    return mark
