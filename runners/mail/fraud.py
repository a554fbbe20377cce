"""Looks for the marks of fraud. One strong mark, or two weak ones together, and a mail leads to no suggestion at all."""

import re
import unicodedata
from collections.abc import Sequence
from urllib.parse import urlsplit

from runners.mail.facts import Person
from runners.mail.headers import Verdict
from runners.mail.lexicon import plain, spotter
from runners.mail.markup import Link

_SECOND_LEVEL = frozenset(
    ("co", "com", "net", "org", "gov", "ac", "edu", "or", "ne", "go", "gob", "gouv", "nom", "asso")
)
_ADDRESS = re.compile(r"[\w.+-]+@([\w-]+(?:\.[\w-]+)+)")
_LOOKS_LIKE_HOST = re.compile(r"^(?:https?://)?(?P<host>(?:[\w-]+\.)+[a-z]{2,})(?:[/?#:].*)?$", re.IGNORECASE)
_DANGEROUS = re.compile(r"\.(?:exe|scr|pif|com|bat|cmd|js|jse|vbs|vbe|wsf|hta|lnk|iso|img|jar|ps1|msi)$", re.IGNORECASE)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_GAPS = re.compile("[\u200b\u200c\u2060\ufeff\u00ad]")
_STRONG = frozenset(
    (
        "authentication_failed",
        "pretends_to_be_you",
        "name_shows_other_address",
        "name_hides_characters",
        "domain_looks_like_another",
        "link_to_number",
        "dangerous_attachment",
    )
)
"""Marks of which one is enough."""


def warnings(
    *,
    raw_from: str,
    sender: Person,
    reply_to: Person,
    verdicts: dict[str, Verdict],
    links: Sequence[Link],
    attachments: Sequence[str],
    text: str,
    language: str,
    owner_addresses: Sequence[str],
    through_list: bool,
    answers_without_thread: bool,
) -> list[str]:
    """Codes of the marks that were found; `raw_from` is the decoded but uncleaned sender."""
    domain = _domain(sender.address)
    unvouched = bool(verdicts) and "pass" not in verdicts.values()
    failed = verdicts.get("dmarc") == "fail" or (verdicts.get("spf") == "fail" and verdicts.get("dkim") != "pass")
    failed = failed and not (through_list and verdicts.get("dkim") == "pass")
    shown = _ADDRESS.search(sender.name)
    said = plain(text[:6000])
    marks = {
        "authentication_failed": failed,
        "not_authenticated": unvouched and not failed,
        "pretends_to_be_you": unvouched and sender.address in owner_addresses,
        "name_shows_other_address": shown and _registered(shown[1]) != _registered(domain),
        "name_hides_characters": _BIDI.search(raw_from) or len(_GAPS.findall(raw_from)) > 1,
        "domain_looks_like_another": _is_mixed(domain) or _is_mixed(sender.name),
        "unasked_answer": answers_without_thread,
        "answers_go_elsewhere": not through_list and _registered(_domain(reply_to.address)) != _registered(domain),
        "link_lies": any(_lies(link, domain if verdicts.get("dmarc") == "pass" else "") for link in links),
        "link_to_number": any(_is_number(link.href) for link in links),
        "dangerous_attachment": any(_DANGEROUS.search(name) for name in attachments),
        "presses": spotter(language, "urgency").search(said),
        "lures": spotter(language, "lures").search(said),
    }
    return [code for code, seen in marks.items() if seen]


def is_fraud(found: Sequence[str]) -> bool:
    """The verdict over the marks. Words alone, without a mark in the technique, are never enough."""
    technical = [code for code in found if code not in ("presses", "lures")]
    strong = any(code in _STRONG for code in technical)
    return strong or len(technical) >= 2 or (len(technical) == 1 and "lures" in found)


def _domain(address: str) -> str:
    return address.rpartition("@")[2].lower().rstrip(".")


def _registered(domain: str) -> str:
    """The part of a domain that somebody registers, near enough without the public suffix list."""
    labels = domain.lower().rstrip(".").split(".")
    if len(labels) >= 3 and labels[-2] in _SECOND_LEVEL and len(labels[-1]) <= 3:
        return ".".join(labels[-3:])
    return ".".join(labels[-2:])


def _lies(link: Link, vouched: str) -> bool:
    """Whether the words of a link show one place and it leads to another. The sender's own place may be shown while the link
    counts clicks elsewhere, when the sender is `vouched` for."""
    shown = _LOOKS_LIKE_HOST.match(link.text.strip())
    host = _host(link.href)
    if not shown or not host or _registered(shown["host"]) == _registered(host):
        return False
    return not vouched or _registered(shown["host"]) != _registered(vouched)


def _is_number(href: str) -> bool:
    host = _host(href)
    return bool(re.fullmatch(r"\d{1,3}(?:\.\d{1,3}){3}|\d{8,10}|0x[0-9a-f]+", host)) or (
        "@" in href.partition("://")[2].partition("/")[0]
    )


def _host(href: str) -> str:
    try:
        return (urlsplit(href).hostname or "").lower() if href.lower().startswith(("http://", "https://")) else ""
    except ValueError:
        return ""


def _is_mixed(name: str) -> bool:
    """Whether one word of it mixes Latin with Cyrillic or Greek letters, or hides that by Punycode."""
    for part in re.split(r"[\s.@_]+", name):
        word = _unpunycoded(part) if part.startswith("xn--") else part
        if word is None:
            return True
        scripts = {unicodedata.name(char, "?").split(" ")[0] for char in word if char.isalpha()}
        if "LATIN" in scripts and scripts & {"CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"}:
            return True
    return False


def _unpunycoded(word: str) -> str | None:
    try:
        return word.encode("ascii").decode("idna")
    except UnicodeError:
        return None
