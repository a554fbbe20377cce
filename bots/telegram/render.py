"""Draws a screen in Telegram's idiom: HTML with everything escaped, and an inline keyboard. Text from outside cannot become markup, a
mention or a command that a finger could press."""

import html
import re
from collections.abc import Callable, Iterable

from babel.dates import format_time
from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from bots.kit import clean, directions
from bots.kit.addresses import page
from bots.kit.dialog import commands
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

LABEL_LIMIT = 60
BAR = 10
IPV4_DOTS = 3
_PRESSABLE = re.compile(r"(?:(?<![\w/<>])(?=/)|(?<!\w)(?=[@#$]))([/@#$])(?=\w)")
_LINK = re.compile(
    r"(?P<scheme>(?<![\w+.-])\w[\w+-]*://[^\s]*)"
    r"|(?P<mail>(?<![\w+.-])[\w+.-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<host>(?<![\w@.-])(?:[\w-]+\.)+(?:[^\W\d_]{2,}|\d{1,3})(?!\w))"
)
_WITHIN = re.compile(r"(?<=\w)\.(?=\w)|:(?=//)")
_STYLES = {"primary": "primary", "danger": "danger"}


def tame(outside: str) -> str:
    """Words that Telegram would make pressable (`/stop`, `@name`, `#tag`, an address of the web) stay words: an invisible joiner (U+2060) parts the mark from the
    name. Addresses of mail are left whole: a card is about them, and they lead nowhere."""
    return _PRESSABLE.sub("\\1\u2060", _LINK.sub(_parted, outside))


def _parted(link: re.Match[str]) -> str:
    whole = link[0]
    if link["mail"] is not None or (
        link["host"] is not None and not any(letter.isalpha() for letter in whole) and whole.count(".") != IPV4_DOTS
    ):
        return whole
    return _WITHIN.sub(lambda mark: mark[0] + "\u2060", whole)


def text(screen: Screen, say: Say) -> str:
    """The screen's blocks as Telegram HTML."""
    return "\n\n".join(filled for filled in (block(one, say) for one in screen.blocks) if filled)


def block(one: Block, say: Say) -> str:
    """One block as Telegram HTML."""
    match one:
        case Heading():
            return f"<b>{_out(one.text)}</b>" if one.text else ""
        case Paragraph():
            words = _out(one.text)
            return f"<i>{words}</i>" if one.muted and words.strip() else words
        case Bullets():
            return "\n".join(f"• {_out(item)}" for item in one.items)
        case Facts():
            return "\n".join(_fact(say, label, value) for label, value in one.rows)
        case Quote():
            source = f"<i>{_out(one.source)}</i>\n" if one.source else ""
            if one.exact and one.text.strip():
                # Nothing in it is found to be a link, a command or a name, and a tap copies all of it.
                return f"{source}<pre>{html.escape(one.text.rstrip(), quote=False)}</pre>"
            return (
                f"{source}<blockquote expandable>{_out(one.text.rstrip())}</blockquote>" if one.text.strip() else source
            )
        case Change():
            return "\n".join(_changed(what, line) for what, line in one.lines)
        case Progress():
            return _progress(one, say)
        case Countdown():
            return _out(
                say("telegram.until", text=one.at(say.place.now), time=_clock(say, one))
                if one.until > say.place.now
                else one.at(say.place.now)
            )


def _out(outside: str) -> str:
    return html.escape(tame(outside), quote=False)


def _fact(say: Say, label: str, value: str) -> str:
    """The label may be a command of ours, which shall be pressable; any other, and the value, comes from anywhere."""
    if not label:
        return _out(value)
    name = say("telegram.label", label=label)
    shown = html.escape(name, quote=False) if label.removeprefix("/") in commands else _out(name)
    return f"<b>{shown}</b> {_out(directions.apart(value, directions.runs(name, True)))}"


def _changed(what: str, line: str) -> str:
    if not line.strip():
        return ""
    if what == "remove":
        return f"− <s>{_out(line)}</s>"
    return f"+ <u>{_out(line)}</u>" if what == "add" else _out(line)


def _progress(one: Progress, say: Say) -> str:
    label = _out(one.label)
    if not one.total:
        return label
    full = min(BAR, max(0, BAR * one.done // one.total))
    numbers = html.escape(say("telegram.progress", done=one.done, total=one.total), quote=False)
    return f"{label}\n{'▓' * full}{'░' * (BAR - full)} {numbers}"


def _clock(say: Say, one: Countdown) -> str:
    return format_time(say.place.local(one.until).time(), "medium", locale=say.place.locale)


def keyboard(
    rows: Iterable[Iterable[Button]], token: Callable[[Button], str], public_url: str | None
) -> InlineKeyboardMarkup | None:
    """The buttons in their rows; one that would open a page which nobody can reach from a phone is left out."""
    made = [[drawn for drawn in (_button(one, token, public_url) for one in row) if drawn is not None] for row in rows]
    filled = [row for row in made if row]
    return InlineKeyboardMarkup(filled) if filled else None


def _button(one: Button, token: Callable[[Button], str], public_url: str | None) -> InlineKeyboardButton | None:
    label = clean.cut(clean.line(one.label), LABEL_LIMIT, clean.utf16) or "…"
    if one.url is not None:
        address = page(one.url, public_url)
        return InlineKeyboardButton(label, url=address) if address else None
    style = {"style": _STYLES[one.style]} if one.style in _STYLES else None
    return InlineKeyboardButton(label, callback_data=token(one), api_kwargs=style)
