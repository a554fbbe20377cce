"""Turns bytes of a named or unnamed charset into text; never fails."""

import codecs
import re
from email.errors import HeaderParseError
from email.header import decode_header

_WIDER = {
    # What senders call Latin-1 or ASCII is read as the superset that is really sent (WHATWG Encoding, section 4.2).
    "ascii": "cp1252",
    "us-ascii": "cp1252",
    "iso-8859-1": "cp1252",
    "iso8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "x-gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "windows-31j": "cp932",
    "iso-2022-jp": "iso2022_jp_ext",
    "cp-850": "cp850",
    "unicode-1-1-utf-7": "utf-7",
    "utf8": "utf-8",
    "unknown-8bit": "utf-8",
}
_ESCAPED_JAPANESE = re.compile(rb"\x1b(?:\$[@B]|\([BJ])")
_WORD = re.compile(r"=\?[^?\s]+\?[bqBQ]\?[^?]*\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(=\?)")


def decoded(content: bytes, charset: str | None = None) -> str:
    """`content` as text: by the named charset where it fits, else UTF-8, else Windows-1252 with replacement characters."""
    name = (charset or "utf-8").strip().strip("\"'").lower()
    tries = [_WIDER.get(name, name)]
    if _ESCAPED_JAPANESE.search(content):
        tries.insert(0, "iso2022_jp_ext")
    if tries[-1] == "cp1252":
        # Mail that says Latin-1 and is valid UTF-8 beyond ASCII practically always is UTF-8.
        tries.insert(0, "utf-8") if _multibyte(content) else None
    for attempt in (*tries, "utf-8"):
        try:
            if codecs.lookup(attempt)._is_text_encoding:  # pyright: ignore[reportAttributeAccessIssue]
                return content.decode(attempt)
        except (LookupError, UnicodeError, ValueError):
            continue
    return content.decode("cp1252", "replace")


def header(value: str) -> str:
    """A raw header value (as the parser keeps it: 8-bit bytes as surrogates) as text, with its encoded words decoded
    (RFC 2047); words that are malformed stay as they are."""
    if any("\udc80" <= char <= "\udcff" for char in value):
        value = decoded(value.encode("utf-8", "surrogateescape"))
    if not _WORD.search(value):
        return value
    try:
        pieces = decode_header(_BETWEEN_WORDS.sub(r"\1 \2", value))
    except (HeaderParseError, ValueError, IndexError):
        return value
    return "".join(decoded(_bytes(piece), charset if isinstance(piece, bytes) else None) for piece, charset in pieces)


def _bytes(piece: str | bytes) -> bytes:
    return piece.encode("utf-8", "surrogatepass") if isinstance(piece, str) else piece


def _multibyte(content: bytes) -> bool:
    try:
        return any(byte > 127 for byte in content) and bool(content.decode("utf-8"))
    except UnicodeDecodeError:
        return False
