"""Carries out light runs: those whose graph only computes, by the dozen, with one transaction to take them and one to end them (docs/adr/0009, 0018)."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from core.kernel.errors import Unavailable
from core.kernel.ids import new_id
from core.kernel.telemetry import count, measure, span
from core.orchestration.batches import Batch, Ended, LightRun
from core.orchestration.models import RunStep
from core.orchestration.ports import SkillContext, Snapshot, Usage, Waits
from runners.engine.evaluate import evaluate
from runners.engine.plans import Ready, make_all_ready, ready
from runners.wiring import storage

log = structlog.get_logger()


class NotLight(Exception):
    """A run of a light graph does something that only a run by itself may do."""


def carry_out(
    batches: Sequence[Batch], without: Collection[UUID], learn: Callable[[Batch, Ended], None] = lambda *_: None
) -> list[LightRun]:
    """Carries out the runs of batches but those of `without`, and ends those that went well; `learn` is told of each. Answers the others, still claimed: each needs to be carried out by itself."""
    done: list[tuple[Batch, list[Ended]]] = []
    troubled: list[LightRun] = []
    began = time.monotonic()
    for batch in batches:
        ended: list[Ended] = []
        plans = _plans(batch)
        for run in batch.runs:
            if run.id in without:
                continue
            with span("run", parent=run.trace, workspace=run.workspace_id, run=run.id, agent=run.agent_id):
                try:
                    ended.append(computed(batch, run, plans))
                except Exception as why:
                    log.info("run.not_light", why=type(why).__name__)
                    troubled.append(run)
        if ended:
            done.append((batch, ended))
    if done:
        won = _end(done)
        all_ended = [each for _, ended in done for each in ended]
        tell(all_ended, set().union(*won), (time.monotonic() - began) / len(all_ended))
        for batch, ended in done:
            for each in ended:
                learn(batch, each)
    return troubled


def _end(done: Sequence[tuple[Batch, list[Ended]]]) -> list[set[UUID]]:
    """Together; where that cannot be, each workspace for itself, whoever has to wait after the others: what ails one is not to cost them what they computed."""
    try:
        return storage().batches.end(done, hurried=len(done) > 1)
    except Exception as why:
        if len(done) == 1 or (isinstance(why, Unavailable) and why.code == "kernel.database_away"):
            raise
        log.info("runs.ended_apart", why=type(why).__name__, workspaces=len(done))
    won = [_ended_alone(*one, hurried=True) for one in done]
    won = [_ended_alone(*one, hurried=False) if ours is None else ours for one, ours in zip(done, won, strict=True)]
    return [ours or set() for ours in won]


def _ended_alone(batch: Batch, ended: Sequence[Ended], *, hurried: bool) -> set[UUID] | None:
    """None where that cannot be now."""
    try:
        return storage().batches.end([(batch, ended)], hurried=hurried)[0]
    except Exception as why:
        log.warning("runs.not_ended", workspace=str(batch.workspace_id), why=type(why).__name__)
        return None


def tell(ended: Sequence[Ended], won: Collection[UUID], seconds: float) -> None:
    """Counts and logs runs that ended together, of which those in `won` were still ours; `seconds` is what each took."""
    runs: dict[str, list[str]] = {}
    for end in ended:
        status = "succeeded" if end.run.id in won else "lost"
        measure("run_seconds", seconds, status=status)
        began = end.steps[0].started_at if end.steps else end.run.started_at
        measure("run_start_seconds", (began - end.run.due_at).total_seconds(), trigger=end.run.trigger_type)
        count("runs", status=status)
        if end.run.id in won:
            runs.setdefault(str(end.run.workspace_id), []).append(str(end.run.id))
    log.info(
        "runs.ended",
        runs=runs,
        traces=list({end.run.trace.split("-")[1] for end in ended if end.run.trace}),
        lost=len(ended) - len(won),
    )


def computed(batch: Batch, run: LightRun, plans: Mapping[UUID, Ready]) -> Ended:
    """Carries out one run and writes nothing. Raises NotLight, and whatever a skill raises."""
    if run.agent_version_id not in plans:
        raise NotLight
    steps = LightSteps(run)
    plan, params = plans[run.agent_version_id]
    output = evaluate(
        plan,
        run={"id": str(run.id), "input": run.input, "dry_run": run.dry},
        params=params,
        context=_context(batch, run, steps),
        steps=steps,
    )
    if output.get("proposals") or output.get("cursors"):
        raise NotLight
    return Ended(run, output, steps.all)


class LightSteps:
    """The steps of one light run, kept until its end: none is written before. Also its Memory: a light run has none."""

    def __init__(self, run: LightRun) -> None:
        self._run = run
        self._current: RunStep | None = None
        self.all: list[RunStep] = []

    @property
    def began(self) -> datetime:
        """When the first step began."""
        return self.all[0].started_at if self.all else self._run.started_at

    def attempts(self, node: str, index: int) -> int:
        return 0

    def begin(self, node: str, index: int, skill: str, inputs: Mapping[str, Any], attempt: int) -> None:
        if attempt > 1:
            raise NotLight
        self._current = RunStep(
            new_id(),
            self._run.workspace_id,
            self._run.id,
            node,
            index,
            skill,
            "running",
            dict(inputs),
            datetime.now(UTC),
        )

    def finish(self, node: str, index: int, outputs: Mapping[str, Any], usage: Sequence[Usage]) -> None:
        step = self._current
        assert step is not None
        step.status, step.outputs, step.finished_at = "succeeded", dict(outputs), datetime.now(UTC)
        self.all.append(step)

    def fail(
        self, node: str, index: int, code: str, data: Mapping[str, Any], usage: Sequence[Usage], *, ends: bool
    ) -> None:
        raise NotLight

    def skip(self, node: str, index: int) -> None:
        now = datetime.now(UTC)
        run = self._run
        self.all.append(
            RunStep(new_id(), run.workspace_id, run.id, node, index, "", "skipped", {}, now, finished_at=now)
        )

    def wait(self, node: str, index: int, waits: Waits, usage: Sequence[Usage]) -> None:
        raise NotLight

    def remember(self, snapshot: Snapshot) -> None:
        raise NotLight

    def recall(self, connection_id: UUID, data_type: str, since: datetime) -> Sequence[Snapshot]:
        raise NotLight


def _context(batch: Batch, run: LightRun, steps: LightSteps) -> SkillContext:
    owner, agent_name = batch.owners.get(run.user_id), batch.agents.get(run.agent_id)
    if owner is None or agent_name is None:
        raise NotLight
    return SkillContext(
        run_id=run.id,
        agent_id=run.agent_id,
        agent_name=agent_name,
        now=steps.began,
        timezone=_zone(owner.timezone),
        language=owner.language,
        owner_name=owner.name,
        account_addresses=(owner.email,),
        tools={},
        memory=steps,
        blobs=storage().blobs(run.workspace_id, run.user_id),
        model=None,
        dry_run=run.dry,
    )


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _plans(batch: Batch) -> dict[UUID, Ready]:
    """Of each version of the batch: what this process knows, and the rest by one question."""
    plans: dict[UUID, Ready] = {}
    unknown: list[UUID] = []
    for version_id in dict.fromkeys(run.agent_version_id for run in batch.runs):
        found = ready(batch.workspace_id, version_id)
        if found is None:
            unknown.append(version_id)
        else:
            plans[version_id] = found
    if unknown:
        with storage().work(batch.workspace_id, batch.user_id) as work:
            plans |= make_all_ready(work, unknown)
    return plans
