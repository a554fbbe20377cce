"""Writes the bytes of a mail: charsets and transfer encodings exactly as its source asks, because readers must cope with all of them."""

import base64
import hashlib
import quopri
import re
import textwrap
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from core.catalog.samples.pdf import page

_ENCODED_WORD = re.compile(r"=\?([\w-]+)\?([BQ])\?\{(.*?)\}\?=")
_PLAIN_IN_WORD = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!*+-/")
_WORD_LIMIT = 75  # RFC 2047, section 2
_LINE_LIMIT = 76


class Part(BaseModel):
    """One MIME entity: a multipart with `parts`, a text with `text`, or a one-page PDF with the lines of `pdf`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    type: str
    charset: str | None = None
    encoding: Literal["7bit", "8bit", "quoted-printable", "base64"] = "7bit"
    filename: str | None = None
    disposition: Literal["inline", "attachment"] | None = None
    text: str = ""
    pdf: tuple[str, ...] = ()
    parts: tuple["Part", ...] = ()


def header(name: str, value: str) -> str:
    """A folded header. `=?utf-8?B?{clear words}?=` becomes RFC 2047 encoded words; anything else has to be ASCII (ValueError)."""
    value = _ENCODED_WORD.sub(
        lambda match: " ".join(_encoded_words(match[3], match[1], match[2])), " ".join(value.split())
    )
    if not value.isascii():
        raise ValueError(f"header {name} has characters that need an encoded word: {value!r}")
    lines = [f"{name}:"]
    for token in value.split(" "):
        if len(lines[-1]) + 1 + len(token) > _LINE_LIMIT and lines[-1].strip() and lines[-1] != f"{name}:":
            lines.append("")
        lines[-1] += f" {token}"
    return "\n".join(lines)


def entity(part: Part, seed: str) -> bytes:
    """The headers, the empty line and the body of a part, lines ending in LF. `seed` makes its boundaries: equal seeds, equal bytes."""
    parameters = f'; charset="{part.charset}"' if part.charset else ""
    if part.parts:
        boundary = "=_" + hashlib.sha256(seed.encode()).hexdigest()[:20]
        inner = [entity(child, f"{seed}.{index}") for index, child in enumerate(part.parts)]
        body = b"".join(b"--%s\n%s\n" % (boundary.encode(), each) for each in inner) + b"--%s--\n" % boundary.encode()
        return _head([header("Content-Type", f'{part.type}; boundary="{boundary}"')]) + body
    if part.filename and part.disposition != "attachment":
        parameters += f'; name="{part.filename}"'
    lines = [header("Content-Type", part.type + parameters), header("Content-Transfer-Encoding", part.encoding)]
    if part.disposition:
        lines.append(
            header("Content-Disposition", part.disposition + (f"; {_filename(part.filename)}" if part.filename else ""))
        )
    return _head(lines) + _transfer(_content(part), part)


def _head(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n\n").encode("ascii")


def _filename(name: str) -> str:
    if name.isascii():
        return f'filename="{name}"'
    escaped = "".join(
        chr(octet) if octet in _PLAIN_IN_WORD or octet == 0x2E else f"%{octet:02X}" for octet in name.encode()
    )
    return f"filename*=UTF-8''{escaped}"  # RFC 2231


def _content(part: Part) -> bytes:
    if part.pdf:
        return page(part.pdf)
    text = part.text
    if "format=flowed" in part.type:
        text = "\n".join(_flowed(line) for line in text.split("\n"))
    if part.type.startswith(("text/calendar", "application/ics")):
        # RFC 5545 lines end in CRLF; a transfer encoding that is applied to bytes has to keep that.
        lines = [_folded_content_line(line) for line in text.strip().split("\n")]
        text = ("\r\n" if part.encoding == "base64" else "\n").join([*lines, ""])
    elif part.type.startswith("text/") and part.encoding == "base64":
        text = text.replace("\n", "\r\n")
    return text.encode(part.charset or "ascii")


def _transfer(content: bytes, part: Part) -> bytes:
    if part.encoding == "base64":
        return base64.encodebytes(content)
    if part.encoding == "quoted-printable":
        return quopri.encodestring(content)
    if part.encoding == "7bit" and any(octet > 127 for octet in content):
        raise ValueError(f"{part.type} has 8-bit characters but says 7bit")
    return content


def _flowed(line: str) -> str:
    """RFC 3676: soft breaks end in a space; quoted lines keep their depth on every line."""
    quote = re.match(r">*", line)
    marks = quote[0] if quote else ""
    prefix = marks + " " if marks else ""
    pieces = textwrap.wrap(line[len(marks) :].strip(), 72 - len(prefix), break_long_words=False, break_on_hyphens=False)
    return " \n".join(prefix + piece for piece in pieces) if pieces else marks


def _folded_content_line(line: str) -> str:
    """RFC 5545, 3.1: at most 75 octets a line, continued by a space, never inside a character."""
    folded, room = "", 75
    for character in line:
        size = len(character.encode())
        if size > room:
            folded, room = folded + "\n ", 74
        folded, room = folded + character, room - size
    return folded


def _encoded_words(text: str, charset: str, form: str) -> list[str]:
    words: list[str] = []
    pending = ""
    for character in text:
        if len(_encoded_word(pending + character, charset, form)) > _WORD_LIMIT:
            words.append(_encoded_word(pending, charset, form))
            pending = ""
        pending += character
    return [*words, _encoded_word(pending, charset, form)]


def _encoded_word(text: str, charset: str, form: str) -> str:
    content = text.encode(charset)
    if form == "B":
        return f"=?{charset}?B?{base64.b64encode(content).decode()}?="
    quoted = "".join(
        "_" if octet == 32 else chr(octet) if octet in _PLAIN_IN_WORD else f"={octet:02X}" for octet in content
    )
    return f"=?{charset}?Q?{quoted}?="
