"""Screens as Telegram shows them: parsed by the emulator's own parser, whatever is in them."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.kit import clean
from bots.kit.place import place
from bots.kit.screen import (
    Bullets,
    Button,
    Change,
    Countdown,
    Facts,
    Heading,
    Paragraph,
    Progress,
    Quote,
    Screen,
)
from bots.kit.words import Say, load
from bots.telegram import pieces, render
from bots.telegram.webhook import NoUpdate, read
from tests.emulators.telegram.html import parse_html

NOW = datetime(2026, 11, 22, 9, 2, 5, tzinfo=UTC)
WORDS = load(strict=True)


def _say() -> Say:
    return WORDS.in_language(place("en", "Europe/Berlin", NOW))


def _shown(*blocks: object) -> str:
    text, _ = parse_html(render.text(Screen(blocks=blocks), _say()))  # pyright: ignore[reportArgumentType]
    return text


def test_every_block_has_its_manner() -> None:
    shown = _shown(
        Heading(text="Heading <1>"), Paragraph(text="Words & words"), Bullets(items=("one", "two")),
        Facts(rows=(("To", "a@example.org"), ("", "more"))), Quote(text="Quoted", source="Mail"),
        Change(lines=(("keep", "same"), ("remove", "old"), ("add", "new"))), Progress(label="Reading", done=3, total=10),
        Progress(label="Waiting", done=0), Countdown(text="It goes out in {seconds} s.", until=NOW + timedelta(seconds=10)),
    )  # fmt: skip
    assert shown == (
        "Heading <1>\n\nWords & words\n\n• one\n• two\n\nTo: a@example.org\nmore\n\nMail\nQuoted\n\nsame\n− old\n+ new\n\n"
        "Reading\n▓▓▓░░░░░░░ 3 of 10\n\nWaiting\n\nIt goes out in 10 s. (until 10:02:15)"
    )


@pytest.mark.parametrize(
    "outside",
    [
        "/stop",
        "a /stop b",
        "@name",
        "(@name)",
        "#tag",
        "$USD",
        "\n/approve",
        "https://example.org/stop",
        "evil.example",
        "tg://user?id=1",
        "(www.example.org)",
        "1.2.3.4",
    ],
)
def test_marks_from_outside_are_parted_from_their_names(outside: str) -> None:
    assert "\u2060" in render.tame(outside)


@pytest.mark.parametrize(
    "plain",
    [
        "me@example.org",
        "first.last@mail.example.org",
        "and/or",
        "5 / 3",
        "# 1",
        "</b>",
        "a#b",
        "240.00",
        "1.0.0",
        "Yes. No",
        "e.g. this",
    ],
)
def test_other_marks_stay_as_they_are(plain: str) -> None:
    assert render.tame(plain) == plain


def test_a_page_is_opened_only_at_a_name_that_a_phone_can_reach() -> None:
    assert render.page("/x", "https://nod.example.org") == "https://nod.example.org/x"
    for url, public in (
        ("/x", None),
        ("/x", "http://localhost:8080"),
        ("/x", "http://127.0.0.1:8080"),
        ("javascript:x", None),
    ):
        assert render.page(url, public) is None


def test_labels_are_cut_where_a_reader_would_and_rows_are_kept() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    rows = (
        (Button(label=family * 20, action="a"), Button(label="Two", action="b")),
        (Button(label="Three", url="/x"),),
    )
    markup = render.keyboard(rows, lambda one: one.action, None)
    assert markup is not None
    [row] = markup.inline_keyboard
    assert [button.callback_data for button in row] == ["a", "b"]
    assert row[0].text == family * 7 + "…"


TEXT = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S", "Zs", "M")) | st.sampled_from("<>&/@#\n \U0001f600"),
    max_size=6000,
)
BLOCK = st.one_of(
    st.builds(lambda t: Heading(text=t), TEXT), st.builds(lambda t, m: Paragraph(text=t, muted=m), TEXT, st.booleans()),
    st.builds(lambda t, s: Quote(text=t, source=s), TEXT, st.text("<&ab ", max_size=300)),
    st.builds(lambda a, b: Facts(rows=((a[:40], b), (b[:40], a))), TEXT, TEXT),
    st.builds(lambda a: Bullets(items=tuple(a.split("\n"))), TEXT),
    st.builds(lambda a: Change(lines=(("remove", a), ("add", a))), TEXT),
)  # fmt: skip


@settings(max_examples=60)
@given(st.lists(BLOCK, max_size=5))
def test_any_screen_fits_in_pieces_that_telegram_can_read_and_nothing_is_left_out(blocks: list[object]) -> None:
    screen = clean.screen(Screen(blocks=tuple(blocks), buttons=((Button(label="Go", action="a"),),)))  # pyright: ignore[reportArgumentType]
    parts = pieces.pieces(screen, _say())
    texts = []
    for part in parts:
        html = render.text(part, _say())
        assert clean.utf16(html) <= pieces.LIMIT
        texts.append(parse_html(html)[0])
    assert [bool(part.buttons) for part in parts] == [False] * (len(parts) - 1) + [True]
    bare = "".join("".join(texts).split()).replace("\u2060", "").replace("•", "").replace("−", "").replace("+", "")
    for block in screen.blocks:
        if isinstance(block, Paragraph | Heading):
            kept = "".join(block.text.split()).replace("\u2060", "").replace("•", "").replace("−", "").replace("+", "")
            assert kept in bare


def test_a_body_is_read_only_when_it_is_an_update() -> None:
    assert read(b'{"update_id": 7, "x": "\\ud83d\\ude00"}')["update_id"] == 7
    for body in (b"[" * 100_000, b'{"update_id": 1.0}', b"null"):
        with pytest.raises(NoUpdate):
            read(body)
