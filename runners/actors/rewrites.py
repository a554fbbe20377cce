"""Suggestions that people want changed, as they said in words."""

from uuid import UUID

from runners.engine import rewriting


def due(workspace_id: UUID, user_id: UUID, rewrite_id: UUID) -> None:
    """Asks the model, if nobody else does."""
    rewriting.carry_out(workspace_id, user_id, rewrite_id)
