"""Workflows: steps that people put together, checked when they are made, and kept as they were for runs that began."""

from datetime import datetime
from typing import Any, Literal, Protocol
from uuid import UUID

from core.catalog.accept import AcceptWork, accept
from core.catalog.contracts import Contracts
from core.catalog.versions import Change, differences
from core.identity.ports import IdentityWork
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Invalid, NotFound
from core.kernel.events import Event
from core.kernel.ids import new_id
from core.orchestration.models import Run, TriggerKind
from core.orchestration.start import StartWork, Target, start_run
from core.workflows.compile import Type, compile_steps
from core.workflows.executions import begin_execution
from core.workflows.models import Pack, Workflow, WorkflowVersion
from core.workflows.ports import PacksWork, WorkflowsWork
from core.workflows.steps import AgentStep, AskStep, ParallelStep, Steps, inside, parse_steps
from core.workflows.waits import WaitsWork, release


class FlowWork(WorkflowsWork, PacksWork, AcceptWork, IdentityWork, Protocol):
    """What making a workflow needs."""


class StartFlowWork(WorkflowsWork, StartWork, Protocol):
    """What running a workflow needs."""


def make_workflow(
    work: FlowWork, actor: Actor, contracts: Contracts, name: str, type: Type, steps: Any, *, description: str = "",
    pack_id: UUID | None = None, note: str | None = None, parent_run_id: UUID | None = None,
) -> Workflow:  # fmt: skip
    """A workflow in its version 1.0.0; `steps` as core.workflows.steps has them, or JSON of it. With `pack_id` its agents are those of the pack.

    Raises Invalid, naming the step: all that parse_steps, compile_steps and core.catalog.accept.accept raise, `workflows.parallel_in_sequential`,
    `workflows.agent_not_in_pack`, `workflows.pack_in_pack`, `workflows.choice_unknown`, `workflows.choice_twice`; NotFound `workflows.step_agent_unknown`,
    `workflows.step_person_unknown`."""
    actor.need("write")
    if not name.strip():
        raise Invalid("workflows.name_missing")
    pack = None if pack_id is None else work.packs.get(pack_id)
    checked = checked_steps(work, contracts, type, steps, pack)
    workflow = Workflow(
        id=new_id(), workspace_id=actor.workspace_id, owner_id=actor.user_id, name=name.strip()[:200], created_at=work.now,
        description=description.strip(), pack_id=pack_id, type=type,
    )  # fmt: skip
    work.workflows.add(workflow)
    _add(work, actor, workflow, checked, "1.0.0", note, parent_run_id)
    work.record(Event("workflow.made", actor.workspace_id, actor.user_id, {"workflow_id": str(workflow.id)}))
    return workflow


def change_workflow(
    work: FlowWork, actor: Actor, contracts: Contracts, workflow_id: UUID, *, name: str | None = None, description: str | None = None,
    type: Type | None = None, steps: Any = None, note: str | None = None, parent_run_id: UUID | None = None,
) -> Workflow:  # fmt: skip
    """Changes what is given; other steps or another type make a new version, runs that began keep theirs. Raises as make_workflow does."""
    actor.need("write")
    workflow = work.workflows.get(workflow_id)
    if name is not None and name.strip():
        workflow.name = name.strip()[:200]
    if description is not None:
        workflow.description = description.strip()
    now = current(work, workflow)
    wanted = type or now.type
    if steps is None and wanted == now.type:
        return workflow
    pack = None if workflow.pack_id is None else work.packs.get(workflow.pack_id)
    checked = checked_steps(work, contracts, wanted, now.steps if steps is None else steps, pack)
    if checked == now.steps and wanted == now.type:
        return workflow
    major, minor, _ = (int(part) for part in work.workflows.versions(workflow_id)[0].semantic_version.split("."))
    workflow.type = wanted
    version = _add(work, actor, workflow, checked, f"{major}.{minor + 1}.0", note, parent_run_id)
    told = {"workflow_id": str(workflow.id), "version": version.semantic_version}
    work.record(Event("workflow.changed", actor.workspace_id, actor.user_id, told))
    return workflow


def choose_workflow_version(work: WorkflowsWork, actor: Actor, workflow_id: UUID, version_id: UUID) -> Workflow:
    """New runs use that version from now on; those after it stay. Raises NotFound `workflows.version_unknown`."""
    actor.need("write")
    workflow, version = work.workflows.get(workflow_id), work.workflows.version(version_id)
    if version.workflow_id != workflow.id:
        raise NotFound("workflows.version_unknown", id=str(version_id))
    if workflow.latest_version_id != version.id:
        told = {"from": current(work, workflow).semantic_version, "to": version.semantic_version}
        workflow.latest_version_id, workflow.type = version.id, version.type
        told["workflow_id"] = str(workflow.id)
        work.record(Event("workflow.version_chosen", actor.workspace_id, actor.user_id, told))
    return workflow


def pause_workflow(work: WorkflowsWork, actor: Actor, workflow_id: UUID) -> Workflow:
    """It is not started any more, and its runs that are under way stop before their next agent, until it is resumed."""
    return _set_status(work, actor, workflow_id, "paused")


