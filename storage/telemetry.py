"""Logs (structlog), traces (OpenTelemetry) and metrics (Prometheus) of one process. Content never goes in: ids, counts and codes only."""

import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TextIO, cast

import structlog
from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, multiprocess

from core.kernel.settings import Settings
from core.kernel.telemetry import Count, Measure, record_with

_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 12.5, 15, 30, 60, 300)
TRACE = slice(3, 35)
"""The trace id of a traceparent."""
_LABELS: dict[str, tuple[str, ...]] = {
    "run_start_seconds": ("trigger",),
    "run_seconds": ("status",),
    "tap_to_toast_seconds": ("surface",),
    "tap_to_effect_seconds": ("operation",),
    "execution_seconds": ("operation", "outcome"),
    "delivery_seconds": ("channel",),
    "http_seconds": ("route", "status"),
    "runs": ("status",),
    "executions": ("operation", "outcome"),
    "deliveries": ("channel", "outcome"),
    "suggestions": ("type",),
    "inbound_events": ("channel", "outcome"),
}
_HELP: dict[str, str] = {
    "run_start_seconds": "From the time a run was due to its first step",
    "run_seconds": "From a run's first step to its end",
    "tap_to_toast_seconds": "From a tap's arrival to its answer",
    "tap_to_effect_seconds": "From an approval to its effect, without the undo window",
    "execution_seconds": "How long the effect itself took",
    "delivery_seconds": "From the time a message was due to its acceptance by the platform",
    "http_seconds": "How long an HTTP request took",
    "runs": "Runs that ended",
    "executions": "Executions that ended",
    "deliveries": "Messages handed to platforms",
    "suggestions": "Suggestions made",
    "inbound_events": "Events taken from platforms",
}


_ids = RandomIdGenerator()


class Recorder:
    """Counts with Prometheus. Spans are not recorded: only their traceparent goes on, and the trace id into the log."""

    def __init__(self) -> None:
        self._measures = {
            name: Histogram(f"nod_{name}", _HELP[name], labels, buckets=_BUCKETS)
            for name, labels in _LABELS.items()
            if name.endswith("_seconds")
        }
        self._counts = {
            name: Counter(f"nod_{name}", _HELP[name], labels)
            for name, labels in _LABELS.items()
            if not name.endswith("_seconds")
        }
        self._depth = Gauge("nod_due", "Rows that are due now", ("kind",), multiprocess_mode="mostrecent")

    def span(self, name: str, parent: str | None, attributes: dict[str, str]) -> AbstractContextManager[str | None]:
        return _Unrecorded(parent or _traceparent(), attributes)

    def measure(self, name: Measure, seconds: float, labels: dict[str, str]) -> None:
        self._measures[name].labels(**labels).observe(max(seconds, 0.0))

    def count(self, name: Count, labels: dict[str, str]) -> None:
        self._counts[name].labels(**labels).inc()

    def depth(self, depths: dict[str, int]) -> None:
        for kind, rows in depths.items():
            self._depth.labels(kind=kind).set(rows)


class _Unrecorded:
    """A span that only log lines know of."""

    __slots__ = ("_attributes", "_before", "_own")

    def __init__(self, own: str, attributes: dict[str, str]) -> None:
        self._own, self._attributes = own, attributes

    def __enter__(self) -> str:
        self._before = structlog.contextvars.bind_contextvars(trace=self._own[TRACE], **self._attributes)
        return self._own

    def __exit__(self, *_: object) -> None:
        structlog.contextvars.reset_contextvars(**self._before)


class Tracer(Recorder):
    """Records spans as well, with OpenTelemetry. It takes several times as long as going on does."""

    def __init__(self) -> None:
        super().__init__()
        self._tracer = trace.get_tracer("nod")
        self._propagator = TraceContextTextMapPropagator()

    @contextmanager
    def span(self, name: str, parent: str | None, attributes: dict[str, str]) -> Iterator[str | None]:
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name, context, attributes={f"nod.{key}": value for key, value in attributes.items()}
        ) as opened:
            carrier: dict[str, str] = {}
            self._propagator.inject(carrier)
            trace_id = trace.format_trace_id(opened.get_span_context().trace_id)
            with structlog.contextvars.bound_contextvars(trace=trace_id, **attributes):
                yield carrier.get("traceparent", parent)


def _traceparent() -> str:
    """Of a trace that begins here (W3C Trace Context, version 00, not sampled)."""
    return f"00-{trace.format_trace_id(_ids.generate_trace_id())}-{trace.format_span_id(_ids.generate_span_id())}-00"


def set_up(settings: Settings, process: str) -> None:
    """Makes this process log, trace and count. Spans are recorded, and leave over OTLP, only when an OTEL_EXPORTER_OTLP_… address is set; trace ids are there anyway."""
    if settings.otlp_endpoint:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

        provider = TracerProvider(resource=Resource.create({"service.name": f"nod-{process}"}))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        trace.set_tracer_provider(provider)
    _log(settings, process)
    record_with(Tracer() if settings.otlp_endpoint else Recorder())


def metrics(settings: Settings) -> bytes:
    """What every process of this supervisor counted (this process alone without one), in Prometheus' text format."""
    if settings.metrics_folder is None:
        return generate_latest()
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry, str(settings.metrics_folder))
    return generate_latest(registry)


def metrics_folder(data_dir: Path) -> dict[str, str]:
    """The environment that makes the processes of one supervisor count together. Empties the folder: counters begin anew with it."""
    folder = data_dir / "metrics"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.db"):
        old.unlink()
    return {"PROMETHEUS_MULTIPROC_DIR": str(folder.absolute())}


class _Paper:
    """Where log lines go. One that cannot be written (the disk is full, the reader is gone) is lost, and nothing else with it."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._file.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._file.flush()


def _log(settings: Settings, process: str) -> None:
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
    ]
    renderer = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Paper(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    formatter = structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[
        structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer])  # fmt: skip
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers, root.level = [handler], max(level, logging.WARNING)
