"""Every table, with its constraints, indexes and row-level rules, by context."""

from storage.tables import (
    answered,
    approvals,
    billing,
    catalog,
    connectors,
    identity,
    messaging,
    orchestration,
    preferences,
    privacy,
    workflows,
)
from storage.tables.access import declared
from storage.tables.base import SCHEMA, metadata

__all__ = [
    "SCHEMA",
    "answered",
    "approvals",
    "billing",
    "catalog",
    "connectors",
    "declared",
    "identity",
    "messaging",
    "metadata",
    "orchestration",
    "preferences",
    "privacy",
    "workflows",
]
