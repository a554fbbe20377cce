"""Runs a person's own Python: Monty's subset of it, in a box of its own for each step (docs/skills.md)."""

import json
import math
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from datetime import time as clock_time
from decimal import Decimal
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field

from core.kernel.errors import Failure, Invalid, Unavailable
from core.orchestration.ports import SkillContext
from runners.models.shape import SchemaShape
from runners.sandbox import enter
from runners.sandbox.box import REASONS, Box, monty, probe

CPU_SECONDS = 5
WALL_SECONDS = 10.0
MEMORY_BYTES = 128 * 1024 * 1024
"""What the values of the code may take; the box as a whole may take twice that."""
OUTPUT_BYTES = 1_000_000
"""Result and print together."""
DEEPEST = 60
MOST_CHECKING = 200_000_000
"""Characters of the schema times characters of the result."""


class Input(BaseModel):
    """`source` is the code: Python as Monty understands it, without imports of other packages, files or network. It finds `inputs` as a dict of
    that name, and the value of its last expression is the result. `output_schema`, a JSON Schema of an object, is what the result must fit."""

    model_config = ConfigDict(extra="forbid")

    source: str = Field(max_length=50_000)
    inputs: dict[str, Any] = {}
    output_schema: dict[str, Any] | None = None


class Output(BaseModel):
    """`result` is a JSON value (dates in ISO 8601, decimals as text), `printed` what the code printed."""

    result: Any
    printed: str


class Code:
    name: ClassVar[str] = "code"
    quick: ClassVar[bool] = False
    Input = Input
    Output = Output

    def run(self, context: SkillContext, inputs: Input) -> Output:
        """The clock stands at the run's time and chance has the step's own seed, so the same step gives the same result again.

        Raises Unavailable `orchestration.isolation_missing` (reason) where there is no box, `orchestration.step_broken` where it was killed from outside;
        Invalid `orchestration.code_failed` (error, line), `orchestration.code_limit` (limit: time, memory or output), `orchestration.code_result_wrong` (field, found), `model_schema_refused`."""
        shape = SchemaShape(inputs.output_schema) if inputs.output_schema is not None else None
        result, printed = _boxed(context, inputs)
        plain = _Plain().of(result, "result")
        written = json.dumps(plain, ensure_ascii=False)
        if len(written.encode()) + len(printed.encode()) > OUTPUT_BYTES:
            raise _limit("output")
        if shape is not None:
            _check(shape, plain, len(written))
        return Output(result=plain, printed=printed)


def _boxed(context: SkillContext, inputs: Input) -> tuple[Any, str]:
    # Here, because importing it takes longer than most runs.
    import pydantic_monty as interpreter

    wall = WALL_SECONDS if context.deadline is None else min(WALL_SECONDS, context.deadline - time.monotonic())
    if wall <= 0:
        raise _limit("time")
    try:
        box = Box((monty(),), cpu_seconds=CPU_SECONDS, wall_seconds=wall, output_bytes=OUTPUT_BYTES)
        with box.executable() as path:
            pool = interpreter.Monty(
                binary_path=path, min_processes=0, max_processes=1, checkout_timeout=wall, request_timeout=wall,
                feed_duration_limit_grace=None,
            )  # fmt: skip
            return _fed(pool, context, inputs)
    except TimeoutError:
        raise _limit("time") from None
    except (OSError, AttributeError):
        # No program in memory, no /proc, no Monty: this is not Linux as the box needs it.
        raise Unavailable("orchestration.isolation_missing", reason=probe() or "program") from None


