"""Starting packs and workflows by a tap, once however often it is tapped; and the list of what they did."""

from typing import Any
from uuid import UUID

from bots.kit.dialog import Chat, Reply
from core.orchestration.models import Run
from core.workflows.flows import start_workflow
from core.workflows.packs import start_pack

AT_WORK = ("running", "queued", "waiting")
MOST = 60


def begin(chat: Chat, input: dict[str, Any], *, pack_id: UUID | None = None, workflow_id: UUID | None = None) -> Reply:
    """Starts it, and puts its card there; while a run is under way, that one is shown and nothing is started."""
    going = _under_way(chat, bool(input.get("dry_run")), pack_id, workflow_id)
    if going is not None:
        return Reply(subject=("run", going.id), toast=chat.say("agent.running_already"))
    if pack_id is not None:
        run = start_pack(chat.work, chat.actor, pack_id, "chat", input)
    else:
        assert workflow_id is not None
        run = start_workflow(chat.work, chat.actor, workflow_id, "chat", input)
    return Reply(subject=("run", run.id), toast=chat.say("agent.started"))


def runs_of(chat: Chat, *, pack_id: UUID | None = None, workflow_id: UUID | None = None) -> list[Run]:
    """Their runs, newest first."""
    page = chat.work.workflow_executions.page(None, MOST, pack_id=pack_id, workflow_id=workflow_id)
    return chat.work.runs.some([execution.run_id for execution in page])


def _under_way(chat: Chat, dry: bool, pack_id: UUID | None, workflow_id: UUID | None) -> Run | None:
    for status in AT_WORK:
        page = chat.work.workflow_executions.page(None, 5, pack_id=pack_id, workflow_id=workflow_id, status=status)
        for run in chat.work.runs.some([execution.run_id for execution in page]):
            if run.dry == dry and run.parent_run_id is None:
                return run
    return None
