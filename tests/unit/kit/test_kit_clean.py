"""Text from outside: nothing misleading is left, nothing meant is lost, and nobody's character is cut in half."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import clean
from bots.kit.screen import Button, Field, Form, Paragraph, Screen

ODD = "a b\n\r\u0301\u200d\u200c\ufe0f\u2764👩👧🏽🇩🇪🇫한각\u202e\u2066\u200b\u0000é\u0600✓\U000e0067🏴\u0915\u094d\u0937"
outside = st.text(st.one_of(st.characters(), st.sampled_from(ODD)), max_size=60)


@given(outside)
def test_no_control_direction_or_invisible_character_is_left(text: str) -> None:
    for character in clean.text(text):
        assert character in "\n\t\u200c\u200d" or unicodedata.category(character)[0] != "C"
        assert unicodedata.category(character) not in ("Zl", "Zp")


@given(outside)
def test_cleaning_twice_changes_nothing_more(text: str) -> None:
    assert clean.text(clean.text(text)) == clean.text(text)


@pytest.mark.parametrize(
    ("outside", "shown"),
    [
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("pay\u200bpal", "paypal"),
        ("a\x07b\x1b[31m", "a\ufffdb\ufffd[31m"),
        ("👩\u200d👧", "👩\u200d👧"),
        ("❤\ufe0f\u200d🔥", "❤\ufe0f\u200d🔥"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("क्\u200dष", "क्\u200dष"),
        ("a\u200db", "ab"),
        ("Z" + "\u0301" * 40, "Z" + "\u0301" * 6),
        ("one\r\ntwo\rthree\u2028four", "one\ntwo\nthree\nfour"),
        ("Grüße, 你好 – שלום", "Grüße, 你好 – שלום"),
        ("\ud800", "\ufffd"),
        ("\u3164", ""),
    ],
)
def test_what_misleads_goes_and_what_is_meant_stays(outside: str, shown: str) -> None:
    assert clean.text(outside) == shown


@given(outside)
def test_graphemes_are_those_of_unicode(text: str) -> None:
    """Against another implementation of UAX #29, which may know newer rules: we never break where it does not."""
    ends, theirs = set(), {0, *(match.end() for match in regex.finditer(r"\X", clean.text(text)))}
    at = 0
    for grapheme in clean.graphemes(clean.text(text)):
        at += len(grapheme)
        ends.add(at)
    conjuncts = {
        end for end in ends if regex.match(r"[\p{Indic_Conjunct_Break=Linker}\u200d]", clean.text(text)[end - 1])
    }
    assert ends - theirs <= conjuncts


@given(outside, st.integers(1, 30))
def test_a_cut_text_fits_and_ends_between_graphemes(text: str, limit: int) -> None:
    cut = clean.cut(text, limit, clean.utf16)
    assert clean.utf16(cut) <= limit
    if cut != text:
        assert cut.endswith(clean.ELLIPSIS)
        assert text.startswith(cut[:-1])


@given(outside, st.integers(12, 40))
def test_parts_are_the_whole_text(text: str, limit: int) -> None:
    pieces = clean.parts(text, limit, clean.utf16)
    assert "".join(pieces) == text
    whole = max((clean.utf16(grapheme) for grapheme in clean.graphemes(text)), default=0)
    assert all(clean.utf16(piece) <= max(limit, whole) for piece in pieces)


def test_parts_break_after_a_paragraph_where_there_is_one() -> None:
    assert clean.parts("First thought.\n\nSecond thought.", 20) == ["First thought.\n\n", "Second thought."]


def test_a_screen_is_cleaned_where_it_is_read_and_left_alone_where_it_is_carried() -> None:
    screen = Screen(
        blocks=(Paragraph(text="to\u202eyou"),),
        buttons=((Button(label="Go\u200b", action="x", args=("a\u200b",)),),),
        form=Form(action="f", submit="Send\u2066", fields=(Field(name="n", label="N\u202e", value="v\u200b"),)),
    )
    shown = clean.screen(screen)
    assert shown.summary == "toyou"
    assert shown.buttons[0][0] == Button(label="Go", action="x", args=("a\u200b",))
    assert shown.form is not None
    assert (shown.form.submit, shown.form.fields[0].label, shown.form.fields[0].value) == ("Send", "N", "v\u200b")
