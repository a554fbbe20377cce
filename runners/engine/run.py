"""Carries out one run: claim → skills → finish."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from core.billing.models import Budget
from core.billing.ports import Used
from core.billing.record import ledger_rows, record
from core.billing.reserve import Start, budget, give_back, has_place, is_news, limits_of, reserve
from core.connectors.kinds import integration
from core.kernel.errors import Conflict, Failure, Unavailable
from core.kernel.events import Event
from core.kernel.faults import fault
from core.kernel.telemetry import count, measure, span
from core.messaging.post import notify
from core.orchestration import finish
from core.orchestration.answer import hold
from core.orchestration.batches import LightRun
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import SkillContext
from core.workflows.failing import run_failed
from core.workflows.waits import ended as tell_others
from core.workflows.waits import lapse_due, let_wait
from runners.engine.evaluate import Cancelled, Waiting, evaluate
from runners.engine.plans import Planned, plan_of
from runners.engine.steps import ClaimLost, RunSteps
from runners.engine.tools import Access, Tools, access
from runners.heartbeat import Heartbeat
from runners.wiring import model, storage

LEASE_SECONDS = 20.0
log = structlog.get_logger()


class NoPlace(Exception):
    """As many runs are under way as the workspace may carry out beside each other; the next one that ends makes room."""


@dataclass(frozen=True)
class Taken:
    """A claimed run with all that it needs, read in the claiming transaction. `crowded`: others may be waiting for its place."""

    run: Run
    planned: Planned
    earlier: list[RunStep]
    tools: dict[str, Access]
    budget: Budget
    crowded: bool
    timezone: str
    language: str
    owner_name: str
    email: str


def carry_out(taken: Taken) -> None:
    """Carries a run that was taken to its end, or to where it waits."""
    fault("run_claimed")
    run = taken.run
    with span("run", parent=run.trace, workspace=run.workspace_id, run=run.id, agent=run.agent_id):
        began = time.monotonic()
        steps = RunSteps(run, taken.earlier, _first_step(run))
        status = "failed"
        try:
            with Heartbeat(lambda: _renew(run), LEASE_SECONDS) as heartbeat:
                status = _work(taken, steps, heartbeat)
        except ClaimLost:
            status = "lost"
            log.info("run.claim_lost")
        measure("run_seconds", time.monotonic() - began, status=status)
        count("runs", status=status)
        log.info("run.ended", status=status, seconds=round(time.monotonic() - began, 3))
    if taken.crowded:
        storage().bell.wake("runs.due", run.workspace_id, run.user_id, run.id)


def refuse(run: LightRun, why: Failure) -> None:
    """Ends a claimed run that may not start, and takes it off the day's counters."""
    with storage().work(run.workspace_id, run.user_id) as work:
        if _end_badly(work, run.id, run.fence, why, again=False, started=False) is not None:
            give_back(work, [run])
        work.commit()


def take(workspace_id: UUID, user_id: UUID, run_id: UUID) -> Taken | None:
    """Claims a run if it is due. None when somebody else has it, or when it cannot be carried out now: then that is written down. Raises NoPlace."""
    with storage().work(workspace_id, user_id) as work:
        if not has_place(work):
            raise NoPlace
        run = work.runs.claim(run_id, LEASE_SECONDS)
        if run is None:
            return None
        taken: Taken | None = None
        try:
            if run.attempt > finish.MAX_ATTEMPTS:
                raise Conflict("orchestration.run_crashed")
            if run.fence == 1:
                _begin(work, run)
            if run.agent_id is not None and work.agents.get(run.agent_id).status == "paused":
                hold(work, run)
            else:
                taken = _facts(work, run)
        except Failure as why:
            _end_badly(work, run.id, run.fence, why, again=False, started=why.code != finish.LIMIT)
        work.commit()
        return taken


def _begin(work: Any, run: Run) -> None:
    """The first claim. Raises LimitReached."""
    refused = reserve(work, [Start(run.id, run.agent_id)])
    if run.id in refused:
        raise refused[run.id]
    work.record(Event("run.started", run.workspace_id, run.user_id, {"run_id": str(run.id)}))


def _facts(work: Any, run: Run) -> Taken:
    planned = plan_of(work, run)
    user, profile = work.people.user(run.user_id), work.people.profile(run.user_id)
    earlier = work.runs.steps(run.id) if run.fence > 1 else []
    lapse_due(work, run, earlier)
    return Taken(
        run=run,
        planned=planned,
        earlier=earlier,
        tools={role: access(work, UUID(str(c))) for role, c in planned.params.get("tools", {}).items()},
        budget=budget(work, run.agent_id, Used(tokens=run.tokens, cost=run.cost)),
        crowded=limits_of(work).runs_at_once is not None,
        timezone=profile.timezone,
        language=profile.language,
        owner_name=user.preferred_name or user.name,
        email=user.email,
    )


