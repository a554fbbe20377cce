"""Runs that are due in a workspace."""

from collections.abc import Mapping
from uuid import UUID

from runners.engine import due as engine


def due(workspace_id: UUID, user_id: UUID, run_id: UUID, told: Mapping[str, str] | None = None) -> None:
    """Carries out what is due there: this run, if it is told of and nobody else was there, or whichever is older."""
    engine.carry_out(workspace_id, user_id, run_id, told)
