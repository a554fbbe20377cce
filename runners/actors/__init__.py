"""What a bell wakes: ids in, and what is told about the row, one piece of work, nothing returned. A message has no authority; the row decides."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import dramatiq
from dramatiq import Broker

from runners.actors import connections, executions, rewrites, runs, triggers

BELLS: dict[str, Callable[..., None]] = {
    "runs.due": runs.due,
    "runs.rewrite": rewrites.due,
    "executions.due": executions.due,
    "executions.lookup": executions.lookup,
    "connections.check": connections.check,
    "triggers.matched": triggers.matched,
    "triggers.watch": triggers.watch,
}


FINISHED = {"executions"}
"""Queues whose work is never interrupted: an effect takes seconds, and one that is broken off midway has to be looked up."""


def declare(broker: Broker, queue: str) -> Broker:
    """Makes the bells of `queue` (the part before the dot) actors of `broker`, and gives it back."""
    for bell, work in BELLS.items():
        if bell.partition(".")[0] != queue:
            continue
        actor = dramatiq.actor(actor_name=bell, queue_name=queue, broker=broker, notify_shutdown=queue not in FINISHED)
        actor(_hearing(work))
    return broker


def _hearing(work: Callable[..., None]) -> Callable[..., None]:
    def hear(workspace_id: str, user_id: str, id: str, **told: Any) -> None:
        work(UUID(workspace_id), UUID(user_id), UUID(id), **told)

    return hear
