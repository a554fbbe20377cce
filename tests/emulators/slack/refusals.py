"""What the platform says no with: its word, and the fields that go with some of them."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A call that is answered with `ok: false`. Slack does so with status 200, save for 429 and its own failures."""

    def __init__(self, error: str, *, status: int = 200, retry_after: int | None = None, **extra: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.retry_after = retry_after
        self.extra = extra

    def as_json(self) -> dict[str, Any]:
        return {"ok": False, "error": self.error, **self.extra}


def ratelimited(retry_after: int) -> Refused:
    return Refused("ratelimited", status=429, retry_after=retry_after)


def invalid_arguments(*problems: str) -> Refused:
    """Problems in the words that Slack uses, each with its JSON pointer where there is one."""
    return Refused("invalid_arguments", response_metadata={"messages": [f"[ERROR] {one}" for one in problems]})


def missing_argument(name: str) -> Refused:
    return invalid_arguments(f"missing required field: {name}")


def invalid_blocks(problems: list[str]) -> Refused:
    messages = [f"[ERROR] {one}" for one in problems]
    return Refused("invalid_blocks", errors=problems, response_metadata={"messages": messages})


def missing_scope(needed: str, provided: list[str]) -> Refused:
    return Refused("missing_scope", needed=needed, provided=",".join(provided))


def not_emulated(what: str) -> Refused:
    """Honest about the edge of the emulation; the real platform would have done something here."""
    return Refused("not_emulated", status=501, detail=what)
