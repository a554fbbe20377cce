"""Drawings as pixels, and bars: readable on a phone, with letters on a machine without fonts, and nothing from outside as markup."""

import struct
from itertools import pairwise
from xml.etree import ElementTree as xml

import pytest
import resvg_py

from bots.kit import chart, raster
from bots.kit.chart import Panel
from bots.kit.drawn import WIDTH
from bots.kit.picture import Box, svg

BOXES = (Box("a", "Reader", look="agent"), Box("b", "Writer", before=("a",)))
SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</text><script>alert(1)</script>"&\u202e'


def bars(*values: float, name: str = "Runs a day") -> bytes:
    said = tuple(f"{value:g} runs" for value in values)
    panel = Panel(name, f"at most {max(values):g}", values, said, "first")
    return chart.svg([f"Nov {n}" for n in range(len(values))], [panel, panel], name, name)


def size(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG")
    return struct.unpack(">II", png[16:24])


def test_a_drawing_becomes_a_picture_three_times_as_sharp() -> None:
    drawing = svg(BOXES, "t", "d")
    assert size(raster.png(drawing)) == (3 * WIDTH, 3 * raster.height(drawing))
    assert size(raster.png(drawing, raster.ENOUGH)) == (2 * WIDTH, 2 * raster.height(drawing))


def test_the_letters_are_there_without_any_font_of_the_system() -> None:
    with_letters, without = (
        svg(BOXES, "t", "d"),
        svg(tuple(Box(b.id, "", look=b.look, before=b.before) for b in BOXES), "t", "d"),
    )
    assert raster.png(with_letters) != raster.png(without)
    bare = resvg_py.svg_to_bytes(
        svg_string=with_letters.decode(), zoom=3, background=raster.PAPER, skip_system_fonts=True
    )
    assert raster.png(with_letters) != bare


@pytest.mark.parametrize("broken", [b"", b"<svg ", b'<svg viewBox="0 0 3', b"kind: agent"])
def test_what_is_no_drawing_is_refused(broken: bytes) -> None:
    with pytest.raises(ValueError):
        raster.png(broken)
    with pytest.raises(ValueError):
        raster.height(broken)


@pytest.mark.parametrize("values", [(0.0, 3.0, 40.0), (1.0,), tuple(float(n) for n in range(30)), (0.001, 9_999.0)])
def test_bars_stand_inside_the_picture_beside_each_other_and_what_is_something_is_seen(
    values: tuple[float, ...],
) -> None:
    root = xml.fromstring(bars(*values))
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    assert width <= 390 and height < 400
    drawn = [[float(bar.attrib[name]) for name in ("x", "y", "width", "height")] for bar in root.iter(f"{SVG}rect")]
    assert len(drawn) == 2 * len(values)
    for (x, y, w, h), value in zip(drawn, values + values, strict=True):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert (h >= 2) == (value > 0)
    assert all(one[0] + one[2] < other[0] for one, other in pairwise(drawn[: len(values)]))


def test_each_bar_says_its_day_and_number_and_the_whole_is_readable_in_the_dark() -> None:
    drawing = bars(2.0, 5.0)
    titles = [bar[0].text for bar in xml.fromstring(drawing).iter(f"{SVG}rect")]
    assert titles[:2] == ["Nov 0: 2 runs", "Nov 1: 5 runs"] and b"prefers-color-scheme:dark" in drawing


def test_text_from_outside_becomes_no_markup_in_bars() -> None:
    drawing = bars(1.0, name=EVIL).decode()
    assert "<script" not in drawing and "\u202e" not in drawing
    xml.fromstring(drawing)
