"""Runs that are due."""

from uuid import UUID

from runners.engine import run


def due(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    """Carries out the run if nobody else has it."""
    run.carry_out(workspace_id, user_id, run_id)