def resume_workflow(work: WaitsWork, actor: Actor, workflow_id: UUID) -> Workflow:
    """It runs again, and what was held goes on."""
    workflow = _set_status(work, actor, workflow_id, "active")
    for execution in work.workflow_executions.page(None, 1000, workflow_id=workflow_id, status="waiting"):
        release(work, execution.run_id)
    return workflow


def start_workflow(
    work: StartFlowWork, actor: Actor, workflow_id: UUID, trigger_type: TriggerKind, input: dict[str, Any], *,
    trigger_id: UUID | None = None, due_at: datetime | None = None, depth: int | None = None,
) -> Run:  # fmt: skip
    """Queues a run of the workflow's newest version. `input` with `dry_run` makes each agent's run a dry one, and asks nobody.
    Raises Conflict `workflows.workflow_paused`, and as core.orchestration.start does."""
    actor.need("write")
    workflow = work.workflows.get(workflow_id)
    if workflow.status == "paused":
        raise Conflict("workflows.workflow_paused", workflow=workflow.name)
    version = current(work, workflow)
    target = Target(workflow_id=workflow.id, workflow_version_id=version.id, owner_id=workflow.owner_id)
    run = start_run(work, actor, target, trigger_type, input, trigger_id=trigger_id, due_at=due_at, depth=depth)
    begin_execution(work, run, compile_steps(version.steps, version.type))
    return run


def current(work: WorkflowsWork, workflow: Workflow) -> WorkflowVersion:
    """The version that new runs use. Raises NotFound `workflows.version_unknown`."""
    if workflow.latest_version_id is None:
        raise NotFound("workflows.version_unknown", id=str(workflow.id))
    return work.workflows.version(workflow.latest_version_id)


def checked_steps(work: FlowWork, contracts: Contracts, type: Type, steps: Any, pack: Pack | None = None) -> Steps:
    """The steps, if they can run. Raises as make_workflow does."""
    parsed = parse_steps(steps)
    people = {member.user_id for member in work.people.members()}
    for step in inside(parsed):
        match step:
            case ParallelStep() if type == "sequential":
                raise Invalid("workflows.parallel_in_sequential", step=step.id)
            case AgentStep():
                _known_agent(work, step, pack)
            case AskStep():
                _answerable(step, people)
            case _:
                pass
    accept(work, contracts, compile_steps(parsed, type))
    return parsed


def diff_workflows(old: WorkflowVersion, new: WorkflowVersion) -> list[Change]:
    """What differs between two versions; places are ids of steps and what of them."""
    before, after = (
        {step.id: step.model_dump(mode="json", exclude={"id", "then", "otherwise", "steps"}) for step in inside(version.steps)}
        for version in (old, new)
    )  # fmt: skip
    changes = [] if old.type == new.type else [Change("type", "changed", old.type, new.type)]
    changes += differences("", before, after)
    if list(before) != list(after) and set(before) == set(after):
        changes.append(Change("order", "changed", list(before), list(after)))
    return changes


def _known_agent(work: FlowWork, step: AgentStep, pack: Pack | None) -> None:
    try:
        work.agents.get(step.agent)
    except NotFound:
        if work.packs.find(step.agent) is not None:
            raise Invalid("workflows.pack_in_pack", step=step.id, id=str(step.agent)) from None
        raise NotFound("workflows.step_agent_unknown", step=step.id, id=str(step.agent)) from None
    if pack is not None and step.agent not in pack.agent_ids:
        raise Invalid("workflows.agent_not_in_pack", step=step.id, pack=pack.name)


def _answerable(step: AskStep, people: set[UUID]) -> None:
    values = [choice.value for choice in step.choices]
    if len(set(values)) < len(values):
        raise Invalid("workflows.choice_twice", step=step.id)
    if step.default is not None and step.default not in values:
        raise Invalid("workflows.choice_unknown", step=step.id, choice=step.default[:80])
    for person in step.to:
        if person not in people:
            raise NotFound("workflows.step_person_unknown", step=step.id)


def _add(
    work: WorkflowsWork, actor: Actor, workflow: Workflow, steps: Steps, number: str, note: str | None, parent_run_id: UUID | None
) -> WorkflowVersion:  # fmt: skip
    version = WorkflowVersion(
        id=new_id(), workspace_id=workflow.workspace_id, workflow_id=workflow.id, semantic_version=number, type=workflow.type,
        steps=steps, created_at=work.now, author_id=actor.user_id, note=note, parent_run_id=parent_run_id,
    )  # fmt: skip
    work.workflows.add(version)
    workflow.latest_version_id = version.id
    return version


def _set_status(work: WorkflowsWork, actor: Actor, workflow_id: UUID, status: Literal["active", "paused"]) -> Workflow:
    actor.need("write")
    workflow = work.workflows.get(workflow_id)
    if workflow.status != status:
        workflow.status = status
        told = {"workflow_id": str(workflow.id), "by": actor.surface}
        work.record(Event(f"workflow.{status}", actor.workspace_id, actor.user_id, told))
    return workflow
