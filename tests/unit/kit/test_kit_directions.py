"""A card with Arabic and Hebrew in it, and a card in a language that runs from right to left, keep their structure on every door."""

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bots.kit import clean, directions
from bots.kit.directions import FSI, PDI
from bots.kit.place import place
from bots.kit.screen import Button, Countdown, Facts, Heading, Paragraph, Quote, Screen
from bots.kit.words import GAP, Say, Sentence, Words, load
from bots.slack import blocks
from bots.telegram import render
from bots.web.lines import Speech, templates

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAVID, OFFER = "דוד לוי", "הצעה: 500 ₪ (מרץ)"
TRICKY = f"{PDI}\u202e{DAVID}{FSI}"
LABELS = ("card.approve", "card.edit", "card.snooze", "card.reject", "card.details")


@cache
def words() -> Words:
    """English, and a language made of Hebrew letters: every letter of a sentence for another, gaps left as they are."""
    english = load(strict=True).codes()
    return Words({"en": english, "he": {code: Sentence(tuple(map(mirrored, each.forms))) for code, each in english.items()}}, strict=True)  # fmt: skip


def mirrored(form: str) -> str:
    out, at = "", 0
    for gap in GAP.finditer(form):
        out, at = out + _hebrew(form[at : gap.start()]) + gap[0], gap.end()
    return out + _hebrew(form[at:])


def _hebrew(text: str) -> str:
    return re.sub("[A-Za-z]", lambda letter: chr(0x05D0 + ord(letter[0].lower()) % 27), text)


def say(language: str) -> Say:
    return words().in_language(place(language, "Europe/Berlin", NOW))


def card(say: Say, who: str = DAVID, subject: str = OFFER) -> Screen:
    """As the dialogs make it: sentences with what is from outside in their gaps."""
    title = say("card.title.reply", who=who, subject=subject)
    approve, *others = (Button(label=say(code), action="command.run", args=(code[5:],)) for code in LABELS)
    return clean.screen(
        Screen(
            blocks=(
                Heading(text=say("card.heading", agent="Inbox", title=title)),
                Facts(rows=((say("card.to"), f"{who} <david@example.org>"), (say("card.subject"), subject))),
                Quote(text=f"{subject}\n{subject}", source=who),
                Paragraph(text=say("suggestion.why.bill", sender=who, amount={"amount": "1234.5", "currency": "EUR"})),
                Paragraph(text=say("card.influenced", who=[who, "Mara", "آنا"]), muted=True),
                Countdown(text=say("card.held.mail.send", seconds="{seconds}"), until=NOW + timedelta(seconds=10)),
            ),
            buttons=((approve, *others[:3]), (others[3],)),
            tone="ask",
        )
    )


class Web(NamedTuple):
    tags: list[tuple[str, str]]
    buttons: list[str]


def on_the_page(screen: Screen, say: Say) -> Web:
    """Each element with its direction, and the buttons in order."""
    html = templates().get_template("lines.html").module.screen(  # pyright: ignore[reportAttributeAccessIssue]
        screen=screen, element="e", key="k", message="m", at=NOW, speech=Speech(say, say.place, uuid4()),
        token=lambda pressed: "token", delivery="d",
    )  # fmt: skip
    found = Web([], [])

    class Read(HTMLParser):
        inside = False

        def handle_starttag(self, tag: str, attrs: Any) -> None:
            self.inside = tag == "button"
            found.tags.append((tag, dict(attrs).get("dir") or ""))
            found.buttons.extend([""] if self.inside else [])

        def handle_data(self, data: str) -> None:
            if self.inside:
                found.buttons[-1] += data.strip()

    Read().feed(str(html))
    return found


def in_telegram(screen: Screen, say: Say) -> tuple[str, list[list[str]]]:
    keyboard = render.keyboard(screen.buttons, lambda button: "token", None)
    assert keyboard is not None
    return render.text(screen, say), [[button.text for button in row] for row in keyboard.inline_keyboard]


