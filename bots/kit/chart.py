"""Numbers of days drawn as bars, a panel for each kind of number: what rises and falls is seen at once, the words say how much."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bots.kit import drawn
from bots.kit.drawn import MARGIN, WIDTH

HIGH, ABOVE, BELOW = 84, 26, 14
"""Of a panel: its highest bar, what is free above it for its name, and below it."""
FOOT = 20
LEAST = 2
"""Pixels of the smallest bar that is something."""
LETTER = 7.4
STYLE = ".most{text-anchor:end}.middle{text-anchor:middle}line{stroke:#8a948e}.first rect{fill:#1d6f5b}.second rect{fill:#b4791a}"
DARK = "line{stroke:#7b8a83}.first rect{fill:#6fd0b1}.second rect{fill:#e9bd6b}"


@dataclass(frozen=True)
class Panel:
    """One kind of number: `name` stands over the bars, `most` says the highest, `said` has each number in words."""

    name: str
    most: str
    values: tuple[float, ...]
    said: tuple[str, ...]
    look: Literal["first", "second"]


def svg(days: Sequence[str], panels: Sequence[Panel], title: str, description: str) -> bytes:
    """The panels under each other over the same `days`; the first, the middle and the last of these are named."""
    each = ABOVE + HIGH + BELOW
    bars = "".join(_panel(panel, days, MARGIN + at * each) for at, panel in enumerate(panels))
    height = MARGIN + len(panels) * each + FOOT
    return drawn.svg(height, title, description, bars + _named(days, height - 10), STYLE, DARK)


def _panel(panel: Panel, days: Sequence[str], top: float) -> str:
    foot, wide = top + ABOVE + HIGH, (WIDTH - 2 * MARGIN) / max(1, len(panel.values))
    highest, half = max(panel.values, default=0) or 1, (WIDTH - 2 * MARGIN) / 2
    made = []
    for at, value in enumerate(panel.values):
        high = max(LEAST, HIGH * value / highest) if value else 0
        told = drawn.said(f"{days[at]}: {panel.said[at]}")
        x, y = MARGIN + at * wide + wide * 0.14, foot - high
        made.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide * 0.72:.1f}" height="{high:.1f}" rx="2"><title>{told}</title></rect>'
        )
    return (
        f'<g class="{panel.look}"><text x="{MARGIN}" y="{top + 10:.0f}">{drawn.fitting(panel.name, half + 30, LETTER)}</text>'
        f'<text class="note most" x="{WIDTH - MARGIN}" y="{top + 10:.0f}">{drawn.fitting(panel.most, half, LETTER * 0.85)}</text>'
        f'{"".join(made)}<line x1="{MARGIN}" y1="{foot:.0f}" x2="{WIDTH - MARGIN}" y2="{foot:.0f}"/></g>'
    )


def _named(days: Sequence[str], y: float) -> str:
    if not days:
        return ""
    middle = len(days) // 2
    places = (
        (0, MARGIN, ""),
        (middle, MARGIN + (middle + 0.5) * (WIDTH - 2 * MARGIN) / len(days), " middle"),
        (len(days) - 1, WIDTH - MARGIN, " most"),
    )
    third = (WIDTH - 2 * MARGIN) / 3
    return "".join(
        f'<text class="note{look}" x="{x:g}" y="{y:g}">{drawn.fitting(days[at], third + 12, LETTER * 0.85)}</text>'
        for at, x, look in places
    )
