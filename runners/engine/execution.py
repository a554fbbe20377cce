"""Carries out one approved action: claim → arm → effect → record, and looks up what became of an unknown one."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from uuid import UUID

import structlog

from core.approvals import execute
from core.approvals.execute import Armed
from core.approvals.models import ActionExecution, ExecutionStatus
from core.connectors.gate import gated
from core.connectors.models import ConnectorExecution
from core.connectors.ports import Connector, EffectFailed, EffectUnknown, LoginRefused, Receipt
from core.kernel.errors import Conflict, Failure, Unavailable
from core.kernel.faults import fault
from core.kernel.ids import new_id
from core.kernel.telemetry import count, measure, span
from runners.connectors import local
from runners.engine.tools import Access, access, opened
from runners.heartbeat import Heartbeat
from runners.wiring import storage

T = TypeVar("T")
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.1, 2.0
STILL_SECONDS = execute.LEASE_SECONDS / 3
log = structlog.get_logger()


def carry_out(workspace_id: UUID, user_id: UUID, execution_id: UUID) -> None:
    """Takes the execution if it is due and does it, once; leaves quietly when somebody else has it."""
    fault("before_claim")
    with storage().work(workspace_id, user_id) as work:
        claimed = execute.claim(work, execution_id)
        if claimed is None:
            work.commit()
            return
        given = None if claimed.operation.effect == "local" else _access(work, claimed)
        anew = execute.was_asked_anew(work, claimed)
        work.commit()
    fault("after_claim")
    with span("execution", parent=claimed.execution.trace, workspace=workspace_id, execution=execution_id):
        if claimed.operation.effect == "local":
            _do_locally(claimed)
        elif given is not None:
            _do_outside(claimed, given, anew)


def look_up(workspace_id: UUID, user_id: UUID, execution_id: UUID) -> None:
    """Looks whether an unknown execution took place. Changes nothing outside."""
    with storage().work(workspace_id, user_id) as work:
        taken = execute.claim_lookup(work, execution_id)
        if taken is None:
            return
        given = _access(work, taken)
        work.commit()
    finding: Receipt | str = "unclear"
    with span("execution.look_up", parent=taken.execution.trace, workspace=workspace_id, execution=execution_id):
        if given is not None:
            try:
                with opened(given) as client:
                    finding = client.find(
                        taken.revision.action.operation, taken.execution.key, taken.revision.action.input
                    )
            except Exception:
                log.warning("execution.look_up_failed", exc_info=True)

        def told(again: bool) -> None:
            with storage().work(workspace_id, user_id) as work:
                execute.looked_up(work, taken, finding)
                work.commit()

        _surely(told)


def _access(work: Any, taken: Armed) -> Access | None:
    try:
        return access(work, taken.connection.id)
    except Failure:
        # The last gate says the same in words, and records it.
        execute.arm(work, taken)
        return None


def _do_locally(claimed: Armed) -> None:
    """The effect is a row of our own: gate, effect and record are one transaction."""
    _measure(claimed, "succeeded" if _surely(lambda again: _done_locally(claimed)) else "refused", 0.0)


def _done_locally(claimed: Armed) -> bool:
    action = claimed.revision.action
    with storage().work(claimed.execution.workspace_id, claimed.suggestion.user_id) as work:
        armed = execute.arm(work, claimed)
        if armed is not None:
            try:
                receipt = local(armed.connection.integration).perform(
                    work, action.operation, armed.execution.key, action.input, armed.suggestion.user_id
                )
                execute.succeed(work, armed, receipt)
            except EffectFailed as why:
                execute.fail(work, armed, why.code, dict(why.data), again=False)
        work.commit()
    return armed is not None


def _do_outside(claimed: Armed, given: Access, anew: bool) -> None:
    execution = claimed.execution
    armed: Armed | None = None
    outcome: Receipt | EffectFailed | EffectUnknown | None = None
    began = time.monotonic()
    try:
        with opened(given) as client:
            stale = None if anew else _stale(client, claimed)
            still = _StillOurs(claimed)
            with storage().work(execution.workspace_id, claimed.suggestion.user_id) as work:
                if stale is not None:
                    execute.ask_anew(work, claimed, stale, {})
                    work.commit()
                    return
                fault("before_arm")
                armed = execute.arm(work, claimed)
                work.commit()
            if armed is None:
                _measure(claimed, "refused", 0.0)
                return
            fault("after_arm")
            began = time.monotonic()
            outcome = _effect(client, armed, still)
    except Failure as why:
        # What went wrong after the effect, while its connection was closed, takes nothing back.
        outcome = outcome or EffectFailed(why.code, lasting=not isinstance(why, Unavailable), **why.data)
    except Exception:
        if outcome is None:
            raise
        log.exception("execution.not_closed")
    fault("after_effect")
    _record(claimed, armed, outcome, time.monotonic() - began)


def _effect(client: Connector, armed: Armed, still: "_StillOurs") -> Receipt | EffectFailed | EffectUnknown:
    """The effect itself, with the approved bytes and nothing else. Whatever a client raises becomes one of three outcomes; a
    refused login (surely not done) goes on to where the connection is marked as expired. Raises Unavailable when nobody can say, before the call, whether it is still ours."""
    action, execution = armed.revision.action, armed.execution
    try:
        still()
    except EffectUnknown as lost:
        return lost
    try:
        with Heartbeat(lambda: _renew(execution, armed.suggestion.user_id), execute.LEASE_SECONDS), gated(still):
            return client.perform(action.operation, execution.key, action.input)
    except LoginRefused:
        raise
    except (EffectFailed, EffectUnknown) as outcome:
        return outcome
    except Exception as broken:
        log.exception("execution.broken")
        return EffectUnknown("approvals.effect_broken", error=type(broken).__name__)


def _record(
    claimed: Armed, armed: Armed | None, outcome: Receipt | EffectFailed | EffectUnknown, seconds: float
) -> None:
    fault("before_record")
    word, ours = _surely(lambda again: _recorded(claimed, armed, outcome, again))
    fault("after_record")
    _measure(claimed, word if ours else "zombie", seconds)
    log.info("execution.ended", outcome=word if ours else "zombie", operation=claimed.revision.action.operation)


def _recorded(
    claimed: Armed, armed: Armed | None, outcome: Receipt | EffectFailed | EffectUnknown, again: bool
) -> tuple[ExecutionStatus, bool]:
    """What was recorded, and whether it was still ours to record. `again`: it was tried before, and may have been written."""
    word: ExecutionStatus = (
        "succeeded" if isinstance(outcome, Receipt) else "unknown" if isinstance(outcome, EffectUnknown) else "failed"
    )
    with storage().work(claimed.execution.workspace_id, claimed.suggestion.user_id) as work:
        if again and _stands(work, claimed.execution, word):
            return word, True
        if isinstance(outcome, Receipt) and armed is not None:
            ours = execute.succeed(work, armed, outcome)
        elif isinstance(outcome, EffectUnknown) and armed is not None:
            ours = execute.lose_track(work, armed, outcome.code, dict(outcome.data))
        else:
            assert isinstance(outcome, EffectFailed)
            ours = execute.fail(
                work, claimed, outcome.code, dict(outcome.data), again=not outcome.lasting, after=outcome.after,
                armed=armed is not None,
            )  # fmt: skip
        work.connections.add(
            ConnectorExecution(
                id=new_id(),
                workspace_id=claimed.execution.workspace_id,
                connection_id=claimed.connection.id,
                operation=claimed.revision.action.operation,
                status="success" if word == "succeeded" else "failed",
                executed_at=datetime.now(UTC),
                result={"outcome": word, "code": getattr(outcome, "code", None)},
            )
        )
        work.commit()
    return word, ours


def _stands(work: Any, execution: ActionExecution, word: str) -> bool:
    """Whether this outcome is written down under this fence: the commit was not heard of."""
    return any(a.fence == execution.fence and a.outcome == word for a in work.executions.attempts(execution.id))


def _surely(told: Callable[[bool], T]) -> T:
    """What this process alone knows, written down as soon as the database takes it: one that is away, busy or in a deadlock is asked again (`told` hears that it is)
    for as long as a lease lasts. Raises what the last try raised."""
    over, pause, again = time.monotonic() + execute.LEASE_SECONDS, FIRST_PAUSE_SECONDS, False
    while True:
        try:
            return told(again)
        except (Unavailable, Conflict) as why:
            if time.monotonic() > over or (isinstance(why, Conflict) and why.code != "kernel.version_stale"):
                raise
            log.warning("execution.told_again", error=why.code)
        time.sleep(pause)
        pause, again = min(2 * pause, LONGEST_PAUSE_SECONDS), True


def _stale(client: Connector, claimed: Armed) -> str | None:
    """Whether the world changed since the yes."""
    action = claimed.revision.action
    return client.stale(action.operation, claimed.execution.key, action.input)


class _StillOurs:
    """Asks, before each thing that cannot be taken back, whether nobody can have taken over since the last gate. A process that stood still there (a suspended machine, SIGSTOP) has the database
    tell: somebody else may have looked, found nothing, and done it. Raises EffectUnknown."""

    def __init__(self, claimed: Armed) -> None:
        self._claimed, self._known = claimed, _clock()

    def __call__(self) -> None:
        now = _clock()
        if now - self._known < STILL_SECONDS:
            return
        execution = self._claimed.execution
        with storage().work(execution.workspace_id, self._claimed.suggestion.user_id) as work:
            kept = work.executions.move(
                execution.id, execution.fence, "sending", "sending", lease_seconds=execute.LEASE_SECONDS
            )
            work.commit()
        if not kept:
            raise EffectUnknown("approvals.worker_lost")
        self._known = now


def _clock() -> float:
    """Seconds that pass while the machine is suspended, too, where the system can tell (Linux, clock_gettime(2))."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def _renew(execution: ActionExecution, user_id: UUID) -> bool:
    with storage().work(execution.workspace_id, user_id) as work:
        kept = work.executions.renew(execution.id, execution.fence, execute.LEASE_SECONDS)
        work.commit()
        return kept


def _measure(claimed: Armed, outcome: str, seconds: float) -> None:
    operation = claimed.revision.action.operation
    count("executions", operation=operation, outcome=outcome)
    if outcome == "succeeded":
        measure("execution_seconds", seconds, operation=operation, outcome=outcome)
        waited = (datetime.now(UTC) - claimed.execution.due_at).total_seconds()
        measure("tap_to_effect_seconds", waited, operation=operation)
