"""Runs that are due in a workspace."""

from uuid import UUID

from runners.engine import due as engine


def due(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    """Carries out what is due there, this run or whichever is older."""
    engine.carry_out(workspace_id, user_id, run_id)
