"""Approved actions that are due."""

from uuid import UUID

from runners.engine import execution


def due(workspace_id: UUID, user_id: UUID, execution_id: UUID) -> None:
    """Carries out the action if nobody else has it."""
    execution.carry_out(workspace_id, user_id, execution_id)


def lookup(workspace_id: UUID, user_id: UUID, execution_id: UUID) -> None:
    """Looks up what became of an unknown one."""
    execution.look_up(workspace_id, user_id, execution_id)
