"""What a run carries out: the graph of its agent's version, or of the execution of its pack or workflow, made ready."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any, cast
from uuid import UUID

from core.catalog.models import AgentVersion
from core.catalog.ports import CatalogWork, SkillsWork
from core.kernel.errors import NotFound
from core.orchestration.models import Run
from core.workflows.ports import PacksWork, WorkflowsWork
from runners.engine.own import own_skills
from runners.engine.plan import Plan

MOST = 1024


@dataclass(frozen=True)
class Planned:
    """A graph made ready, what its `params` are, and what the person calls its agent, pack or workflow."""

    plan: Plan
    params: Mapping[str, Any]
    name: str


Ready = tuple[Plan, Mapping[str, Any]]
_ready: OrderedDict[tuple[UUID, UUID], Ready] = OrderedDict()
_lock = Lock()


def plan_of(work: Any, run: Run) -> Planned:
    """Raises NotFound `catalog.version_unknown`, `catalog.skill_unknown`, `workflows.execution_unknown`."""
    if run.agent_version_id is not None and run.agent_id is not None:
        plan, params = ready(run.workspace_id, run.agent_version_id) or make_ready(work, run.agent_version_id)
        return Planned(plan, params, cast(CatalogWork, work).agents.get(run.agent_id).name)
    execution = cast(WorkflowsWork, work).workflow_executions.of_run(run.id)
    if execution is None:
        raise NotFound("workflows.execution_unknown", run=str(run.id))
    if run.pack_id is not None:
        name = cast(PacksWork, work).packs.get(run.pack_id).name
    else:
        name = cast(WorkflowsWork, work).workflows.get(cast(UUID, run.workflow_id)).name
    return Planned(Plan(execution.graph, own_skills(cast(SkillsWork, work), execution.graph)), {}, name)


def ready(workspace_id: UUID, version_id: UUID) -> Ready | None:
    """A version that this process made ready before, for that very workspace."""
    with _lock:
        found = _ready.get((workspace_id, version_id))
        if found is not None:
            _ready.move_to_end((workspace_id, version_id))
        return found


def make_ready(work: Any, version_id: UUID) -> Ready:
    """Versions never change: each is read once a process, by whom it belongs to. Raises NotFound."""
    return _keep(work, cast(CatalogWork, work).agents.version(version_id))


def make_all_ready(work: Any, version_ids: Sequence[UUID]) -> dict[UUID, Ready]:
    """Many at once, read by one question; those that cannot be made ready are missing."""
    made: dict[UUID, Ready] = {}
    for version in cast(CatalogWork, work).agents.some_versions(version_ids):
        # One that is broken must not hold up the others: its runs are carried out by themselves, and fail in words.
        with suppress(Exception):
            made[version.id] = _keep(work, version)
    return made


def _keep(work: Any, version: AgentVersion) -> Ready:
    made = Plan(version.graph, own_skills(cast(SkillsWork, work), version.graph)), version.default_params
    with _lock:
        _ready[work.workspace_id, version.id] = made
        if len(_ready) > MOST:
            _ready.popitem(last=False)
    return made
