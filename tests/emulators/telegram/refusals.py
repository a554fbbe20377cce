"""What the server says no with: Telegram's code, its sentence and the parameters that go with some of them."""

from __future__ import annotations

from typing import Any


class Refused(Exception):
    """A request that the Bot API answers with `ok: false`."""

    def __init__(self, status: int, description: str, parameters: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {description}")
        self.status = status
        self.description = description
        self.parameters = parameters

    def as_json(self) -> dict[str, Any]:
        body: dict[str, Any] = {"ok": False, "error_code": self.status, "description": self.description}
        if self.parameters:
            body["parameters"] = self.parameters
        return body


def bad_request(reason: str, parameters: dict[str, Any] | None = None) -> Refused:
    return Refused(400, f"Bad Request: {reason}", parameters)


def forbidden(reason: str) -> Refused:
    return Refused(403, f"Forbidden: {reason}")


def too_many_requests(retry_after: int) -> Refused:
    return Refused(429, f"Too Many Requests: retry after {retry_after}", {"retry_after": retry_after})


def not_emulated(what: str) -> Refused:
    """Honest about the edge of the emulation; the real server would have done something here."""
    return Refused(501, f"Not emulated: {what}")
