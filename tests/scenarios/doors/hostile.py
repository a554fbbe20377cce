"""What strangers write to harm, and what may be left of it where a person looks."""

import os
import unicodedata

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("NOD_HOSTILE", "0"))
"""Examples of each property and door, other ones each time; unset, a few that are always the same, for the suite."""
THOROUGH = settings(
    max_examples=EXAMPLES or 6, derandomize=not EXAMPLES, deadline=None, database=None,
    # Each door is one example after another at the same door; making a failing one smaller would wait for ever so many messages that do not come.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], phases=[Phase.explicit, Phase.generate],
)  # fmt: skip
MARKUP = (
    "<b>bold</b>", "<a href='https://evil.example/x'>your bank</a>", "<script>alert(1)</script>", "</blockquote></b>", "&lt;b&gt; &amp;amp; &#60;", "<tg-spoiler>",
    "[your bank](https://evil.example)", "*bold* _it_ ~gone~ `code`", "```\npre\n```", "> quote", "<https://evil.example|your bank>", "<mailto:a@evil.example|me>",
    "{seconds} {n} %s ${7*7} {{7*7}}", "\\n\\u202e", "'\"><img src=x onerror=alert(1)>",
)  # fmt: skip
PRESSABLE = (
    "/stop", "/approve_1", "/start@nod_test_bot", "@somebody", "@channel", "<!channel>", "<!here|here>", "<@U01000001P>", "<#C01000001C|general>", "<!subteam^S1>", "#tag",
    "$USD", ":tada:", "https://evil.example/a?b=c", "evil.example.com", "tg://user?id=7000000001", "http://127.0.0.1:8080/x", "www.evil.org", "1.2.3.4", "mail me: me@evil.org",
)  # fmt: skip
INVISIBLE = (
    "\u202egnp.exe\u202c", "\u2066abc\u2069", "\u200fabc\u200e", "\u061c", "\u200b\u200b", "\ufeff", "a\u200db", "\u2060/stop", "\u00ad", "\u180e", "\u3164", "\u034f",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324\u031e\u0349\u035a\u032f", "\x00", "\x1b[31m", "\x07", "\r\n", "\u2028", "\ue000", "\ufffe",
    "\U000e0041\U000e007f", "👨‍👩‍👧‍👦", "🏳️‍🌈", "שלום", "مرحبا", "한국어",
)  # fmt: skip
LONG = (
    "word " * 900,
    "😀" * 2100,
    "&" * 4090,
    "<" * 1500,
    "x" * 5000,
    "a-" * 3000,
    "a." * 2000,
    "\n" * 300,
    "line\n" * 400,
    "é́" * 1500,
)
DIRECTIONS = frozenset("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\ufeff\u00ad")
"""Nothing of this is ever left: characters that turn words around or cannot be seen."""

pieces = st.sampled_from((*MARKUP, *PRESSABLE, *INVISIBLE)) | st.text(max_size=12)
lines = st.lists(pieces, min_size=1, max_size=5).map(" ".join)
"""Short hostile words."""
bodies = st.lists(pieces | st.sampled_from(LONG), min_size=1, max_size=5).map(" ".join)
"""Hostile words of any length."""


def invisible(words: str) -> set[str]:
    """What of a shown text nobody sees and could mislead. What we set apart ourselves (U+2068 … U+2069, as many of each) is no such thing."""
    if words.count("\u2068") == words.count("\u2069"):
        words = words.replace("\u2068", "").replace("\u2069", "")
    return {
        one
        for one in words
        if one in DIRECTIONS or (unicodedata.category(one) in ("Cc", "Cs", "Co") and one not in "\n\t")
    }


def sayable(words: str) -> bool:
    """Whether a platform would send it at all, and it is no command."""
    return any(one.isprintable() and not one.isspace() for one in words) and not words.lstrip().startswith("/")
