"""One tree of errors. An error carries a code and data, never a sentence: doors put it into words."""

from typing import Any


class Failure(Exception):
    """Something that the caller can be told. `code` is `context.noun_problem`, `data` fills the sentence's gaps."""

    def __init__(self, code: str, /, **data: Any) -> None:
        super().__init__(code, data)
        self.code = code
        self.data = data

    def __str__(self) -> str:
        return self.code


class Invalid(Failure):
    """The input breaks a rule that the caller can mend."""


class NotFound(Failure):
    """No such thing in this workspace. Another workspace's id answers the same."""


class Forbidden(Failure):
    """The actor is known, but may not do this."""


class Unauthenticated(Failure):
    """Nobody proved who speaks."""


class Conflict(Failure):
    """The world moved on: a stale revision or version, or a decision that was already made."""


class LimitReached(Failure):
    """A limit of the workspace's tier or of a rate is used up."""


class Unavailable(Failure):
    """Something outside does not answer now; trying later may help."""
