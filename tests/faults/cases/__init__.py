"""The ways to break it, by area. Importing this package lists them all."""

from tests.faults.cases import (
    boxes,
    broker,
    connectors,
    database,
    decisions,
    disk,
    rolling,
    runs,
    schedules,
    slack,
    telegram,
    upgrades,
    web,
    workers,
)

__all__ = [
    "boxes",
    "broker",
    "connectors",
    "database",
    "decisions",
    "disk",
    "rolling",
    "runs",
    "schedules",
    "slack",
    "telegram",
    "upgrades",
    "web",
    "workers",
]
