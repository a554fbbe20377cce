"""The picture of a graph: layers, nothing over the edge or over another, words for who does not see it, nothing from outside as markup."""

import re
from xml.etree import ElementTree as xml

import pytest

from bots.kit.picture import WIDTH, Box, layers, lines, svg
from tests.bots.dialogs import flows
from tests.bots.dialogs.person import Person

SVG = "{http://www.w3.org/2000/svg}"
DIAMOND = (
    Box("read", "Reader", look="agent"),
    Box("law", "Lawyer", before=("read",)),
    Box("tax", "Accountant with a very long name indeed, really", "if read.output.amount > 1000.0", before=("read",)),
    Box("sure", "Send it?", "asks", "ask", ("law", "tax")),
    Box("send", "Sender", before=("sure", "read")),
)


def _wide(many: int) -> tuple[Box, ...]:
    return (
        Box("a", "A"),
        *(Box(f"b{n}", f"Beside {n}", before=("a",)) for n in range(many)),
        Box("z", "Z", before=("a",)),
    )


@pytest.mark.parametrize("boxes", [DIAMOND, _wide(1), _wide(7), (Box("only", "Only"),)])
def test_every_box_stands_inside_the_picture_and_over_no_other(boxes: tuple[Box, ...]) -> None:
    root = xml.fromstring(svg(boxes, "Offers", "Five steps"))
    _, _, width, height = (float(part) for part in root.attrib["viewBox"].split())
    assert width == WIDTH <= 390
    placed = [[float(rect.attrib[name]) for name in ("x", "y", "width", "height")] for rect in root.iter(f"{SVG}rect")]
    assert len(placed) == len(boxes)
    for n, (x, y, w, h) in enumerate(placed):
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height
        assert all(x + w <= a or a + c <= x or y + h <= b or b + d <= y for a, b, c, d in placed[n + 1 :])
    for text in root.iter(f"{SVG}text"):
        note = text.attrib.get("class") == "note"
        smallest = min(w for _, _, w, _ in placed)
        assert len(text.text or "") * (6.2 if note else 7.3) <= max(smallest, 220)


def test_layers_follow_the_longest_way() -> None:
    assert [[box.id for box in layer] for layer in layers(DIAMOND)] == [["read"], ["law", "tax"], ["sure"], ["send"]]
    assert lines(DIAMOND)[0] == "Reader → Lawyer, Accountant with a very long name indeed, really, Sender"
    assert lines(DIAMOND)[-1] == "Sender"


def test_the_same_is_drawn_every_time_and_a_long_chain_does_not_take_long() -> None:
    chain = tuple(Box(f"n{n}", f"Step {n}", before=(f"n{n - 1}",) if n else ()) for n in range(5000))
    assert len(layers(tuple(reversed(chain)))) == 5000
    assert svg(DIAMOND, "t", "d") == svg(DIAMOND, "t", "d")


def test_it_says_in_words_what_it_shows_and_is_readable_in_the_dark() -> None:
    drawn = svg(DIAMOND, "Offers", "Reader, then Lawyer")
    root = xml.fromstring(drawn)
    assert root.attrib["role"] == "img"
    assert [root.find(f"{SVG}{name}").text for name in ("title", "desc")] == ["Offers", "Reader, then Lawyer"]  # type: ignore[union-attr]
    assert b"prefers-color-scheme:dark" in drawn


def test_text_from_outside_becomes_no_markup_and_turns_no_direction() -> None:
    evil = '</text><script>alert(1)</script>"&\u202e\x00'
    drawn = svg((Box("a", evil, evil),), evil, evil).decode()
    assert "<script" not in drawn and "\u202e" not in drawn and "\x00" not in drawn
    root = xml.fromstring(drawn)
    assert root.find(f"{SVG}script") is None
    assert not re.search(r"(href|onload|url\((?!#a\)))", drawn)


def test_a_graph_is_opened_as_a_drawing_and_in_words(person: Person) -> None:
    flows.agents(person, "Reader")
    person.says("/agents")
    person.taps("Reader")
    person.taps("Picture")
    drawing = next(reversed(person.screens.values())).picture
    assert drawing is not None and drawing.kind == "drawing"
    svg_of_it = person.parts.storage.blobs(person.actor.workspace_id, person.actor.user_id).get(drawing.blob)
    said = [text.text for text in xml.fromstring(svg_of_it).iter(f"{SVG}text")]
    assert said and all(text in drawing.alt and text in person.last for text in said if text)
