"""Carries out one run: claim → skills → finish."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from core.catalog.models import AgentVersion
from core.connectors.kinds import integration
from core.kernel.errors import Conflict, Failure, Unavailable
from core.kernel.telemetry import count, measure, span
from core.orchestration import finish
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import SkillContext
from runners.engine.evaluate import Cancelled, evaluate
from runners.engine.steps import ClaimLost, RunSteps
from runners.engine.tools import Access, Tools, access
from runners.faults import fault
from runners.heartbeat import Heartbeat
from runners.wiring import model, storage

LEASE_SECONDS = 20.0
log = structlog.get_logger()


@dataclass(frozen=True)
class _Taken:
    """A claimed run with all that it needs, read in the claiming transaction."""

    run: Run
    version: AgentVersion
    agent_name: str
    earlier: list[RunStep]
    tools: dict[str, Access]
    timezone: str
    language: str
    owner_name: str
    email: str


def carry_out(workspace_id: UUID, user_id: UUID, run_id: UUID) -> None:
    """Takes the run if it is due and carries it to its end; leaves quietly when somebody else has it."""
    taken = _take(workspace_id, user_id, run_id)
    if taken is None:
        return
    fault("run_claimed")
    run = taken.run
    with span("run", parent=run.trace, workspace=workspace_id, run=run_id, agent=run.agent_id):
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


def _take(workspace_id: UUID, user_id: UUID, run_id: UUID) -> _Taken | None:
    with storage().work(workspace_id, user_id) as work:
        run = work.runs.claim(run_id, LEASE_SECONDS)
        if run is None:
            return None
        try:
            taken = _facts(work, run)
        except Failure as why:
            finish.fail(work, run.id, run.fence, why, [], again=False)
            taken = None
        if run.attempt > finish.MAX_ATTEMPTS:
            finish.fail(work, run.id, run.fence, Conflict("orchestration.run_crashed"), [], again=False)
            taken = None
        work.commit()
        return taken


def _facts(work: Any, run: Run) -> _Taken:
    version = work.agents.version(run.agent_version_id)
    user, profile = work.people.user(run.user_id), work.people.profile(run.user_id)
    tools = {role: access(work, UUID(str(c))) for role, c in version.default_params.get("tools", {}).items()}
    return _Taken(
        run=run,
        version=version,
        agent_name=work.agents.get(run.agent_id).name,
        earlier=work.runs.steps(run.id),
        tools=tools,
        timezone=profile.timezone,
        language=profile.language,
        owner_name=user.preferred_name or user.name,
        email=user.email,
    )


def _work(taken: _Taken, steps: RunSteps, heartbeat: Heartbeat) -> str:
    run = taken.run
    usage: list[Any] = []
    try:
        with Tools(taken.tools, run.agent_id, steps.went_outside) as tools:
            context = SkillContext(
                run_id=run.id, agent_id=run.agent_id, agent_name=taken.agent_name, now=datetime.now(UTC),
                timezone=ZoneInfo(taken.timezone), language=taken.language, owner_name=taken.owner_name,
                account_addresses=_addresses(taken, tools), tools=tools, memory=steps,
                blobs=storage().blobs(run.workspace_id, run.user_id), model=model(), dry_run=run.dry, usage=usage,
            )  # fmt: skip
            output = evaluate(
                taken.version.graph, run={"id": str(run.id), "input": run.input, "dry_run": run.dry},
                params=taken.version.default_params, context=context, steps=steps, cancelled=lambda: heartbeat.lost,
            )  # fmt: skip
    except Cancelled:
        return _stopped(run)
    except ClaimLost:
        raise
    except Failure as why:
        return _failed(run, why, usage, again=isinstance(why, Unavailable))
    except Exception:
        log.exception("run.broken")
        return _failed(run, Conflict("orchestration.step_broken"), usage, again=True)
    with storage().work(run.workspace_id, run.user_id) as work:
        steps.write_into(work)
        ended = finish.succeed(work, run.id, run.fence, output, usage)
        work.commit()
    return "lost" if ended is None else "succeeded"


def _addresses(taken: _Taken, tools: Tools) -> tuple[str, ...]:
    """The person's own addresses. A connection that was made a moment ago is asked who it is: its check may still be on its way."""
    accounts = [
        given.connection.account or tools[role].client.check().account
        for role, given in taken.tools.items()
        if "mail" in integration(given.connection.integration).streams
    ]
    return tuple(dict.fromkeys([*(a for a in accounts if "@" in a), taken.email]))


def _failed(run: Run, why: Failure, usage: list[Any], *, again: bool) -> str:
    with storage().work(run.workspace_id, run.user_id) as work:
        ended = finish.fail(work, run.id, run.fence, why, usage, again=again)
        work.commit()
    log.warning("run.failed", code=why.code)
    return "lost" if ended is None else ended.status


def _stopped(run: Run) -> str:
    with storage().work(run.workspace_id, run.user_id) as work:
        if work.runs.get(run.id).cancel_requested_at is None:
            return "lost"
        ended = finish.cancelled(work, run.id, run.fence)
        work.commit()
    return "lost" if ended is None else "cancelled"


def _renew(run: Run) -> bool:
    with storage().work(run.workspace_id, run.user_id) as work:
        kept = work.runs.renew(run.id, run.fence, LEASE_SECONDS)
        work.commit()
        return kept


def _first_step(run: Run) -> Any:
    """Measures, once, how long after it was due the first step began."""
    state = {"open": run.attempt == 1}

    def began() -> None:
        if state["open"]:
            state["open"] = False
            measure("run_start_seconds", (datetime.now(UTC) - run.due_at).total_seconds(), trigger=run.trigger_type)

    return began
