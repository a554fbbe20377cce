"""Draws a screen in Block Kit. Words stand in `plain_text` and in text elements of quotes, which Slack shows as they are: no markup, mention or link of anybody's survives. The few
that must be `mrkdwn` are escaped (docs.slack.dev/messaging/formatting-message-text) and tamed."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Literal

from bots.kit import clean
from bots.kit.screen import (
    Block,
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
from bots.kit.words import Say

SECTION, HEADER, LABEL, FIELD, FALLBACK = 3000, 150, 75, 2000, 1000
"""Limits of Block Kit in characters (docs.slack.dev/reference/block-kit): a section, a header, a button, a field; and what a notification shows of ours."""
FACTS_AT_ONCE = 5
NAME = 200
BUTTONS_AT_ONCE = 25
BAR = 10
_MARKS = re.compile(r"[*_~`>|:@#<\[]")
_PLACE = re.compile(r"nod\.(?:url\.)?\d+\.\d+\.([A-Za-z0-9-]{1,35})")
_STYLES = {"primary": "primary", "danger": "danger"}
Drawn = dict[str, Any]
Token = Callable[[Button], str]
Address = Callable[[str], str | None]


def tamed(outside: str) -> str:
    """Words in which nothing begins markup: every mark that could is followed by an invisible joiner (U+2060)."""
    return _MARKS.sub(lambda mark: mark[0] + "\u2060", outside)


def mrkdwn(outside: str) -> str:
    """Words as mrkdwn that shows exactly them: tamed, and escaped."""
    return tamed(outside).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(words: str, limit: int = SECTION) -> Drawn:
    """A text object that is shown as it is."""
    return {"type": "plain_text", "text": clean.cut(words, limit, clean.utf16) or " ", "emoji": False}


def fallback(screen: Screen) -> str:
    """What a notification and a screen reader are told."""
    return clean.cut(mrkdwn(clean.line(screen.summary)), FALLBACK, clean.utf16) or "…"


def drawn(blocks: Iterable[Block], say: Say) -> list[Drawn]:
    """The blocks of a screen, without its buttons."""
    return [made for one in blocks for made in block(one, say)]


def block(one: Block, say: Say) -> list[Drawn]:
    """One block; long words take several sections."""
    match one:
        case Heading():
            return _heading(one.text)
        case Paragraph():
            return _muted(one.text) if one.muted else _sections(one.text)
        case Bullets():
            return _sections("\n".join(f"• {item}" for item in one.items))
        case Facts():
            return _facts(one, say)
        case Quote():
            return [*_muted(one.source), *_quoted(one.text, "preformatted" if one.exact else "quote")]
        case Change():
            signs = {"keep": "  ", "remove": "− ", "add": "+ "}
            return _sections("\n".join(signs[what] + line for what, line in one.lines if line.strip()))
        case Progress():
            return _sections(_progress(one, say))
        case Countdown():
            now = say.place.now
            words = one.at(now)
            shown = say("slack.until", text=words, time=say.place.clock(one.until)) if one.until > now else words
            return _sections(shown)


def _heading(words: str) -> list[Drawn]:
    if not words.strip():
        return []
    if clean.utf16(words) > HEADER:
        return _sections(words)
    return [{"type": "header", "text": plain(" ".join(words.split()), HEADER)}]


def _sections(words: str) -> list[Drawn]:
    return [
        {"type": "section", "text": plain(part)} for part in clean.parts(words, SECTION, clean.utf16) if part.strip()
    ]


def _quoted(words: str, how: Literal["quote", "preformatted"]) -> list[Drawn]:
    """Set apart from what Nod says; words in an element of rich text are shown as they are (docs.slack.dev/reference/block-kit/block-elements/rich-text-quote-element)."""
    return [
        {"type": "rich_text", "elements": [{"type": f"rich_text_{how}", "elements": [{"type": "text", "text": part}]}]}
        for part in clean.parts(words, SECTION, clean.utf16)
        if part.strip()
    ]


def _muted(words: str) -> list[Drawn]:
    if clean.utf16(words) > FIELD:
        return _sections(words)
    return [{"type": "context", "elements": [plain(words, FIELD)]}] if words.strip() else []


def _facts(one: Facts, say: Say) -> list[Drawn]:
    """Label and value beside each other; a value that is too long for that under its label."""
    made: list[Drawn] = []
    row: list[Drawn] = []
    for label, value in one.rows:
        name = {
            "type": "mrkdwn",
            "text": f"*{mrkdwn(say('slack.label', label=clean.line(label, NAME)))}*",
            "verbatim": True,
        }
        if clean.utf16(value) <= FIELD and label:
            row += [name, plain(value, FIELD)]
        else:
            made += [*_fields(row), *([{"type": "section", "text": name}] if label else []), *_sections(value)]
            row = []
        if len(row) == 2 * FACTS_AT_ONCE:
            made, row = [*made, *_fields(row)], []
    return [*made, *_fields(row)]


def _fields(row: list[Drawn]) -> list[Drawn]:
    return [{"type": "section", "fields": row}] if row else []


def _progress(one: Progress, say: Say) -> str:
    if not one.total:
        return one.label
    full = min(BAR, max(0, BAR * one.done // one.total))
    return f"{one.label}\n{'▓' * full}{'░' * (BAR - full)} {say('slack.progress', done=one.done, total=one.total)}"


def buttons(rows: Iterable[Iterable[Button]], token: Token, address: Address, language: str = "en") -> list[Drawn]:
    """Rows of buttons; one that would open a page which nobody can reach is left out. Each says in which language it is, for what a tap has to show before the
    person is looked up (language_of)."""
    made = []
    for at, row in enumerate(rows):
        elements = [
            element
            for nth, one in enumerate(row)
            if (element := _button(one, f"{at}.{nth}.{language}", token, address)) is not None
        ]
        made += [
            {"type": "actions", "elements": elements[first : first + BUTTONS_AT_ONCE]}
            for first in range(0, len(elements), BUTTONS_AT_ONCE)
        ]
    return made


def rating(good: Button, bad: Button, token: Token) -> list[Drawn]:
    """Two small buttons under an answer (docs.slack.dev/reference/block-kit/block-elements/feedback-buttons-element)."""
    sides = {
        side: {"text": plain(one.label, LABEL), "value": token(one), "accessibility_label": clean.cut(one.label, LABEL)}
        for side, one in (("positive_button", good), ("negative_button", bad))
    }
    return [{"type": "context_actions", "elements": [{"type": "feedback_buttons", "action_id": "nod.rating", **sides}]}]


def language_of(action_id: str) -> str | None:
    """The language of a tapped button of ours; None where it does not say."""
    found = _PLACE.fullmatch(action_id)
    return found[1] if found else None


def _button(one: Button, place: str, token: Token, address: Address) -> Drawn | None:
    made: Drawn = {"type": "button", "action_id": f"nod.{place}", "text": plain(clean.line(one.label) or "…", LABEL)}
    if one.url is not None:
        there = address(one.url)
        return {**made, "url": there, "action_id": f"nod.url.{place}"} if there else None
    if one.style in _STYLES:
        made["style"] = _STYLES[one.style]
    return {**made, "value": token(one)}


def size(made: Iterable[Drawn]) -> int:
    """Characters of all texts in UTF-16 units, as careful as Slack may count."""
    return sum(_size(one) for one in made)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return sum(
            clean.utf16(inner) if key == "text" and isinstance(inner, str) else _size(inner)
            for key, inner in value.items()
        )
    return sum(map(_size, value)) if isinstance(value, list) else 0
