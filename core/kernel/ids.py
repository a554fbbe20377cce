"""Ids are UUIDv7, made by the application: sortable by time, one kind for rows and events (RFC 9562, section 5.7)."""

from uuid import UUID

from uuid_utils.compat import uuid7

__all__ = ["UUID", "new_id"]


def new_id() -> UUID:
    """A new id, later than every id that this process made before."""
    return uuid7()
