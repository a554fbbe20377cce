"""Seeing what happens: spans and measures, named here, recorded by whatever a process has set up (nothing in a unit test).

A tap, a run, a step, an execution and a delivery are one trace across processes: rows carry the traceparent from one to the next.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Literal, Protocol

from core.kernel.trace import traceparent

Measure = Literal[
    "run_start_seconds",
    "run_seconds",
    "tap_to_toast_seconds",
    "tap_to_effect_seconds",
    "execution_seconds",
    "delivery_seconds",
    "http_seconds",
]
Count = Literal["runs", "executions", "deliveries", "suggestions", "inbound_events"]


class Telemetry(Protocol):
    """Where spans and measures go."""

    def span(self, name: str, parent: str | None, attributes: dict[str, str]) -> AbstractContextManager[str | None]:
        """Opens a span under `parent` (a traceparent; None: under the current one) and gives its own traceparent."""
        ...

    def measure(self, name: Measure, seconds: float, labels: dict[str, str]) -> None: ...

    def count(self, name: Count, labels: dict[str, str]) -> None: ...

    def depth(self, depths: dict[str, int]) -> None: ...


class _Nothing:
    @contextmanager
    def span(self, name: str, parent: str | None, attributes: dict[str, str]) -> Iterator[str | None]:
        yield parent

    def measure(self, name: Measure, seconds: float, labels: dict[str, str]) -> None: ...

    def count(self, name: Count, labels: dict[str, str]) -> None: ...

    def depth(self, depths: dict[str, int]) -> None: ...


_current: Telemetry = _Nothing()


def record_with(telemetry: Telemetry) -> None:
    """Sets where this process records. Called once, by its wiring."""
    global _current  # noqa: PLW0603 - one process, one recorder
    _current = telemetry


@contextmanager
def span(name: str, parent: str | None = None, **attributes: Any) -> Iterator[None]:
    """One piece of work. `attributes` are ids (workspace, run, execution, delivery), never content; log lines inside carry them."""
    texts = {key: str(value) for key, value in attributes.items() if value is not None}
    with _current.span(name, parent or traceparent.get(), texts) as own:
        token = traceparent.set(own)
        try:
            yield
        finally:
            traceparent.reset(token)


def measure(name: Measure, seconds: float, **labels: str) -> None:
    """One duration, in seconds."""
    _current.measure(name, seconds, labels)


def count(name: Count, **labels: str) -> None:
    """One more of something."""
    _current.count(name, labels)


def depth(depths: dict[str, int]) -> None:
    """How many rows of each kind are due now."""
    _current.depth(depths)
