"""Slack's two kinds of markup as HTML: mrkdwn, and the Markdown of markdown blocks; neither lets HTML through."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

from tests.emulators.slack.team import Team
from tests.emulators.slack.text import unescape

_REFERENCE = re.compile(r"<([^<>|]+)(?:\|([^<>]*))?>")
_CODE = re.compile(r"```(.*?)```|`([^`\n]+)`", re.DOTALL)
_STYLES = (("*", "strong"), ("_", "em"), ("~", "s"))


def plain(text: str) -> str:
    return html.escape(unescape(text)).replace("\n", "<br>")


def mrkdwn(team: Team, text: str) -> str:
    """*bold*, _italic_, ~struck~, `code`, > quotes, lists as they are typed, references as links and names."""
    return _outside_code(text, lambda part: _quotes(_styled(_references(team, part))))


def markdown(text: str) -> str:
    """The little of Markdown that apps stream: headings, bold, italic, code, links, quotes."""

    def render(part: str) -> str:
        safe = html.escape(unescape(part), quote=False)
        safe = re.sub(r"\[([^\]]+)\]\((https?://[^\s)\"'<>]+)\)", r'<a href="\2">\1</a>', safe)
        safe = re.sub(r"\*\*(.+?)\*\*", r"<strong>\1</strong>", safe)
        safe = re.sub(r"(?<![\w*])[*_]([^*_\n]+)[*_](?![\w*])", r"<em>\1</em>", safe)
        safe = re.sub(r"^#{1,6} (.+)(?:\n|$)", r"<strong class=h>\1</strong>", safe, flags=re.MULTILINE)
        return _quotes(safe)

    return _outside_code(text, render)


def _outside_code(text: str, render: Callable[[str], str]) -> str:
    parts: list[str] = []
    at = 0
    for found in _CODE.finditer(text):
        parts.append(render(text[at : found.start()]))
        if found[1] is not None:
            parts.append(f"<pre>{html.escape(unescape(found[1].strip()))}</pre>")
        else:
            parts.append(f"<code>{html.escape(unescape(found[2]))}</code>")
        at = found.end()
    return "".join([*parts, render(text[at:])])


def _references(team: Team, text: str) -> str:
    """Entities stay entities; what stands in angle brackets becomes a link or a name."""
    parts: list[str] = []
    at = 0
    for found in _REFERENCE.finditer(text):
        parts += [_entities(text[at : found.start()]), _reference(team, found[1], found[2])]
        at = found.end()
    return "".join([*parts, _entities(text[at:])])


def _entities(text: str) -> str:
    return html.escape(unescape(text), quote=False)


def _reference(team: Team, target: str, label: str | None) -> str:
    if target.startswith("@"):
        member = team.member(target[1:])
        return f"<span class=mention>@{html.escape(member.display_name if member else label or target[1:])}</span>"
    if target.startswith("#"):
        channel = team.conversation(target[1:])
        return f"<span class=mention>#{html.escape(channel.name if channel else label or target[1:])}</span>"
    if target.startswith("!"):
        name = target[1:].partition("^")[0]
        return f"<span class=mention>{_entities(label or f'@{name}')}</span>"
    # Signs of emphasis in an address are no emphasis.
    address = re.sub(r"[*_~]", lambda sign: f"&#{ord(sign[0])};", html.escape(target))
    return f'<a href="{address}">{_entities(label or target)}</a>'


def _styled(text: str) -> str:
    for mark, tag in _STYLES:
        sign = re.escape(mark)
        text = re.sub(rf"(?<![\w{sign}]){sign}(?=\S)([^{sign}\n]+?)(?<=\S){sign}(?!\w)", rf"<{tag}>\1</{tag}>", text)
    return text


def _quotes(text: str) -> str:
    lines: list[str] = []
    for line in text.split("\n"):
        if line.startswith("&gt;"):
            lines.append(f"<blockquote>{line.removeprefix('&gt;').strip()}</blockquote>")
        else:
            lines.append(f"{line}<br>")
    joined = "".join(lines)
    return joined.removesuffix("<br>")
