"""What a run waits for: another run or a person's answer; begun, over, or too late. Called by the engine inside its own transactions."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from core.billing.ports import BillingWork
from core.connectors.ports import ConnectionsWork
from core.kernel.actor import Actor
from core.kernel.errors import Failure, Invalid
from core.kernel.events import Event
from core.messaging.post import refresh
from core.orchestration.answer import OVER, answer_step, end_step, go_on, park
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import Waits
from core.orchestration.start import StartWork, start
from core.workflows.ask import AskWork, ask, lapse, withdraw
from core.workflows.executions import follow
from core.workflows.ports import PacksWork

MAX_PARENTS = 5
"""How many runs may stand above a sub-run."""


class WaitsWork(StartWork, AskWork, PacksWork, ConnectionsWork, BillingWork, Protocol):
    """What waiting needs."""


def let_wait(
    work: WaitsWork, run: Run, new: Sequence[tuple[RunStep, Waits]], earlier: Sequence[RunStep] = ()
) -> None:  # fmt: skip
    """Lets a held run wait, in one transaction with all that it waits for: `new` are the steps that began to wait in this attempt, `earlier` those that wait since before.
    Where something was answered meanwhile, or cannot be begun, the run goes on at once."""
    for step, waits in new:
        begin(work, run, step, waits)
        work.runs.put_step(step)
    waiting = [*(step for step, _ in new), *earlier]
    park(work, run, [(step.node_id, step.index) for step in waiting], _first_end(waiting))
    follow(work, run, [step for step, _ in new])
    refresh(work, "run", run.id)


def begin(work: WaitsWork, run: Run, step: RunStep, waits: Waits) -> None:
    """Makes what a step waits for (a sub-run, a question with its cards) and says so in `step.wait`. Where that cannot be, the step has failed, for good;
    never raises a Failure.

    A sub-run that failed before, when its parent's step is tried again, is tried again itself. In a paused pack or workflow the step is held until it is resumed."""
    until, data = waits.until, dict(waits.data)
    try:
        match waits.kind:
            case "run" if _is_held(work, run):
                until, data = None, {"held": True}
            case "run":
                data = {"agent_id": str(data["agent_id"]), "child": str(_child(work, run, step, data).id)}
            case "person":
                assert until is not None
                data = {"question": str(ask(work, run, step, until, data).id)}
            case "time":
                pass
    except Failure as why:
        end_step(step, work.now, None, {"code": why.code, "data": why.data})
        return
    step.status, step.finished_at = "waiting", None
    kind = "time" if "held" in data else waits.kind
    step.wait = {"kind": kind, "until": until.isoformat() if until else None, "data": data}


def _first_end(steps: Iterable[RunStep]) -> datetime | None:
    """When the first of them stops waiting by itself; None: never."""
    ends = [
        datetime.fromisoformat(s.wait["until"]) for s in steps if s.status == "waiting" and s.wait and s.wait["until"]
    ]
    return min(ends, default=None)


def lapse_due(work: WaitsWork, run: Run, steps: Iterable[RunStep]) -> None:
    """Ends the waiting of steps whose time is over, in the database and in `steps`: a question goes by its default, a sub-run is cancelled and its step fails, a pause is
    over and the step is tried. Call it with what was read when the run was claimed."""
    for step in steps:
        if step.status != "waiting" or not step.wait or not step.wait["until"]:
            continue
        if datetime.fromisoformat(step.wait["until"]) > work.now:
            continue
        data = step.wait["data"]
        if "question" in data:
            lapse(work, UUID(data["question"]))
        elif "child" in data:
            late = {"code": "orchestration.child_too_late", "data": {"run_id": data["child"]}}
            answer_step(work, run.id, step.node_id, step.index, error=late)
            stop(work, work.runs.lock(UUID(data["child"])))
        else:
            step.status, step.wait = "running", None
            work.runs.put_step(step)
            continue
        fresh = work.runs.step(run.id, step.node_id, step.index)
        if fresh is not None:
            step.status, step.outputs, step.error = fresh.status, fresh.outputs, fresh.error
            step.finished_at = fresh.finished_at


def ended(work: WaitsWork, run: Run) -> None:
    """A run is over: whoever waits for it is told, what it waits for itself is called off, its execution shows how it ended. In the transaction that ended it; again
    changes nothing."""
    if run.status not in OVER:
        return
    follow(work, run, ())
    if run.status != "succeeded":
        withdraw(work, run.id)
        for child in work.runs.children(run.id, 1000):
            if child.status not in OVER:
                stop(work, child)
    if run.parent_run_id is not None:
        _tell_parent(work, run, run.parent_run_id)


