"""Links that open the bot with a parameter (core.telegram.org/bots/features, "Deep linking")."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, urlsplit

PAYLOAD = re.compile(r"[A-Za-z0-9_-]{0,64}")


def deep_link(link: str, username: str) -> tuple[str, str]:
    """`start` or `startgroup`, and the parameter. AssertionError for an address that a client would not take for such a link."""
    parts = urlsplit(link)
    if parts.scheme == "tg":
        given = dict(parse_qsl(parts.query))
        name = given.pop("domain", "")
    else:
        assert parts.scheme == "https" and parts.hostname in ("t.me", "telegram.me"), f"{link!r} opens no bot"
        name, given = parts.path.strip("/"), dict(parse_qsl(parts.query, keep_blank_values=True))
    assert name.lower() == username.lower(), f"{link!r} opens {name!r}, not {username!r}"
    kind = "startgroup" if "startgroup" in given else "start"
    payload = given.get(kind, "")
    assert PAYLOAD.fullmatch(payload), f"{payload!r} is no parameter of a deep link"
    return kind, payload
