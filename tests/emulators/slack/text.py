"""Text as Slack keeps it: three characters escaped, references in angle brackets."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .team import Team

_TYPED = re.compile(r"(?P<url>https?://[^\s<>|]+)|(?<!\w)@(?P<user>[\w.-]+)|(?<!\w)#(?P<channel>[\w-]+)")
_KEPT = re.compile(
    r"<(?:[@#!][^<>|\s]+(?:\|[^<>]*)?|(?:https?|mailto|tel|slack):[^<>|\s]+(?:\|[^<>]*)?)>|&(?:amp|lt|gt);"
)


def escape(text: str) -> str:
    """`&`, `<` and `>` as entities: all that Slack asks for."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescape(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(team: Team, text: str) -> str:
    """What a person wrote in the message field: escaped, with names and addresses turned into references."""
    escaped = escape(text)

    def reference(found: re.Match[str]) -> str:
        if url := found["url"]:
            return f"<{url}>"
        if name := found["user"]:
            member = next((one for one in team.members if name in (one.name, one.display_name)), None)
            return f"<@{member.id}>" if member else found[0]
        channel = next((one for one in team.channels if one.name == found["channel"]), None)
        return f"<#{channel.id}|{channel.name}>" if channel else found[0]

    return _TYPED.sub(reference, escaped)


def posted(text: str) -> str:
    """An app's text as it is stored: references and entities stay, any other special character is escaped."""
    kept: list[str] = []
    at = 0
    for found in _KEPT.finditer(text):
        kept += [escape(text[at : found.start()]), found[0]]
        at = found.end()
    return "".join([*kept, escape(text[at:])])


def references(text: str) -> list[str]:
    """What is live in a text, without its angle brackets: `@U…`, `#C…`, `!channel`, addresses."""
    return re.findall(r"<([@#!][^<>|\s]+|[a-z]+:[^<>|\s]+)(?:\|[^<>]*)?>", text)


def mentions(text: str) -> list[str]:
    """Ids of the users that a text mentions."""
    return re.findall(r"<@([UW][A-Z0-9]+)(?:\|[^>]*)?>", text)
