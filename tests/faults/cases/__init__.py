"""The ways to break it, by area. Importing this package lists them all."""

from tests.faults.cases import (
    boxes,
    broker,
    connectors,
    database,
    disk,
    rolling,
    runs,
    schedules,
    slack,
    telegram,
    upgrades,
    workers,
)

__all__ = [
    "boxes",
    "broker",
    "connectors",
    "database",
    "disk",
    "rolling",
    "runs",
    "schedules",
    "slack",
    "telegram",
    "upgrades",
    "workers",
]
