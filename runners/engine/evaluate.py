"""Carries out a graph of skills, what is independent side by side, and remembers each step so that a resumed run repeats none."""

from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from time import monotonic, sleep
from typing import Any

from core.catalog.graph import Graph
from core.kernel.errors import Failure, Invalid
from core.orchestration.ports import SkillContext, Waits
from runners.engine.plan import Find, Json, Plan, PlannedNode, named, platform
from runners.engine.play import Step, pause, play, said, tries_again
from runners.engine.protocol import Cancelled, Steps, Waiting

__all__ = ["Cancelled", "Steps", "Waiting", "evaluate"]

MAX_THREADS = 16
INLINE_SECONDS = 2.0
POLL_SECONDS = 0.05


def evaluate(
    graph: Graph | Plan,
    *,
    run: Json,
    params: Json,
    context: SkillContext,
    steps: Steps,
    cancelled: Callable[[], bool] = lambda: False,
    skill: Find = platform,
) -> dict[str, Any]:
    """Carries out `graph` (compiled once as a Plan, or a Graph with the skills that `skill` finds) and returns its `output`, resolved; JSON values.

    References see `run` (facts of the run) and `params` (the agent's settings). `cancelled` is asked before each step. A failing step
    is tried again and passed over as its node says; else nothing new starts, what is running ends, and its Failure is raised; any other
    exception of a skill is recorded as `orchestration.step_broken` and raised as it is. Raises Cancelled; Waiting when only steps that
    wait are left; and Invalid `orchestration.step_input_wrong`, `orchestration.step_output_wrong`, `orchestration.step_not_a_list`,
    `orchestration.condition_failed` or `orchestration.reference_failed`, Unavailable `orchestration.step_timeout`. `context.usage` collects the usage of the steps
    that ran in this attempt.
    """
    plan = graph if isinstance(graph, Plan) else Plan(graph, skill)
    scope: dict[str, Any] = {"run": run, "params": params, "errors": {}}
    _Evaluation(plan, scope, context, steps, cancelled).carry_out()
    try:
        return plan.output.fill(scope)
    except Invalid as problem:
        raise named(problem, "orchestration.reference_failed", "output") from problem


class _Entries:
    """How far a node with `for_each` is."""

    __slots__ = ("entries", "left", "next", "results")

    def __init__(self, entries: list[Any]) -> None:
        self.entries = entries
        self.results: list[Any] = [None] * len(entries)
        self.left, self.next = len(entries), 0