def _work(taken: Taken, steps: RunSteps, heartbeat: Heartbeat) -> str:
    run = taken.run
    try:
        with Tools(taken.tools, run.agent_id or run.id, steps.went_outside) as tools:
            context = SkillContext(
                run_id=run.id, agent_id=run.agent_id, agent_name=taken.planned.name, now=datetime.now(UTC),
                timezone=ZoneInfo(taken.timezone), language=taken.language, owner_name=taken.owner_name,
                account_addresses=_addresses(taken, tools), tools=tools, memory=steps,
                blobs=storage().blobs(run.workspace_id, run.user_id), model=model(), dry_run=run.dry, budget=taken.budget,
            )  # fmt: skip
            output = finish.checked(evaluate(
                taken.planned.plan, run={"id": str(run.id), "input": run.input, "dry_run": run.dry},
                params=taken.planned.params, context=context, steps=steps, cancelled=lambda: heartbeat.lost,
            ))  # fmt: skip
    except Cancelled:
        return _stopped(run, steps)
    except Waiting as waiting:
        return _parked(run, steps, waiting)
    except ClaimLost:
        raise
    except Failure as why:
        return _failed(run, steps, why, again=isinstance(why, Unavailable))
    except Exception:
        log.exception("run.broken")
        return _failed(run, steps, Conflict("orchestration.step_broken"), again=True)
    with storage().work(run.workspace_id, run.user_id) as work:
        held = steps.write_into(work)
        record(work, ledger_rows([held], work.now))
        ended = finish.succeed(work, run.id, run.fence, output)
        if ended is not None:
            tell_others(work, ended)
        work.commit()
    return "lost" if ended is None else "succeeded"


def _addresses(taken: Taken, tools: Tools) -> tuple[str, ...]:
    """The person's own addresses. A connection that was made a moment ago is asked who it is: its check may still be on its way."""
    accounts = [
        given.connection.account or tools[role].client.check().account
        for role, given in taken.tools.items()
        if "mail" in integration(given.connection.integration).streams
    ]
    return tuple(dict.fromkeys([*(a for a in accounts if "@" in a), taken.email]))


def _parked(run: Run, steps: RunSteps, waiting: Waiting) -> str:
    """Lets the worker go until an answer comes."""
    with storage().work(run.workspace_id, run.user_id) as work:
        held = steps.write_into(work)
        new = {(step.node_id, step.index) for step, _ in steps.new_waits}
        earlier = [steps.known(node, index) for node, index, _ in waiting.steps if (node, index) not in new]
        let_wait(work, held, steps.new_waits, earlier)
        work.commit()
        return held.status


def _failed(run: Run, steps: RunSteps, why: Failure, *, again: bool) -> str:
    with storage().work(run.workspace_id, run.user_id) as work:
        steps.write_into(work)
        ended = _end_badly(work, run.id, run.fence, why, again=again)
        work.commit()
    log.warning("run.failed", code=why.code)
    return "lost" if ended is None else ended.status


def _end_badly(work: Any, run_id: UUID, fence: int, why: Failure, *, again: bool, started: bool = True) -> Run | None:
    ended = finish.fail(work, run_id, fence, why, again=again)
    if ended is None:
        return None
    if ended.status == "queued":
        # Whatever failed is tried anew: in the database, failed means for good.
        for step in work.runs.steps(run_id):
            if step.status == "failed":
                step.status, step.error, step.finished_at = "running", None, None
                work.runs.put_step(step)
        return ended
    if started:
        record(work, ledger_rows([ended], work.now))
    tell_others(work, ended)
    if why.code == finish.LIMIT:
        if is_news(work, ended.user_id, ended.agent_id, why):
            notify(work, ended.user_id, "limit.reached", {**why.data, "agent": _name(work, ended)})
    elif not ended.dry:
        run_failed(work, ended)
    return ended


def _name(work: Any, run: Run) -> str:
    return "" if run.agent_id is None else work.agents.get(run.agent_id).name


def _stopped(run: Run, steps: RunSteps) -> str:
    with storage().work(run.workspace_id, run.user_id) as work:
        if work.runs.get(run.id).cancel_requested_at is None:
            return "lost"
        steps.write_into(work)
        ended = finish.cancelled(work, run.id, run.fence)
        if ended is not None:
            record(work, ledger_rows([ended], work.now))
            tell_others(work, ended)
        work.commit()
    return "lost" if ended is None else "cancelled"


def _renew(run: Run) -> bool:
    with storage().work(run.workspace_id, run.user_id) as work:
        kept = work.runs.renew(run.id, run.fence, LEASE_SECONDS)
        work.commit()
        return kept


def _first_step(run: Run) -> Any:
    """Measures, once, how long after it was due the first step began."""
    state = {"open": run.fence == 1}

    def began() -> None:
        if state["open"]:
            state["open"] = False
            measure("run_start_seconds", (datetime.now(UTC) - run.due_at).total_seconds(), trigger=run.trigger_type)

    return began
