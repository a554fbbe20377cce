"""Days and times in a person's own words, read in their timezone and echoed back before anything hangs on them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bots.kit.dialog import Chat
from bots.kit.spoken import in_english

LONGEST = 120


def moment(chat: Chat, words: str) -> datetime | None:
    """The instant that the words mean (`tomorrow 9:00`, `in 3 days`, `Monday`), in UTC and in the future where there is a choice; None for words that
    mean none. A day without a time is its morning, 9:00."""
    words = " ".join(words.split())[:LONGEST].lower()
    own = chat.profile.language.split("-")[0].lower()
    english = in_english(own, words, "moment")
    if english is not None and english != words:
        found = _read(chat, _plain(english), ["en"])
        if found is not None:
            return found
    return _read(chat, _plain(words), sorted({own, "en"} & KNOWN))


def _read(chat: Chat, words: str, languages: list[str]) -> datetime | None:
    import dateparser

    if not words or words.isdigit():
        return None
    here = chat.place.local(chat.work.now)
    found = dateparser.parse(
        words,
        languages=languages,
        settings={  # pyright: ignore[reportArgumentType]
            "PREFER_DATES_FROM": "future", "RELATIVE_BASE": here.replace(tzinfo=None), "DATE_ORDER": "DMY",
            "RETURN_AS_TIMEZONE_AWARE": False,
        },
    )  # fmt: skip
    if found is None:
        return None
    if not _names_a_time(words) and found.time().replace(tzinfo=None) in (
        here.time().replace(tzinfo=None),
        datetime.min.time(),
    ):
        found = found.replace(hour=9, minute=0, second=0, microsecond=0)
    return found.replace(tzinfo=ZoneInfo(chat.profile.timezone)).astimezone(UTC)


def _plain(words: str) -> str:
    """The words without what the parser would take for something else: an hour for a day of the month, a date for an hour."""
    words = re.sub(r"^(until|till|on|at)\s+", "", words)
    words = re.sub(r"\bhalf an? hour\b", "30 minutes", words)
    words = re.sub(r"(?<![\d.])(\d{1,2})\.(\d{1,2})\.(\d{4})?(?!\d)", _date, words)
    evening = re.search(r"\b(tonight|evening|afternoon)\b", words) is not None
    words = re.sub(
        rf"\b({_DAY})\s+(?:at\s+)?(\d{{1,2}})$", lambda told: f"{told[1]} {_hour(int(told[2]), evening)}:00", words
    )
    return re.sub(r"\bat (\d{1,2})$", lambda told: f"{_hour(int(told[1]), evening)}:00", words)


def _date(told: re.Match[str]) -> str:
    return "/".join(part for part in told.groups() if part)


def _hour(number: int, evening: bool) -> int:
    return number + 12 if evening and number < 12 else number


_DAY = (
    r"today|tonight|tomorrow|morning|afternoon|evening|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?"
    r"|sat(?:urday)?|sun(?:day)?"
)
KNOWN = frozenset(("en", "de", "es", "fr", "it", "nl", "pt", "pl"))
_CLOCK = re.compile(r"\d\s*(:|h\b|am\b|pm\b|uhr\b|o'clock)|\b(hour|minute|stunde|noon|midnight)s?", re.IGNORECASE)


def _names_a_time(words: str) -> bool:
    return _CLOCK.search(words) is not None
