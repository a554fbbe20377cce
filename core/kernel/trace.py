"""The trace that the current work belongs to, as a W3C traceparent, so that rows can carry it from one process to the next."""

from contextvars import ContextVar

traceparent: ContextVar[str | None] = ContextVar("traceparent", default=None)
