"""What a request may hold, read without trust."""

from typing import Any
from uuid import UUID


def uuid_or_none(given: Any) -> UUID | None:
    """The id, or None for anything else."""
    try:
        return UUID(str(given or ""))
    except ValueError:
        return None
