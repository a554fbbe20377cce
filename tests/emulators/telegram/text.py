"""Text as Telegram counts and cleans it: offsets in UTF-16 units, control characters gone, links and commands found."""

from __future__ import annotations

import re
from typing import Any

from .refusals import bad_request

Entity = dict[str, Any]

MESSAGE_LIMIT = 4096
CAPTION_LIMIT = 1024

_SEVERAL_UNITS = re.compile(r"[\U00010000-\U0010ffff]")
_BLANK = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f]")
_DROPPED = re.compile(r"[\r\u2028-\u202e\u0333\u033f\u030a]")
_INVISIBLE = re.compile(r"[\s\u200b-\u200f\u202e\ufeff\u00a0\u1680\u180e\u2060\u2800\u3000]*")
_DETECTED = {
    "url": re.compile(
        r"https?://[^\s<>\"]+[^\s<>\".,;:!?)\]}']|(?<![\w@./])(?:[a-z0-9-]+\.)+(?:com|org|net|io)\b", re.IGNORECASE
    ),
    "email": re.compile(r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+"),
    "mention": re.compile(r"(?<![\w@/.])@[A-Za-z]\w{3,31}\b"),
    "hashtag": re.compile(r"(?<![\w/])#\w*[^\W\d]\w*"),
    "bot_command": re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?\b"),
}
_OWNED = {"code", "pre", "text_link", "text_mention"}
_PLAIN_ONLY = {"code", "pre"}
_EXPLICIT = {
    "mention", "hashtag", "cashtag", "bot_command", "url", "email", "phone_number", "bold", "italic", "underline",
    "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre", "text_link", "text_mention",
    "custom_emoji",
}  # fmt: skip


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + len(_SEVERAL_UNITS.findall(text))


def cut(text: str, offset: int, length: int) -> str:
    """The part that an entity covers; offset and length in UTF-16 units."""
    raw = text.encode("utf-16-le", "surrogatepass")
    return raw[offset * 2 : (offset + length) * 2].decode("utf-16-le", "replace")


def clean(text: str, entities: list[Entity]) -> tuple[str, list[Entity]]:
    """Drop what Telegram drops (control and direction-override characters, space around), entities moved along."""
    text, entities = _without(text, entities, [match.span() for match in _DROPPED.finditer(text)])
    text = _BLANK.sub(" ", text)
    entities = [entity for entity in entities if cut(text, entity["offset"], entity["length"]).strip()]
    first = min((entity["offset"] for entity in entities), default=len(text))
    start = min(len(text) - len(text.lstrip(" \n")), first)
    end = len(text.rstrip(" \n"))
    if end <= start or _INVISIBLE.fullmatch(text):
        return "", []
    return _without(text, entities, [(0, start), (end, len(text))])


def _without(text: str, entities: list[Entity], gaps: list[tuple[int, int]]) -> tuple[str, list[Entity]]:
    gaps = [(start, end) for start, end in gaps if end > start]
    if not gaps:
        return text, entities
    in_units = [(units(text[:start]), units(text[start:end])) for start, end in gaps]

    def moved(position: int) -> int:
        return position - sum(min(max(position - start, 0), length) for start, length in in_units)

    kept = []
    for entity in entities:
        start, end = moved(entity["offset"]), moved(entity["offset"] + entity["length"])
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    pieces, last = [], 0
    for start, end in gaps:
        pieces.append(text[last:start])
        last = end
    return "".join([*pieces, text[last:]]), kept


def explicit_entities(values: Any, text: str) -> list[Entity]:
    """Entities that the caller gave, checked as the server checks them; those past the end of the text are cut."""
    if not isinstance(values, list):
        return []
    total, found = units(text), []
    for value in values:
        if not isinstance(value, dict):
            raise bad_request("can't parse MessageEntity: expected an Object")
        for name in ("offset", "length", "type"):
            if name not in value:
                raise bad_request(f"can't parse MessageEntity: can't find field \"{name}\"")
        if value["type"] not in _EXPLICIT:
            raise bad_request("can't parse MessageEntity: unsupported type specified")
        offset, length = int(value["offset"]), int(value["length"])
        length = min(length, total - offset)
        if offset >= 0 and length > 0:
            found.append({**value, "offset": offset, "length": length})
    return found


def with_detected(text: str, entities: list[Entity]) -> list[Entity]:
    """Add the links, mentions, hashtags and commands that Telegram makes tappable by itself; sort as it sorts."""
    taken = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in _OWNED]
    found = _outside_code(entities)
    for kind, pattern in _DETECTED.items():
        for match in pattern.finditer(text):
            start = units(text[: match.start()])
            end = start + units(match.group())
            if all(end <= left or start >= right for left, right in taken):
                taken.append((start, end))
                found.append({"type": kind, "offset": start, "length": end - start})
    return sorted(found, key=lambda e: (e["offset"], -e["length"]))


def _outside_code(entities: list[Entity]) -> list[Entity]:
    """Nothing else can be formatted inside code: the parts of other entities that lie there go."""
    code = [(e["offset"], e["offset"] + e["length"]) for e in entities if e["type"] in _PLAIN_ONLY]
    kept = []
    for entity in entities:
        parts = [(entity["offset"], entity["offset"] + entity["length"])]
        if entity["type"] not in _PLAIN_ONLY:
            for left, right in code:
                parts = [p for s, e in parts for p in ((s, min(e, left)), (max(s, right), e)) if p[1] > p[0]]
        kept += [{**entity, "offset": start, "length": end - start} for start, end in parts]
    return kept
