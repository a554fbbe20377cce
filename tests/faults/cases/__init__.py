"""The ways to break it, by area. Importing this package lists them all."""

from tests.faults.cases import broker, connectors, database, disk, runs, schedules, slack, telegram, workers

__all__ = ["broker", "connectors", "database", "disk", "runs", "schedules", "slack", "telegram", "workers"]
