"""Telegram's HTML: a handful of tags become entities, everything else is refused with the byte where it stands."""

from __future__ import annotations

import re
from typing import NamedTuple

from .refusals import Refused, bad_request, not_emulated
from .text import Entity, units

_STYLES = {
    "b": "bold", "strong": "bold", "i": "italic", "em": "italic", "u": "underline", "ins": "underline",
    "s": "strikethrough", "strike": "strikethrough", "del": "strikethrough", "tg-spoiler": "spoiler", "span": "spoiler",
    "code": "code", "pre": "pre", "a": "text_link", "blockquote": "blockquote", "tg-emoji": "custom_emoji",
}  # fmt: skip
_NAMED = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_CHARACTER = re.compile(r"&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|(lt|gt|amp|quot)(?![A-Za-z]));?")
_ATTRIBUTE = re.compile(r"\s*([^\s=>/\"']*)\s*(=?)\s*")
_VALUE = re.compile(r"\"([^\"]*)\"?|'([^']*)'?|([A-Za-z0-9.-]*)")
_LINK = re.compile(r"(?:(https?|tg|ton|tonsite)://(?=\S)|(?=[^\s/?#]+\.))([^\s/?#]*)(\S*)")
_USER_LINK = re.compile(r"tg://user\?id=(\d+)")


class _Open(NamedTuple):
    tag: str
    argument: str
    offset: int
    start: int


def parse_html(source: str) -> tuple[str, list[Entity]]:
    """Text and entities of `source`; Refused with Telegram's words for what it does not understand."""
    return _Parser(source).run()


def _cannot(reason: str) -> Refused:
    return bad_request(f"can't parse entities: {reason}")


def _character(match: re.Match[str]) -> str:
    hexadecimal, decimal, name = match.groups()
    if name:
        return _NAMED[name]
    code = int(hexadecimal, 16) if hexadecimal else int(decimal)
    return chr(code) if 0 < code < 0x10FFFF else match.group()


def _checked_link(address: str) -> str:
    """The address as Telegram writes it, with a scheme and a path; empty when it is none."""
    match = _LINK.fullmatch(address)
    if match is None:
        return ""
    scheme, host, rest = match.groups()
    if scheme in {None, "http", "https"} and not rest.startswith("/"):
        rest = f"/{rest}"
    return f"{scheme or 'http'}://{host}{rest}"


