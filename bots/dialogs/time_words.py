"""Days and times in a person's own words, read in their timezone and echoed back before anything hangs on them."""

import re
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bots.kit.dialog import Chat

LONGEST = 120


def moment(chat: Chat, words: str) -> datetime | None:
    """The instant that the words mean (`tomorrow 9:00`, `in 3 days`, `Monday`), in UTC and in the future where there is a choice; None for words that
    mean none. A day without a time is its morning, 9:00."""
    import dateparser

    words = " ".join(words.split())[:LONGEST]
    if not words:
        return None
    here = chat.place.local(chat.work.now)
    found = dateparser.parse(
        re.sub(r"^(until|till|on|at)\s+", "", words, flags=re.IGNORECASE),
        languages=sorted({chat.profile.language.split("-")[0].lower(), "en"} & KNOWN),
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


KNOWN = frozenset(("en", "de", "es", "fr", "it", "nl", "pt", "pl"))
_CLOCK = re.compile(r"\d\s*(:|h\b|am\b|pm\b|uhr\b|o'clock)|\b(hour|minute|stunde|noon|midnight)s?", re.IGNORECASE)


def _names_a_time(words: str) -> bool:
    return _CLOCK.search(words) is not None
