"""Links that open one thing in a chat (`https://t.me/<bot>?start=…`): what they carry. They prove nothing: whoever opens one is shown what is theirs."""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any, Literal
from uuid import UUID

Kind = Literal["suggestion", "run", "pack"]
_LETTERS: dict[Kind, str] = {"suggestion": "s", "run": "r", "pack": "p"}
_KINDS: dict[str, Kind] = {letter: kind for kind, letter in _LETTERS.items()}
_CARRIED = re.compile(f"([{''.join(_KINDS)}])-([A-Za-z0-9_-]{{22}})")
BASE = "opens"
"""In `extra` of an input: the address before what is carried, where the door has such links."""


def carried(kind: Kind, id: UUID) -> str:
    """24 letters, of those that Telegram takes as a start parameter (core.telegram.org/bots/features#deep-linking)."""
    return f"{_LETTERS[kind]}-{urlsafe_b64encode(id.bytes).rstrip(b'=').decode()}"


def opened(payload: str) -> tuple[Kind, UUID] | None:
    """What a link is to; None for anything else."""
    found = _CARRIED.fullmatch(payload.strip())
    return None if found is None else (_KINDS[found[1]], UUID(bytes=urlsafe_b64decode(found[2] + "==")))


def address(extra: Mapping[str, Any], kind: Kind, id: UUID) -> str | None:
    """The whole link, where the door has one."""
    base = extra.get(BASE)
    return f"{base}{carried(kind, id)}" if isinstance(base, str) else None