class _Evaluation:
    """One run. Only the skills themselves leave the calling thread."""

    def __init__(
        self,
        plan: Plan,
        scope: dict[str, Any],
        context: SkillContext,
        steps: Steps,
        cancelled: Callable[[], bool],
    ) -> None:
        self._plan, self._scope, self._context, self._steps, self._cancelled = plan, scope, context, steps, cancelled
        self._left = [node.waits_for for node in plan.nodes]
        self._entries: dict[int, _Entries] = {}
        self._ready: deque[Step] = deque()
        self._running: dict[Future[Any], Step] = {}
        self._paused: list[tuple[float, int, int, Step]] = []
        self._waiting: list[tuple[str, int, Waits]] = []
        self._failure: Exception | None = None
        self._pool: ThreadPoolExecutor | None = None

    def carry_out(self) -> None:
        try:
            for node in self._plan.first:
                self._open(node)
            ready = self._ready
            while True:
                while ready and self._failure is None and len(self._running) < MAX_THREADS:
                    self._start(ready.popleft())
                if self._running:
                    self._await_threads()
                elif self._paused and self._failure is None:
                    self._await_pause()
                elif not ready or self._failure is not None:
                    break
        finally:
            if self._pool is not None:
                self._pool.shutdown()
        if self._failure is not None:
            raise self._failure
        if self._waiting:
            raise Waiting(self._waiting)

    def _open(self, node: PlannedNode) -> None:
        """All that the node waits for is over."""
        try:
            if node.when is not None and not node.when.holds(self._scope):
                self._steps.skip(node.id, 0)
                self._over(node, None)
                return
        except Invalid as problem:
            self._ready.append(Step(node, 0, named(problem, "orchestration.condition_failed", node.id)))
            return
        if node.for_each is None:
            self._ready.append(Step(node, 0))
            return
        try:
            entries = node.for_each(self._scope)
        except Invalid as problem:
            self._ready.append(Step(node, 0, named(problem, "orchestration.reference_failed", node.id)))
            return
        if entries is not None and not isinstance(entries, list):
            problem = Invalid("orchestration.step_not_a_list", node=node.id, reference=node.for_each.expression)
            self._ready.append(Step(node, 0, problem))
        elif not entries:
            self._over(node, [])
        else:
            self._entries[node.at] = _Entries(entries[: node.limit])
            for _ in range(node.parallel):
                self._next_entry(node)

    def _next_entry(self, node: PlannedNode) -> None:
        progress = self._entries[node.at]
        if progress.next < len(progress.entries):
            self._ready.append(Step(node, progress.next))
            progress.next += 1

    def _start(self, step: Step) -> None:
        if self._cancelled():
            self._failure = Cancelled()
            return
        node, steps = step.node, self._steps
        if step.given is None and not self._prepare(step):
            return
        try:
            done = steps.begin(node.id, step.index, node.name, step.given or {}, step.attempt)
        except Waits as waits:
            self._waiting.append((node.id, step.index, waits))
            return
        except Failure as failure:
            self._fail(step, failure, known=True)
            return
        if done is not None:
            self._done(step, done)
        elif step.problem is not None:
            self._fail(step, step.problem)
        else:
            step.ready(self._context)
            if node.quick or not (self._running or self._ready or self._paused):
                self._settle(step, play(step))
            else:
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(MAX_THREADS, thread_name_prefix="step")
                self._running[self._pool.submit(copy_context().run, play, step)] = step

    def _prepare(self, step: Step) -> bool:
        """Looks up what the step works with; False when it is skipped."""
        node, scope = step.node, self._scope
        step.given = {}
        if node.retry is not None:
            step.attempt = max(1, self._steps.attempts(node.id, step.index))
        if step.problem is not None:
            return True
        progress = self._entries.get(node.at)
        if progress is not None:
            scope = {**scope, "item": progress.entries[step.index], "index": step.index}
        code = "orchestration.condition_failed"
        try:
            if node.when_each is not None and not node.when_each.holds(scope):
                self._steps.skip(node.id, step.index)
                self._done(step, None)
                return False
            code = "orchestration.reference_failed"
            step.given = node.inputs.fill_known(scope)
        except Invalid as problem:
            step.problem = named(problem, code, node.id)
        return True

    def _await_threads(self) -> None:
        over, _ = wait(self._running, self._until_resumed(), FIRST_COMPLETED)
        for future in sorted(over, key=lambda each: self._running[each].place):
            self._settle(self._running.pop(future), future.result())
        self._resume()

    def _await_pause(self) -> None:
        if self._cancelled():
            self._failure = Cancelled()
            return
        sleep(min(self._until_resumed() or 0.0, POLL_SECONDS))
        self._resume()

    def _until_resumed(self) -> float | None:
        return max(0.0, self._paused[0][0] - monotonic()) if self._paused and self._failure is None else None

    def _resume(self) -> None:
        while self._paused and self._paused[0][0] <= monotonic():
            self._ready.append(heappop(self._paused)[-1])

    def _settle(self, step: Step, outcome: Any) -> None:
        if step.usage:
            self._context.usage.extend(step.usage)
        if type(outcome) is dict:
            self._steps.finish(step.node.id, step.index, outcome, step.usage)
            self._done(step, outcome)
        elif isinstance(outcome, Waits):
            self._steps.wait(step.node.id, step.index, outcome, step.usage)
            self._waiting.append((step.node.id, step.index, outcome))
        else:
            self._fail(step, outcome)

    def _fail(self, step: Step, problem: Exception, *, known: bool = False) -> None:
        """`known`: the failure was found, not made."""
        node = step.node
        again = self._failure is None and tries_again(step, problem, known=known)
        ends = not again and node.on_error == "fail"
        code, data = said(problem)
        if ends or not known:
            self._steps.fail(node.id, step.index, code, data, () if known else step.usage, ends=ends)
        if again:
            self._try_again(step)
        elif ends:
            self._failure = self._failure or problem
        else:
            error: Any = {"code": code, "data": dict(data)}
            if node.at in self._entries:
                self._scope["errors"].setdefault(node.id, []).append({"index": step.index, **error})
            else:
                self._scope["errors"][node.id] = error
            self._done(step, node.use)

    def _try_again(self, step: Step) -> None:
        seconds = pause(step)
        step.attempt += 1
        if seconds <= INLINE_SECONDS:
            heappush(self._paused, (monotonic() + seconds, *step.place, step))
            return
        waits = Waits("time", datetime.now(UTC) + timedelta(seconds=seconds), {})
        self._steps.wait(step.node.id, step.index, waits, ())
        self._waiting.append((step.node.id, step.index, waits))

    def _done(self, step: Step, outputs: Mapping[str, Any] | None) -> None:
        node = step.node
        progress = self._entries.get(node.at)
        if progress is None:
            self._over(node, outputs)
            return
        progress.results[step.index] = outputs
        progress.left -= 1
        if progress.left:
            self._next_entry(node)
        else:
            self._over(node, progress.results)

    def _over(self, node: PlannedNode, value: Any) -> None:
        self._scope[node.id] = value
        for follower in node.followers:
            self._left[follower.at] -= 1
            if not self._left[follower.at] and self._failure is None:
                self._open(follower)
