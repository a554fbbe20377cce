"""Ids are UUIDv7, made by the application: sortable by time, one kind for rows and events (RFC 9562, section 5.7)."""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["UUID", "earliest_id", "new_id"]


def new_id() -> UUID:
    """A new id, later than every id that this process made before."""
    return uuid7()


def earliest_id(at: datetime) -> UUID:
    """What every UUIDv7 made from `at` on is not less than (RFC 9562, section 5.7)."""
    return UUID(int=int(at.timestamp() * 1000) << 80)
