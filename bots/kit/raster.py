"""A drawing of ours (SVG) as pixels, for doors that show no SVG. Nothing of the system is needed: the letters come with a package."""

import re
from functools import cache

import font_roboto
import resvg_py

SHARP, ENOUGH = 3, 2
"""Pixels for one of the drawing's own: a phone shows 360 of these on about 1080; with fewer than two of them small letters blur."""
PAPER = "#f4f6f5"
"""Under the drawing, in whatever colours the chat is: nobody tells a bot whether it is dark there."""
OWN_LETTERS = "\u0500"
"""The first character that Roboto does not draw; for those after it the fonts of the system are looked through too."""
_SIZE = re.compile(rb'viewBox="0 0 (\d+(?:\.\d+)?) (\d+(?:\.\d+)?)"')


def png(svg: bytes, sharp: int = SHARP, paper: str | None = PAPER) -> bytes:
    """The drawing in its light colours, `sharp` pixels for one of its own, on `paper` (None: see-through). Raises ValueError for what is no drawing."""
    text = svg.decode()
    return resvg_py.svg_to_bytes(
        svg_string=text, zoom=sharp, background=paper, font_files=[_letters()], sans_serif_family="Roboto",
        skip_system_fonts=not any(letter >= OWN_LETTERS and letter.isalpha() for letter in text),
    )  # fmt: skip


def height(svg: bytes) -> float:
    """How high the drawing is, in pixels of its own. Raises ValueError for what is no drawing."""
    found = _SIZE.search(svg)
    if found is None:
        raise ValueError("not a drawing")
    return float(found[2])


@cache
def _letters() -> str:
    return font_roboto.font_files["Roboto"]
