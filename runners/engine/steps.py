"""The steps of one run in the database, what they used, and what its skills remember: kept together, under the run's fence."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.billing.models import LedgerEntry
from core.billing.record import ledger_calls, record
from core.connectors.models import DataSnapshot
from core.kernel.errors import Failure
from core.kernel.faults import fault
from core.kernel.ids import new_id
from core.kernel.telemetry import span
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import Snapshot, Usage, Waits
from core.workflows.executions import follow
from runners.wiring import storage

KEEP_DAYS = 120
CHEAP_SECONDS = 0.25
Key = tuple[str, int]


class ClaimLost(Exception):
    """Another worker has this run now: whatever we did since is not written."""


class RunSteps:
    """Steps of a run: finished ones are found, not run again. Quick steps are written together with the next costly one (one that used a model or a connection, or took long) or with the run's
    end; what is not written after a crash is at most a quarter of a second of work. Also the run's Memory.

    A step that failed in the database failed for good; one that ends the run is written together with the run's end, which may be another try."""

    def __init__(self, run: Run, earlier: Sequence[RunStep], began: Callable[[], None]) -> None:
        self._run, self._began = run, began
        self._known: dict[Key, RunStep] = {(s.node_id, s.index): s for s in earlier}
        self._unwritten: list[RunStep] = []
        self._used: list[LedgerEntry] = []
        self.new_waits: list[tuple[RunStep, Waits]] = []
        """What steps began to wait for in this attempt."""
        self._remembered: list[DataSnapshot] = []
        self._last_write = time.monotonic()
        self._went_outside = False

    def went_outside(self) -> None:
        """The step under way uses a connection: it is written as soon as it is finished."""
        self._went_outside = True

    def attempts(self, node: str, index: int) -> int:
        known = self._known.get((node, index))
        return 0 if known is None else known.attempt

    def begin(
        self, node: str, index: int, skill: str, inputs: Mapping[str, Any], attempt: int
    ) -> Mapping[str, Any] | None:
        known = self._known.get((node, index))
        if known is not None:
            if known.status == "succeeded":
                return known.outputs or {}
            if known.status == "waiting":
                raise _what_it_waits_for(known)
            if known.status == "failed" and known.attempt >= attempt:
                error = known.error or {}
                raise Failure(error.get("code", "orchestration.step_broken"), **error.get("data", {}))
        self._began()
        self._known[node, index] = RunStep(
            id=new_id() if known is None else known.id, workspace_id=self._run.workspace_id, run_id=self._run.id, node_id=node,
            index=index, skill=skill, status="running", inputs=dict(inputs), started_at=_now(), attempt=attempt,
        )  # fmt: skip
        return None

    def finish(self, node: str, index: int, outputs: Mapping[str, Any], usage: Sequence[Usage]) -> None:
        step = self._end(node, index, "succeeded", usage)
        step.outputs = dict(outputs)
        costly = bool(usage) or self._went_outside or time.monotonic() - self._last_write > CHEAP_SECONDS
        self._went_outside = False
        if costly:
            self.write()
        fault(f"after_step_{node}")

    def fail(
        self, node: str, index: int, code: str, data: Mapping[str, Any], usage: Sequence[Usage], *, ends: bool
    ) -> None:
        step = self._end(node, index, "failed", usage)
        step.error = {"code": code, "data": dict(data)}
        if not ends:
            self.write()

    def skip(self, node: str, index: int) -> None:
        if (node, index) not in self._known:
            now = _now()
            step = RunStep(
                new_id(), self._run.workspace_id, self._run.id, node, index, "", "skipped", {}, now, finished_at=now
            )
            self._known[node, index] = step
            self._unwritten.append(step)

    def wait(self, node: str, index: int, waits: Waits, usage: Sequence[Usage]) -> None:
        step = self._known[node, index]
        if step.status == "failed":
            step = self._known[node, index] = RunStep(
                step.id, step.workspace_id, step.run_id, node, index, step.skill, "running", step.inputs, _now(),
                attempt=step.attempt + 1,
            )  # fmt: skip
        self._use(step, usage)
        self.new_waits.append((step, waits))

    def write(self) -> None:
        """Makes what is unwritten durable. Raises ClaimLost."""
        with (
            span("run.write", steps=len(self._unwritten)),
            storage().work(self._run.workspace_id, self._run.user_id) as work,
        ):
            self.write_into(work)
            work.commit()
        self.written()

    def write_into(self, work: Any) -> Run:
        """Puts what is unwritten into a transaction and answers the run, held; call `written` once it is committed. Raises ClaimLost."""
        held: Run | None = work.runs.hold(self._run.id, self._run.fence)
        if held is None:
            raise ClaimLost
        work.runs.put_steps(self._unwritten)
        for snapshot in self._remembered:
            work.runs.put_snapshot(snapshot)
        used = record(work, self._used).get(held.id)
        if used is not None:
            held.tokens += used.tokens
            held.cost += used.cost
        follow(work, held, self._unwritten)
        return held

    def known(self, node: str, index: int) -> RunStep:
        """A step that began in this attempt or before."""
        return self._known[node, index]

    def written(self) -> None:
        """What was unwritten is durable now."""
        self._unwritten, self._used, self._remembered = [], [], []
        self._last_write = time.monotonic()

    def remember(self, snapshot: Snapshot) -> None:
        if self._run.dry or self._run.agent_id is None:
            return
        self._remembered.append(
            DataSnapshot(
                id=new_id(),
                workspace_id=self._run.workspace_id,
                connection_id=snapshot.connection_id,
                agent_id=self._run.agent_id,
                data_type=snapshot.data_type,
                external_id=snapshot.external_id,
                metadata=dict(snapshot.metadata),
                snapshot_at=snapshot.snapshot_at,
                expires_at=_now() + timedelta(days=KEEP_DAYS),
                body_ref=snapshot.body,
            )
        )

    def recall(self, connection_id: UUID, data_type: str, since: datetime) -> Sequence[Snapshot]:
        if self._run.agent_id is None:
            return []
        with storage().work(self._run.workspace_id, self._run.user_id) as work:
            kept = work.runs.snapshots(connection_id, self._run.agent_id, data_type, since)
        fresh = [s for s in self._remembered if (s.connection_id, s.data_type) == (connection_id, data_type)]
        newest = {s.external_id: s for s in [*kept, *fresh] if s.snapshot_at >= since}
        return [
            Snapshot(s.connection_id, s.data_type, s.external_id, s.metadata, s.body_ref, s.snapshot_at)
            for s in sorted(newest.values(), key=lambda s: s.snapshot_at)
        ]

    def _end(self, node: str, index: int, status: Any, usage: Sequence[Usage]) -> RunStep:
        step = self._known[node, index]
        step.status, step.finished_at = status, _now()
        self._use(step, usage)
        self._unwritten.append(step)
        return step

    def _use(self, step: RunStep, usage: Sequence[Usage]) -> None:
        if usage:
            step.usage = {
                "tokens_prompt": sum(u.tokens_prompt for u in usage),
                "tokens_completion": sum(u.tokens_completion for u in usage),
                "cost": str(sum((u.cost for u in usage if u.cost is not None), start=0)),
            }
            self._used += ledger_calls(self._run, step, usage, _now())


def _what_it_waits_for(step: RunStep) -> Waits:
    wait = step.wait or {}
    until = wait.get("until")
    return Waits(wait.get("kind", "time"), datetime.fromisoformat(until) if until else None, wait.get("data", {}))


def _now() -> datetime:
    return datetime.now(UTC)
