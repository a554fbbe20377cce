"""What an edit changed, so that a person sees it before they approve: fields old and new, and the text line by line."""

from difflib import SequenceMatcher
from itertools import groupby

from bots.dialogs.card.action import Shown
from bots.kit.screen import Change

Line = tuple[str, str]
AROUND = 1
"""Unchanged lines shown on either side of a change."""
GAP = "⋯"


def change(before: Shown, after: Shown) -> Change | None:
    """The difference of two wordings of one action; None when both show the same."""
    lines = [*_fields(before, after), *_text(before[1], after[1])]
    return Change(lines=tuple(lines)) if lines else None  # pyright: ignore[reportArgumentType]


def _fields(before: Shown, after: Shown) -> list[Line]:
    old, new = dict(before[0]), dict(after[0])
    lines: list[Line] = []
    for label in [*old, *(label for label in new if label not in old)]:
        if old.get(label) == new.get(label):
            continue
        if label in old:
            lines.append(("remove", f"{label}: {old[label]}"))
        if label in new:
            lines.append(("add", f"{label}: {new[label]}"))
    return lines


def _text(before: str, after: str) -> list[Line]:
    if before == after:
        return []
    old, new = before.split("\n"), after.split("\n")
    lines: list[Line] = []
    for tag, i, j, m, n in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            lines.extend(("keep", line) for line in old[i:j])
        else:
            lines.extend(("remove", line) for line in old[i:j])
            lines.extend(("add", line) for line in new[m:n])
    return _near(lines)


def _near(lines: list[Line]) -> list[Line]:
    """The changes with a line around each; longer stretches that stayed the same become one mark."""
    shown: list[Line] = []
    stretches = [(kept, list(group)) for kept, group in groupby(lines, key=lambda line: line[0] == "keep")]
    for at, (kept, stretch) in enumerate(stretches):
        if not kept or len(stretch) <= 2 * AROUND + 1:
            shown.extend(stretch)
            continue
        if at > 0:
            shown.extend(stretch[:AROUND])
        shown.append(("keep", GAP))
        if at < len(stretches) - 1:
            shown.extend(stretch[-AROUND:])
    return shown