def in_slack(screen: Screen, say: Say) -> list[dict[str, Any]]:
    return [*blocks.drawn(screen.blocks, say), *blocks.buttons(screen.buttons, lambda button: "token", lambda url: url)]


def even(text: str) -> bool:
    """Every FSI has its PDI on its own line, and none ends more than was begun."""
    for line in text.split("\n"):
        open_now = 0
        for character in line:
            open_now += (character == FSI) - (character == PDI)
            if open_now < 0:
                return False
        if open_now:
            return False
    return True


@pytest.mark.parametrize("language", ["en", "he"])
@pytest.mark.parametrize("who", [DAVID, TRICKY, "Anna", "محمد"])
def test_a_card_keeps_its_structure_on_every_door(language: str, who: str) -> None:
    ours, plain = say(language), say("en")
    shown, like = card(ours, who), card(plain, "Anna", "Offer")
    labels = [[button.label for button in row] for row in shown.buttons]
    assert [len(row) for row in labels] == [len(row) for row in like.buttons] == [4, 1]
    assert labels[0][0] == ours("card.approve")

    page, plain_page = on_the_page(shown, ours), on_the_page(like, plain)
    assert page.tags == plain_page.tags
    assert page.buttons == [label for row in labels for label in row]

    text, keyboard = in_telegram(shown, ours)
    assert keyboard == labels
    assert even(text) and text.count("\n\n") == in_telegram(like, plain)[0].count("\n\n")

    made = in_slack(shown, ours)
    assert [one["type"] for one in made] == [one["type"] for one in in_slack(like, plain)]
    assert [
        [button["text"]["text"] for button in one["elements"]] for one in made if one["type"] == "actions"
    ] == labels
    assert "\u202e" not in text + str(made) + str(page)


def test_a_name_from_outside_is_set_apart_and_moves_nothing_around_it() -> None:
    english, hebrew = say("en"), say("he")
    assert english("card.title.reply", who=DAVID, subject="Offer") == f"Reply to {FSI}{DAVID}{PDI}: Offer"
    assert english("card.title.reply", who=TRICKY, subject="Offer") == f"Reply to {FSI}{DAVID}{PDI}: Offer"
    assert english("card.title.reply", who="Anna", subject="Offer") == "Reply to Anna: Offer"
    assert hebrew("card.title.reply", who="Anna", subject=OFFER) == f"{_hebrew('Reply to')} {FSI}Anna{PDI}: {OFFER}"
    assert english.place.listed([DAVID, "Mara"]) == f"{FSI}{DAVID}{PDI} and Mara"
    heading = card(english).blocks[0]
    assert isinstance(heading, Heading) and FSI in heading.text and even(heading.text)


def test_telegram_sets_a_value_apart_from_its_label() -> None:
    text, _ = in_telegram(card(say("en")), say("en"))
    assert f"<b>To:</b> {FSI}{DAVID} &lt;david\u2060@example.org&gt;{PDI}".replace("\u2060", "") in text.replace(
        "\u2060", ""
    )


@given(st.text(st.sampled_from(f"ab אב {FSI}{PDI}\u202e\u2066\n"), max_size=20), st.booleans())
def test_whatever_is_set_apart_stays_within_its_bounds(outside: str, right_to_left: bool) -> None:
    apart = directions.apart(outside, right_to_left)
    assert apart == outside or (apart[0], apart[-1]) == (FSI, PDI)
    kept = directions.kept_apart(apart, clean.text)
    marks = [character for character in kept if character in (FSI, PDI)]
    assert marks.count(FSI) == marks.count(PDI)
    assert all(unicodedata.category(character) != "Cf" for character in kept if character not in (FSI, PDI))
    assert directions.kept_apart(kept, clean.text) == kept


def test_a_page_runs_as_the_language_that_is_spoken() -> None:
    """Arabic is asked for, English is said: it runs from left to right."""
    runs = {tag: place(words().spoken(tag), "UTC", NOW).right_to_left for tag in ("he-IL", "ar", "en-GB")}
    assert runs == {"he-IL": True, "ar": False, "en-GB": False}
