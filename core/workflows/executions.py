"""How far a run of a pack or a workflow is, kept true with every step."""

from collections.abc import Iterable
from typing import Any, Protocol

from core.catalog.graph import Graph
from core.kernel.ids import new_id
from core.orchestration.answer import OVER
from core.orchestration.models import Run, RunStep
from core.workflows.models import WorkflowExecution
from core.workflows.ports import WorkflowsWork

_DONE = frozenset(("succeeded", "failed", "skipped"))


class ExecutionsWork(WorkflowsWork, Protocol):
    """What keeping executions needs."""


def begin_execution(work: ExecutionsWork, run: Run, graph: Graph) -> WorkflowExecution:
    """The execution of a run that was just queued."""
    execution = WorkflowExecution(
        id=new_id(), workspace_id=run.workspace_id, user_id=run.user_id, run_id=run.id, graph=graph, created_at=work.now,
        pack_id=run.pack_id, workflow_id=run.workflow_id, workflow_version_id=run.workflow_version_id,
        status=run.status, current_step=graph.ordered()[0].id,
    )  # fmt: skip
    work.workflow_executions.add(execution)
    return execution


def follow(work: ExecutionsWork, run: Run, steps: Iterable[RunStep]) -> None:
    """Takes over what became of steps, and the run's own state; nothing to do for the run of an agent."""
    if run.pack_id is None and run.workflow_version_id is None:
        return
    execution = work.workflow_executions.of_run(run.id)
    if execution is None:
        return
    kinds = {node.id: node.skill for node in execution.graph.nodes}
    told = {step.node_id: _told(step, kinds[step.node_id]) for step in steps if step.node_id in kinds}
    if told:
        execution.step_results = {**execution.step_results, **told}
    execution.status = run.status
    if run.status in OVER:
        execution.finished_at = run.finished_at
        execution.final_result = (run.output or {}).get("result")
    else:
        execution.finished_at = None
    execution.current_step = _current(execution)


def _current(execution: WorkflowExecution) -> str | None:
    """The first step that waits or is at work; where there is none, the one that failed, or the next after those that are over."""
    if execution.status == "succeeded":
        return None
    states = {name: result["status"] for name, result in execution.step_results.items()}
    names = [node.id for node in execution.graph.ordered()]
    wanted = ("failed",) if execution.status == "failed" else ("running", "waiting")
    found = next((name for name in names if states.get(name) in wanted), None)
    if found is not None or execution.status == "failed":
        return found
    over = max((at for at, name in enumerate(names) if states.get(name) in _DONE), default=-1)
    return names[over + 1] if over + 1 < len(names) else None


def _told(step: RunStep, kind: str) -> dict[str, Any]:
    """A step as the execution tells it: ids of what it stands for, when, and what came of it."""
    outputs, wait = step.outputs or {}, (step.wait or {}).get("data", {})
    told: dict[str, Any] = {
        "kind": kind, "status": step.status, "started_at": step.started_at.isoformat(),
        "finished_at": step.finished_at.isoformat() if step.finished_at else None,
        "agent_id": step.inputs.get("agent") if kind == "agent" else None,
        "run_id": wait.get("child") or outputs.get("run_id"), "question_id": wait.get("question"), "error": step.error,
        "result": outputs.get("output") if kind == "agent" else step.outputs,
    }  # fmt: skip
    return {name: value for name, value in told.items() if value is not None}
