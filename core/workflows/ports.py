"""What triggers need of storage."""

from typing import Protocol
from uuid import UUID

from core.kernel.unit_of_work import UnitOfWork
from core.workflows.models import Trigger


class Triggers(Protocol):
    """Trigger rows."""

    def add(self, trigger: Trigger) -> None: ...

    def get(self, trigger_id: UUID) -> Trigger:
        """Raises NotFound `workflows.trigger_unknown`."""
        ...

    def of_agent(self, agent_id: UUID) -> list[Trigger]: ...

    def claim(self, trigger_id: UUID) -> Trigger | None:
        """Locks it for this transaction when it is active and due now; None when another scheduler was first."""
        ...


class TriggersWork(UnitOfWork, Protocol):
    @property
    def triggers(self) -> Triggers: ...
