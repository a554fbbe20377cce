"""The steps of one run in the database, and what its skills remember: kept together, under the run's fence."""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from core.connectors.models import DataSnapshot
from core.kernel.ids import new_id
from core.kernel.telemetry import span
from core.orchestration.models import Run, RunStep
from core.orchestration.ports import Snapshot, Usage, Waits
from runners.faults import fault
from runners.wiring import storage

KEEP_DAYS = 120
CHEAP_SECONDS = 0.25


class ClaimLost(Exception):
    """Another worker has this run now: whatever we did since is not written."""


class RunSteps:
    """Steps of a run: finished ones are found, not run again. Quick steps are written together with the next costly one (one that used a model or a connection, or took long) or with the run's
    end; what is not written after a crash is at most a quarter of a second of work. Also the run's Memory."""

    def __init__(self, run: Run, earlier: Sequence[RunStep], began: Callable[[], None]) -> None:
        self._run, self._began = run, began
        self._done = {(s.node_id, s.index): s for s in earlier if s.status == "succeeded"}
        self._attempts = {(s.node_id, s.index): s.attempt for s in earlier}
        self._current: dict[tuple[str, int], RunStep] = {}
        self._unwritten: list[RunStep] = []
        self._remembered: list[DataSnapshot] = []
        self._last_write = time.monotonic()
        self._went_outside = False

    def went_outside(self) -> None:
        """The step under way uses a connection: it is written as soon as it is finished."""
        self._went_outside = True

    def attempts(self, node: str, index: int) -> int:
        return self._attempts.get((node, index), 0)

    def begin(
        self, node: str, index: int, skill: str, inputs: Mapping[str, Any], attempt: int
    ) -> Mapping[str, Any] | None:
        done = self._done.get((node, index))
        if done is not None:
            return done.outputs or {}
        self._began()
        self._current[node, index] = RunStep(
            id=new_id(), workspace_id=self._run.workspace_id, run_id=self._run.id, node_id=node, index=index, skill=skill,
            status="running", inputs=dict(inputs), started_at=_now(), attempt=attempt,
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
        self._end(node, index, "failed", usage).error = {"code": code, "data": dict(data)}
        self.write()

    def skip(self, node: str, index: int) -> None:
        """A skipped step leaves no row: its condition says the same again."""

    def wait(self, node: str, index: int, waits: Waits, usage: Sequence[Usage]) -> None:
        step = self._end(node, index, "waiting", usage)
        step.wait = {"kind": waits.kind, "until": waits.until and waits.until.isoformat(), "data": dict(waits.data)}

    def write(self) -> None:
        """Makes what is unwritten durable. Raises ClaimLost."""
        with (
            span("run.write", steps=len(self._unwritten)),
            storage().work(self._run.workspace_id, self._run.user_id) as work,
        ):
            self.write_into(work)
            work.commit()
        self.written()

    def write_into(self, work: Any) -> None:
        """Puts what is unwritten into a transaction; call `written` once it is committed. Raises ClaimLost."""
        if work.runs.hold(self._run.id, self._run.fence) is None:
            raise ClaimLost
        for step in self._unwritten:
            work.runs.put_step(step)
        for snapshot in self._remembered:
            work.runs.put_snapshot(snapshot)

    def written(self) -> None:
        """What was unwritten is durable now."""
        self._unwritten, self._remembered, self._last_write = [], [], time.monotonic()

    def remember(self, snapshot: Snapshot) -> None:
        if self._run.dry:
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
        with storage().work(self._run.workspace_id, self._run.user_id) as work:
            kept = work.runs.snapshots(connection_id, self._run.agent_id, data_type, since)
        fresh = [s for s in self._remembered if (s.connection_id, s.data_type) == (connection_id, data_type)]
        newest = {s.external_id: s for s in [*kept, *fresh] if s.snapshot_at >= since}
        return [
            Snapshot(s.connection_id, s.data_type, s.external_id, s.metadata, s.body_ref, s.snapshot_at)
            for s in sorted(newest.values(), key=lambda s: s.snapshot_at)
        ]

    def _end(self, node: str, index: int, status: Any, usage: Sequence[Usage]) -> RunStep:
        step = self._current.pop((node, index))
        step.status, step.finished_at = status, _now()
        step.usage = {
            "tokens_prompt": sum(u.tokens_prompt for u in usage),
            "tokens_completion": sum(u.tokens_completion for u in usage),
            "cost": str(sum((u.cost for u in usage if u.cost is not None), start=0)),
        } if usage else {}  # fmt: skip
        self._unwritten.append(step)
        return step


def _now() -> datetime:
    return datetime.now(UTC)
