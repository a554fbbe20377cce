"""Writes the text of a mail from an agent's own templates: without a model, in the language of the conversation."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from babel import Locale
from babel.dates import format_date, format_time
from pydantic import BaseModel, ConfigDict

from core.kernel.errors import NotFound
from runners.mail.clean import line
from runners.mail.suggest.situation import Brief

_GAP = re.compile(r"\{(\w+)\}")
_TITLE = re.compile(r"^(?:dr|prof|mr|mrs|ms|herr|frau|sr|sra|mme|m)\.?\s+", re.IGNORECASE)


class Tone(BaseModel):
    """The sentences of one tone. `{name}`, `{question}`, `{when}`, `{day}`, `{sent}` and `{signature}` are filled in."""

    model_config = ConfigDict(extra="forbid")

    greeting: str
    greeting_nobody: str
    asked: str
    agree: str
    later: str
    nudge: str
    close: str


class Phrases(BaseModel):
    """`drafts/<language>.yaml` of a template. `quotes` opens and closes a quotation."""

    model_config = ConfigDict(extra="forbid")

    quotes: tuple[str, str]
    familiar: Tone
    formal: Tone


def phrases(texts: Mapping[str, str], language: str) -> tuple[str, Phrases]:
    """The phrases in `language`, or English ones, and the language that it became. Raises NotFound
    `orchestration.draft_texts_missing`."""
    for code in dict.fromkeys((language, "en")):
        if f"drafts/{code}.yaml" in texts:
            return code, Phrases.model_validate(yaml.safe_load(texts[f"drafts/{code}.yaml"]))
    raise NotFound("orchestration.draft_texts_missing", language=language)


def written(brief: Brief, texts: Mapping[str, str], language: str, signature: str, zone: ZoneInfo) -> str:
    """The whole text: greeting, body, signature."""
    code, known = phrases(texts, language)
    tone = known.familiar if brief.familiar else known.formal
    name = _called(brief.recipient, familiar=brief.familiar)
    gaps = {
        "name": name,
        "question": f"{known.quotes[0]}{brief.question}{known.quotes[1]}",
        "when": _moment(brief.moment.start, code, zone)
        if brief.moment and isinstance(brief.moment.start, datetime)
        else "",
        "day": _day(brief.by, code, zone) if brief.by else "",
        "sent": _day(brief.sent, code, zone) if brief.sent else "",
        "signature": signature,
    }
    body = [tone.nudge] if brief.purpose == "nudge" else [tone.asked, tone.agree if gaps["when"] else tone.later]
    parts = [tone.greeting if name else tone.greeting_nobody, *body, tone.close]
    return "\n\n".join(_filled(part, gaps) for part in parts).strip() + "\n"


def _filled(text: str, gaps: Mapping[str, str]) -> str:
    """Fills the gaps in one pass, so that nothing in a value can be a gap itself."""
    return _GAP.sub(lambda match: gaps.get(match[1], match[0]), text.strip())


def _called(name: str, *, familiar: bool) -> str:
    """How a person is addressed: by the first name among friends, else by the whole name."""
    name = line(name, 80)
    if "@" in name or not any(char.isalpha() for char in name):
        return ""
    if name.count(",") == 1:
        last, first = (part.strip() for part in name.split(","))
        name = f"{first} {last}" if first and " " not in last and len(first.split()) <= 2 else last or first
    name = re.sub(r"\s*[(（][^()（）]*[)）]\s*", " ", name).strip()
    return _TITLE.sub("", name).split()[0] if familiar and name else name


def _day(when: datetime, language: str, zone: ZoneInfo) -> str:
    """A date in full, without its year, as the language orders it."""
    locale = Locale.parse("en_GB" if language == "en" else language)
    pattern = re.sub(r"y年|,?\s*(?:'de'\s*)?y", "", locale.date_formats["full"].pattern)
    return format_date(when.astimezone(zone).date(), pattern, locale=locale)


def _moment(when: datetime, language: str, zone: ZoneInfo) -> str:
    at: Any = when.astimezone(zone)
    return f"{_day(when, language, zone)}, {format_time(at, 'short', tzinfo=zone, locale='en_GB' if language == 'en' else language)}"
