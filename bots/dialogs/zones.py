"""Finding a person's timezone: what is likely, and what their words may mean (an IANA name, a city, a country's capital)."""

from collections.abc import Iterator
from difflib import get_close_matches
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError
from babel.core import get_global

from bots.kit.dialog import Chat
from bots.kit.place import place

COMMON = (
    "Europe/London",
    "Europe/Berlin",
    "America/New_York",
    "America/Los_Angeles",
    "Asia/Kolkata",
    "Asia/Tokyo",
    "Australia/Sydney",
)
OFFERED = 6
FEW = 3
"""A country with more zones is offered by its common ones only."""


@cache
def _all() -> frozenset[str]:
    """Every zone's name; finding them reads some hundred files."""
    return frozenset(available_timezones())


def known(name: str | None) -> bool:
    """Whether it is a timezone's IANA name."""
    return bool(name) and name in _all()


@cache
def _cities() -> dict[str, tuple[str, ...]]:
    """City in lower case → zones; only zones of places."""
    found: dict[str, tuple[str, ...]] = {}
    for zone in sorted(_all()):
        area, _, rest = zone.partition("/")
        if rest and area not in ("Etc", "SystemV", "US", "Canada", "Brazil", "Chile", "Mexico", "posix", "right"):
            city = rest.rpartition("/")[2].replace("_", " ").lower()
            found[city] = (*found.get(city, ()), zone)
    return found


def likely(chat: Chat, guess: str | None) -> list[str]:
    """Zones worth a button: the client's, those of the country of the person's language, then common ones; no two alike."""
    names = [guess, chat.profile.timezone, *_of_country(chat.profile.language), *COMMON]
    return list(dict.fromkeys(name for name in names if name and name != "UTC" and known(name)))[:OFFERED]


def _of_country(language: str) -> Iterator[str]:
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return
    zones = get_global("territory_zones").get(locale.territory or "", ())
    yield from zones if len(zones) <= FEW else [zone for zone in COMMON if zone in zones]


def search(words: str, language: str = "en") -> list[str]:
    """Zones that the words may mean, best first, at most six. An exact name or city comes alone. Countries and cities are known by their names in English and in `language`."""
    wanted = " ".join(words.replace("_", " ").split()).lower()[:60]
    by_name = {zone.replace("_", " ").lower(): zone for zone in _all() if "/" in zone or zone == "UTC"}
    if wanted in by_name:
        return [by_name[wanted]]
    cities, countries = {**_cities_in(language), **_cities()}, {**_countries(language), **_countries("en")}
    if wanted in cities:
        return list(cities[wanted])[:OFFERED]
    if wanted in countries:
        return list(countries[wanted])[:OFFERED]
    found = [zone for city, zones in cities.items() if len(wanted) > 2 and city.startswith(wanted) for zone in zones]
    for near in get_close_matches(wanted, [*cities, *countries], 3, 0.8):
        found.extend(cities.get(near, ()) or countries.get(near, ()))
    return list(dict.fromkeys(found))[:OFFERED]


@cache
def _cities_in(language: str) -> dict[str, tuple[str, ...]]:
    """City in lower case, as it is called in a language (`wien`) → its zone; where that is another name than the zone's own."""
    try:
        named = Locale.parse(language.replace("-", "_")).time_zones
    except (ValueError, UnknownLocaleError):
        return {}
    return {str(told["city"]).lower(): (zone,) for zone, told in named.items() if "city" in told and known(zone)}


@cache
def _countries(language: str) -> dict[str, tuple[str, ...]]:
    """Country in lower case, in a language → its zones."""
    try:
        names = Locale.parse(language.replace("-", "_")).territories
    except (ValueError, UnknownLocaleError):
        return {}
    return {
        str(names[code]).lower(): tuple(zone for zone in zones if known(zone))
        for code, zones in get_global("territory_zones").items()
        if code in names and len(code) == 2
    }


def label(chat: Chat, zone: str) -> str:
    """`Berlin · 14:05`: the city, and what time it is there."""
    there = place(chat.place.language, zone, chat.work.now)
    city = zone.rpartition("/")[2].replace("_", " ") if chat.say.language == "en" else there.zone_name
    return chat.say("zone.label", city=city, time=there.clock(chat.work.now.astimezone(ZoneInfo(zone))))