class _Parser:
    def __init__(self, source: str) -> None:
        self.source = source
        self.at = 0
        self.text: list[str] = []
        self.offset = 0
        self.opened: list[_Open] = []
        self.entities: list[Entity] = []

    def run(self) -> tuple[str, list[Entity]]:
        while self.at < len(self.source):
            next_tag = self.source.find("<", self.at)
            plain = self.source[self.at : next_tag if next_tag >= 0 else None]
            if plain:
                self._say(_CHARACTER.sub(_character, plain))
            if next_tag < 0:
                break
            self.at = next_tag
            if self.source.startswith("</", next_tag):
                self._close()
            else:
                self._open()
        if self.opened:
            raise _cannot(f'Can\'t find end tag corresponding to start tag "{self.opened[-1].tag}"')
        text = "".join(self.text)
        if any(0xD800 <= ord(c) <= 0xDFFF for c in text):
            raise _cannot(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            )
        for entity in self.entities:
            if entity["type"] == "code":
                entity.pop("language", None)
        return text, sorted(self.entities, key=lambda e: (e["offset"], -e["length"]))

    def _say(self, plain: str) -> None:
        self.text.append(plain)
        self.offset += units(plain)

    def _byte(self, position: int) -> int:
        return len(self.source[:position].encode())

    def _word(self, start: int) -> tuple[str, int]:
        end = start
        while end < len(self.source) and self.source[end] != ">" and not self.source[end].isspace():
            end += 1
        return self.source[start:end].lower(), end

    def _open(self) -> None:
        begin = self._byte(self.at)
        tag, at = self._word(self.at + 1)
        if at >= len(self.source):
            raise _cannot(f"Unclosed start tag at byte offset {begin}")
        if tag == "tg-time":
            raise not_emulated("the tag tg-time")
        if tag not in _STYLES:
            raise _cannot(f'Unsupported start tag "{tag}" at byte offset {begin}')
        argument, self.at = self._attributes(tag, at, begin)
        if tag == "span" and argument != "tg-spoiler":
            raise _cannot(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        self.opened.append(_Open(tag, argument, self.offset, len(self.text)))

    def _attributes(self, tag: str, at: int, begin: int) -> tuple[str, int]:
        """The one attribute that matters for `tag`, and the position after its `>`."""
        source, argument = self.source, ""
        while True:
            at += len(source[at:]) - len(source[at:].lstrip())
            if source.startswith(">", at):
                return argument, at + 1
            match = _ATTRIBUTE.match(source, at)
            assert match is not None
            name, has_value = match.groups()
            if not name:
                raise _cannot(f'Empty attribute name in the tag "{tag}" at byte offset {begin}')
            at = match.end()
            value = ""
            if has_value and at < len(source):
                literal = _VALUE.match(source, at)
                assert literal is not None
                at = literal.end()
                quoted = literal.group(1) if literal.group(1) is not None else literal.group(2)
                if quoted is not None:
                    value = _CHARACTER.sub(_character, quoted)
                else:
                    value = literal.group(3).lower()
                    if at < len(source) and source[at] != ">" and not source[at].isspace():
                        raise _cannot(f"Unexpected end of name token at byte offset {self._byte(literal.start())}")
                if at >= len(source):
                    raise _cannot(f"Unclosed start tag at byte offset {begin}")
            elif at >= len(source):
                raise _cannot(f'Unclosed start tag "{tag}" at byte offset {begin}')
            argument = self._meaning(tag, name, value) or argument

    @staticmethod
    def _meaning(tag: str, name: str, value: str) -> str:
        if (tag, name) in {("a", "href"), ("tg-emoji", "emoji-id"), ("span", "class")}:
            return value
        if (tag, name) == ("code", "class") and value.startswith("language-"):
            return value.removeprefix("language-")
        return "expandable" if (tag, name) == ("blockquote", "expandable") else ""

    def _close(self) -> None:
        begin = self._byte(self.at)
        if not self.opened:
            raise _cannot(f"Unexpected end tag at byte offset {begin}")
        tag, at = self._word(self.at + 2)
        while at < len(self.source) and self.source[at].isspace():
            at += 1
        if not self.source.startswith(">", at):
            raise _cannot(f"Unclosed end tag at byte offset {begin}")
        opened = self.opened.pop()
        if tag and tag != opened.tag:
            raise _cannot(f'Unmatched end tag at byte offset {begin}, expected "</{opened.tag}>", found "</{tag}>"')
        self.at = at + 1
        if self.offset > opened.offset:
            self._add(opened)

    def _add(self, opened: _Open) -> None:
        entity: Entity = {"type": _STYLES[opened.tag], "offset": opened.offset, "length": self.offset - opened.offset}
        if opened.tag == "a":
            address = opened.argument or "".join(self.text[opened.start :])
            person = _USER_LINK.match(address)
            if person:
                entity.update(type="text_mention", user={"id": int(person.group(1))})
            elif link := _checked_link(address):
                entity["url"] = link
            else:
                return
        elif opened.tag == "blockquote" and opened.argument:
            entity["type"] = "expandable_blockquote"
        elif opened.tag == "tg-emoji":
            if not opened.argument.isdigit() or int(opened.argument) == 0:
                raise _cannot("Invalid custom emoji identifier specified")
            entity["custom_emoji_id"] = opened.argument
        elif opened.tag in {"code", "pre"} and self._joins(opened, entity):
            return
        self.entities.append(entity)

    def _joins(self, opened: _Open, entity: Entity) -> bool:
        """`<pre><code class=…>` is one block of code with a language, not two entities."""
        inner = self.entities[-1] if self.entities else {}
        same = (inner.get("offset"), inner.get("length")) == (entity["offset"], entity["length"])
        if opened.tag == "pre" and same and inner.get("type") == "code" and inner.get("language"):
            inner["type"] = "pre"
            return True
        if opened.tag == "code" and opened.argument:
            if same and inner.get("type") == "pre":
                inner["language"] = opened.argument
                return True
            entity["language"] = opened.argument
        return False
