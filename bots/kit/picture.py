"""A graph drawn: layers from top to bottom as SVG for who sees, the same as lines with arrows for everywhere else."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from bots.kit import drawn
from bots.kit.drawn import MARGIN, WIDTH

BOX, GAP, ABOVE = 46, 10, 30
"""Height of a box, and what is free beside and above one, in pixels of a page that is 360 wide."""
BESIDE = 3
"""How many boxes stand beside each other at most; a wider layer goes on below."""
LETTER = 7.4
"""The mean width of a letter of the label, in pixels."""
ARROW = " → "
Look = Literal["agent", "ask", "join", "step"]
STYLE = (
    "text{text-anchor:middle}rect{fill:#fff;stroke:#8a948e;stroke-width:1.5}.agent rect{fill:#e2f0ea;stroke:#1d6f5b}"
    ".ask rect{stroke:#b4791a;stroke-dasharray:5 3}path{fill:none;stroke:#8a948e;stroke-width:1.5}marker path{fill:#8a948e;stroke:none}"
)
DARK = "rect{fill:#232b28;stroke:#7b8a83}.agent rect{fill:#1d3a31;stroke:#6fd0b1}.ask rect{stroke:#e9bd6b}path{stroke:#7b8a83}marker path{fill:#7b8a83}"


@dataclass(frozen=True)
class Box:
    """A step of the graph. `note` stands under its label (a condition, what kind it is), `before` are the ids of those that it follows."""

    id: str
    label: str
    note: str = ""
    look: Look = "step"
    before: tuple[str, ...] = ()


def lines(boxes: Sequence[Box]) -> tuple[str, ...]:
    """`Reader → Writer, Checker`: each step with those that follow it, in the order of their layers."""
    labels = {box.id: box.label for box in boxes}
    told = []
    for layer in layers(boxes):
        for box in layer:
            after = [labels[other.id] for other in boxes if box.id in other.before]
            line = box.label + (f" ({box.note})" if box.note else "")
            told.append(line + (ARROW + ", ".join(after) if after else ""))
    return tuple(told)


def layers(boxes: Sequence[Box]) -> list[list[Box]]:
    """Each box as far down as its longest way from a beginning; within a layer near those that it follows. The boxes make no circle."""
    known = {box.id: box for box in boxes}
    depth: dict[str, int] = {}
    todo = list(reversed(boxes))
    while todo:
        box = todo[-1]
        open_ = [known[id] for id in box.before if id in known and id not in depth]
        if open_:
            todo += open_
            continue
        todo.pop()
        depth[box.id] = max((depth[id] + 1 for id in box.before if id in known), default=0)
    made: list[list[Box]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for box in boxes:
        made[depth[box.id]].append(box)
    place: dict[str, float] = {}
    for layer in made:
        layer.sort(key=lambda box: _middle([place[id] for id in box.before if id in place]))
        place |= {box.id: (at + 0.5) / len(layer) for at, box in enumerate(layer)}
    return made


def _middle(places: Sequence[float]) -> float:
    return sum(places) / len(places) if places else 0.5


def svg(boxes: Sequence[Box], title: str, description: str) -> bytes:
    """A picture 360 wide and as high as it needs, in light and dark, with words for who does not see it. Text from outside is escaped."""
    rows = [layer[at : at + BESIDE] for layer in layers(boxes) for at in range(0, len(layer), BESIDE)]
    where: dict[str, tuple[float, float, float, int]] = {}
    for number, beside in enumerate(rows):
        wide = (WIDTH - 2 * MARGIN - GAP * (len(beside) - 1)) / len(beside)
        wide = min(wide, 220)
        left = (WIDTH - wide * len(beside) - GAP * (len(beside) - 1)) / 2
        for at, box in enumerate(beside):
            where[box.id] = left + at * (wide + GAP), MARGIN + number * (BOX + ABOVE), wide, number
    height = MARGIN * 2 + len(rows) * BOX + max(0, len(rows) - 1) * ABOVE
    ways = [_way(where[id], where[box.id]) for box in boxes for id in box.before if id in where]
    boxes_drawn = [_drawn(box, *where[box.id][:3]) for beside in rows for box in beside]
    arrow = (
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z"/></marker></defs>'
    )
    return drawn.svg(height, title, description, "".join((arrow, *ways, *boxes_drawn)), STYLE, DARK)


def _way(start: tuple[float, float, float, int], end: tuple[float, float, float, int]) -> str:
    """From the foot of one box to the head of another; one that passes rows goes around at the nearer edge."""
    x, y, x2, y2 = start[0] + start[2] / 2, start[1] + BOX, end[0] + end[2] / 2, end[1] - 2
    if end[3] - start[3] <= 1:
        bend = (y + y2) / 2
        d = f"M{x:.1f} {y:.1f}C{x:.1f} {bend:.1f} {x2:.1f} {bend:.1f} {x2:.1f} {y2:.1f}"
    else:
        side = 5 if x + x2 <= WIDTH else WIDTH - 5
        d = (
            f"M{x:.1f} {y:.1f}C{x:.1f} {y + ABOVE:.1f} {side} {y + 4:.1f} {side} {y + ABOVE:.1f}"
            f"L{side} {y2 - ABOVE:.1f}C{side} {y2 - 4:.1f} {x2:.1f} {y2 - ABOVE:.1f} {x2:.1f} {y2:.1f}"
        )
    return f'<path d="{d}" marker-end="url(#a)"/>'


def _drawn(box: Box, x: float, y: float, wide: float) -> str:
    middle, label = x + wide / 2, drawn.fitting(box.label, wide, LETTER)
    inside = f'<text x="{middle:.1f}" y="{y + (20 if box.note else 27):.1f}">{label}</text>'
    if box.note:
        inside += f'<text class="note" x="{middle:.1f}" y="{y + 36:.1f}">{drawn.fitting(box.note, wide, LETTER * 0.85)}</text>'
    full = drawn.said(f"{box.label} {box.note}")
    return (
        f'<g class="{box.look}"><title>{full}</title>'
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{BOX}" rx="9"/>{inside}</g>'
    )