def _fed(pool: Any, context: SkillContext, inputs: Input) -> tuple[Any, str]:
    from pydantic_monty import CollectString, MontyCrashedError, MontyError

    printed = CollectString(max_bytes=OUTPUT_BYTES)
    limits: Any = {"max_memory": MEMORY_BYTES, "max_feed_duration_secs": CPU_SECONDS - 0.5}
    policy: Any = {
        "datetime": context.now,
        "timezone": context.timezone.key,
        "sleep": "zero",
        "random_start": {"seed": f"{context.run_id}/{context.node}/{context.index}"},
    }
    try:
        with pool, pool.checkout(script_name="code", limits=limits, os_policy=policy) as session:
            result = session.feed_run(inputs.source, inputs={"inputs": inputs.inputs}, print_callback=printed)
    except MontyCrashedError as crashed:
        raise _crashed(crashed.exit_status, crashed.timed_out) from None
    except MontyError as failed:
        raise _failed(failed) from None
    except (ValueError, OverflowError, RecursionError):
        # The input or the result has something that does not go over, such as nesting without end.
        raise _wrong("result", "nesting") from None
    return result, printed.output.replace("\0", "\N{REPLACEMENT CHARACTER}")


def _crashed(status: int | None, timed_out: bool) -> Failure:
    if status in REASONS:
        return Unavailable("orchestration.isolation_missing", reason=REASONS[status])
    if timed_out or status == enter.OUT_OF_TIME:
        return _limit("time")
    if status is None or status < 0 or status == enter.KILLED:
        # Somebody else ended it, or the kernel for want of memory: that is not the code's doing.
        return Unavailable("orchestration.step_broken")
    return _limit("output" if status == enter.OUT_OF_OUTPUT else "memory")


def _failed(failed: Any) -> Failure:
    """What the code did wrong, in its own words; a limit that the interpreter noticed itself reads like the others."""
    kind = type(failed.exception()).__name__
    text = str(failed)
    if text.startswith("TimeoutError: feed time limit"):
        return _limit("time")
    if text.startswith(("MemoryError: memory limit", "MemoryError: the worker")):
        return _limit("memory")
    line = 0
    with suppress(AttributeError, IndexError):
        line = failed.traceback()[-1].line
    said = text if text.startswith(kind) else f"{kind}: {text}"
    return Invalid("orchestration.code_failed", error=said.replace("\0", "")[:300], line=line)


def _check(shape: SchemaShape, result: Any, length: int) -> None:
    if length * len(json.dumps(shape.schema)) > MOST_CHECKING:
        raise _limit("output")
    for problem in shape.problems(result):
        field, _, rule = problem.rpartition(": ")
        raise _wrong(field, rule)


class _Plain:
    """JSON of what came out of the box, counted as it is written out: a small value that holds one list a million times is a large one."""

    def __init__(self) -> None:
        self._left = OUTPUT_BYTES

    def of(self, value: Any, at: str, depth: int = 0) -> Any:
        """A copy of JSON values. Raises Invalid."""
        self._left -= 2 + (len(value) if isinstance(value, str) else 0)
        if self._left < 0:
            raise _limit("output")
        if depth > DEEPEST:
            raise _wrong(at[:100], "nesting")
        match value:
            case None | bool():
                return value
            case int() if value.bit_length() <= 1024:
                return int(value)
            case float() if math.isfinite(value):
                return float(value)
            case str() if "\0" not in value:
                return str(value)
            case Decimal() | date() | datetime() | clock_time():
                return str(value) if isinstance(value, Decimal) else value.isoformat()
            case list() | tuple():
                return [self.of(each, f"{at}.{i}", depth + 1) for i, each in enumerate(value)]
            case Mapping() if all(isinstance(name, str) for name in value):
                return {self.of(name, at, depth): self.of(each, f"{at}.{name[:40]}", depth + 1) for name, each in value.items()}  # fmt: skip
        raise _wrong(at[:100], "NUL character" if isinstance(value, str) else type(value).__name__)


def _limit(limit: str) -> Invalid:
    return Invalid("orchestration.code_limit", limit=limit)


def _wrong(field: str, found: str) -> Invalid:
    return Invalid("orchestration.code_result_wrong", field=field, found=found)