def stop(work: WaitsWork, run: Run) -> None:
    """Stops a run: at once while it waits or is queued, at its next step while it runs. Nothing happens to one that is over."""
    if run.status in ("queued", "waiting"):
        run.status, run.finished_at, run.cancel_requested_at = "cancelled", work.now, work.now
        work.record(Event("run.cancelled", run.workspace_id, run.user_id, {"run_id": str(run.id)}))
        refresh(work, "run", run.id)
        ended(work, run)
    elif run.status == "running":
        run.cancel_requested_at = run.cancel_requested_at or work.now


def release(work: WaitsWork, run_id: UUID) -> None:
    """Steps that were held go on: their pack or workflow is no longer paused."""
    run = work.runs.lock(run_id)
    held = [s for s in work.runs.steps(run_id) if s.status == "waiting" and (s.wait or {}).get("data", {}).get("held")]
    if run.status in OVER or not held:
        return
    for step in held:
        step.status, step.wait = "running", None
        work.runs.put_step(step)
    if run.status == "waiting":
        go_on(work, run)


def _child(work: WaitsWork, run: Run, step: RunStep, data: Mapping[str, Any]) -> Run:
    agent_id = UUID(str(data["agent_id"]))
    _not_above(work, run, agent_id)
    before = work.runs.step(run.id, step.node_id, step.index)
    if before is not None and before.wait and "child" in before.wait["data"]:
        earlier = work.runs.lock(UUID(before.wait["data"]["child"]))
        if earlier.status == "failed":
            try_again(work, earlier)
            return earlier
    given = data.get("input")
    input = {k: v for k, v in given.items() if k != "dry_run"} if isinstance(given, Mapping) else {}
    if given is not None and not isinstance(given, Mapping):
        input = {"value": given}
    if run.dry:
        input["dry_run"] = True
    actor = Actor(run.user_id, run.workspace_id, "member", "run")
    return start(work, actor, agent_id, run.trigger_type, input, parent=run)


def try_again(work: WaitsWork, run: Run) -> None:
    """A run that failed is queued again: its failed steps are tried anew, the others are kept."""
    for step in work.runs.steps(run.id):
        if step.status == "failed":
            step.status, step.error, step.finished_at = "running", None, None
            work.runs.put_step(step)
    run.error, run.finished_at, run.cancel_requested_at = None, None, None
    run.retries += 1
    go_on(work, run)
    work.record(Event("run.retried", run.workspace_id, run.user_id, {"run_id": str(run.id), "retries": run.retries}))
    follow(work, run, ())
    refresh(work, "run", run.id)


def _not_above(work: WaitsWork, run: Run, agent_id: UUID) -> None:
    """Raises Invalid `orchestration.agent_calls_itself`, `orchestration.runs_too_deep`."""
    above, parents = run, 1
    while True:
        if above.agent_id == agent_id:
            raise Invalid("orchestration.agent_calls_itself")
        if above.parent_run_id is None:
            return
        parents += 1
        if parents > MAX_PARENTS:
            raise Invalid("orchestration.runs_too_deep", most=MAX_PARENTS)
        above = work.runs.get(above.parent_run_id)


def _is_held(work: WaitsWork, run: Run) -> bool:
    if run.pack_id is not None:
        return work.packs.get(run.pack_id).status == "paused"
    return run.workflow_id is not None and work.workflows.get(run.workflow_id).status == "paused"


def _tell_parent(work: WaitsWork, run: Run, parent_id: UUID) -> None:
    for step in work.runs.steps(parent_id):
        if step.status != "waiting" or (step.wait or {}).get("data", {}).get("child") != str(run.id):
            continue
        outputs, error = None, None
        if run.status == "succeeded":
            outputs = {"run_id": str(run.id), "status": run.status, "output": run.output or {}}
        else:
            code = "orchestration.child_failed" if run.status == "failed" else "orchestration.child_cancelled"
            error = {"code": code, "data": {"run_id": str(run.id), "why": (run.error or {}).get("code", "")}}
        if answer_step(work, parent_id, step.node_id, step.index, outputs=outputs, error=error):
            fresh = work.runs.step(parent_id, step.node_id, step.index)
            follow(work, work.runs.get(parent_id), [] if fresh is None else [fresh])
