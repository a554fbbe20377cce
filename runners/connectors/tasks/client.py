"""The own task list: an approved task is a row, written in the transaction that records that it was done."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from core.connectors.operations import TaskCreate, TaskDelete
from core.connectors.ports import EffectFailed, Receipt
from core.connectors.tasks import Task
from core.kernel.ids import new_id
from runners.connectors.approved import approved, unknown_operation


class TaskList:
    """`work` is a unit of work with `tasks`."""

    def perform(self, work: Any, operation: str, key: str, input: Mapping[str, Any], owner_id: UUID) -> Receipt:
        """See LocalConnector.perform."""
        if operation == "task.delete":
            return self._remove(work, approved(TaskDelete, input))
        if operation != "task.create":
            raise unknown_operation(operation)
        wanted = approved(TaskCreate, input)
        made = work.tasks.made_by(key)
        if made is None:
            made = Task(
                id=new_id(),
                workspace_id=work.workspace_id,
                owner_id=owner_id,
                title=wanted.title,
                notes=wanted.notes,
                due=wanted.due,
                amount=wanted.amount,
                payee=wanted.payee,
                reference=wanted.reference,
                made_by=key,
                created_at=work.now,
            )
            work.tasks.add(made)
        return Receipt(str(made.id), {"title": made.title})

    def _remove(self, work: Any, wanted: TaskDelete) -> Receipt:
        """One that is gone already is removed; one that another action made is not ours to remove."""
        task = work.tasks.made_by(wanted.made_by)
        if task is not None and str(task.id) != wanted.task_id:
            raise EffectFailed("connectors.task_not_ours", lasting=True, title=wanted.title)
        if task is not None:
            work.tasks.remove(task)
        return Receipt(wanted.task_id, {"title": wanted.title})


LOCAL = TaskList()
