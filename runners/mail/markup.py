"""Reads the HTML of a mail as a person would see it: text with quotes marked, and where its links really go."""

import re
from dataclasses import dataclass
from typing import Any
from warnings import catch_warnings, simplefilter

from runners.mail.clean import cleaned, line

_UNSEEN = frozenset(
    ("script", "style", "head", "title", "template", "noscript", "svg", "object", "iframe", "select", "textarea")
)
_BLOCKS = frozenset(
    [
        "address",
        "article",
        "blockquote",
        "body",
        "br",
        "caption",
        "center",
        "dd",
        "div",
        "dl",
        "dt",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "ol",
        "p",
        "pre",
        "section",
        "table",
        "tbody",
        "tfoot",
        "thead",
        "tr",
        "ul",
    ]
)
_PARAGRAPHS = frozenset(["p", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "table", "ul", "ol", "hr"])
_QUOTED = re.compile(
    r"\b(?:gmail_quote|moz-cite-prefix|yahoo_quoted|protonmail_quote|zmail_extra|OutlookMessageHeader)\b"
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d]*[1-9])|mso-hide\s*:\s*all|max-height\s*:\s*0(?!\.)",
    re.IGNORECASE,
)
_DEEPEST = 400


@dataclass(frozen=True)
class Link:
    """A link: the words that are shown, and the address that it leads to."""

    text: str
    href: str


@dataclass(frozen=True)
class Page:
    """HTML as read: quoted lines start with `>`. `language` is what the markup says, possibly empty."""

    text: str
    links: tuple[Link, ...] = ()
    language: str = ""


def page(html: str) -> Page:
    """`html` as text. Never raises; what a style hides is left out."""
    from bs4 import (
        BeautifulSoup,  # a quarter of a second to import, and most mails have a plain text
    )

    try:
        with catch_warnings():
            simplefilter("ignore")
            soup = BeautifulSoup(html, "html.parser")
        root = soup.find("html")
        reader = _Reader()
        reader.read(soup)
        said = str(root.get("lang") or "") if root else ""  # pyright: ignore[reportAttributeAccessIssue]
        return Page(cleaned(reader.text), tuple(reader.links[:300]), said[:2].lower())
    except (Exception, RecursionError):
        return Page(cleaned(re.sub(r"<[^>]{0,2000}>", " ", html)[:100_000]))


class _Reader:
    """Walks through the tree without recursion, so that no depth of nesting can exhaust the stack."""

    def __init__(self) -> None:
        self.links: list[Link] = []
        self._lines: list[tuple[int, str]] = [(0, "")]

    @property
    def text(self) -> str:
        rows = [(depth, re.sub(r"[ \t]+", " ", row).strip()) for depth, row in self._lines]
        marked = [(">" * min(depth, 9) + " " if depth and row else "") + row for depth, row in rows]
        return re.sub(r"\n{3,}", "\n\n", "\n".join(marked)).strip()

    def read(self, soup: Any) -> None:
        from bs4.element import Comment, NavigableString, Tag

        waiting: list[tuple[Any, int, str]] = [(child, 0, "") for child in reversed(list(soup.children))]
        while waiting:
            node, depth, closing = waiting.pop()
            if closing:
                self._break(depth, closing in _PARAGRAPHS)
            elif isinstance(node, NavigableString):
                if not isinstance(node, Comment) and type(node).__name__ not in (
                    "Doctype",
                    "Declaration",
                    "CData",
                    "ProcessingInstruction",
                ):
                    self._add(str(node), depth)
            elif isinstance(node, Tag) and not self._unseen(node):
                depth = min(depth + self._quotes(node), _DEEPEST)
                if node.name == "a" and node.get("href"):
                    self.links.append(Link(line(node.get_text(" "), 300), line(str(node["href"]), 2000)))
                if node.name in ("td", "th"):
                    self._add(" ", depth)
                if node.name in _BLOCKS:
                    self._break(depth, node.name in _PARAGRAPHS)
                    waiting.append((None, depth - self._quotes(node), node.name))
                waiting.extend((child, depth, "") for child in reversed(list(node.children)))

    def _add(self, words: str, depth: int) -> None:
        words = re.sub(r"\s+", " ", words)
        before, row = self._lines[-1]
        if before != depth and row.strip():
            self._lines.append((depth, words))
        else:
            self._lines[-1] = (depth, row + words)

    def _break(self, depth: int, blank: bool) -> None:
        if self._lines[-1][1].strip():
            self._lines.append((depth, ""))
            if blank:
                self._lines.append((depth, ""))
        elif blank and len(self._lines) > 1 and self._lines[-2][1].strip():
            self._lines.append((depth, ""))

    @staticmethod
    def _unseen(tag: Any) -> bool:
        return tag.name in _UNSEEN or tag.has_attr("hidden") or bool(_HIDDEN.search(str(tag.get("style") or "")))

    @staticmethod
    def _quotes(tag: Any) -> int:
        marks = " ".join(tag.get("class") or ()) if isinstance(tag.get("class"), list) else str(tag.get("class") or "")
        return int(tag.name == "blockquote" or bool(_QUOTED.search(f"{marks} {tag.get('id') or ''}")))
