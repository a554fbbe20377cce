"""What is sent to the app, by either way, and what became of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .message import Message
    from .world import World


@dataclass
class Attempt:
    """One try. `problem` is empty once it was taken, else http_timeout, http_error, connection_failed or timeout."""

    number: int
    began: float
    ended: float = 0.0
    problem: str = ""
    by: str = ""


@dataclass(eq=False)
class Delivery:
    """`kind` as in Socket Mode: events_api, interactive or slash_commands. `answer` is what came with the ack:
    a dict, text, or None for nothing. Times are `time.monotonic()` seconds."""

    world: World
    kind: str
    payload: dict[str, Any]
    accepts_response: bool
    on_answer: Callable[[Delivery], None] | None = None
    attempts: list[Attempt] = field(default_factory=list)
    state: str = "waiting"
    answer: Any = None
    acked_at: float | None = None
    made_at: float = field(default_factory=time.monotonic)
    messages: list[Message] = field(default_factory=list)
    trouble: str = ""

    @property
    def acked(self) -> bool:
        return self.state == "acked"

    @property
    def type(self) -> str:
        """The event's type, the interaction's type, or the command."""
        if self.kind == "events_api":
            return self.payload["event"]["type"]
        return self.payload.get("type") or self.payload["command"]

    @property
    def seconds(self) -> float:
        """From what the person did to the ack."""
        assert self.acked_at is not None, f"{self!r} was not acknowledged"
        return self.acked_at - self.made_at

    def acknowledge(self, timeout: float = 60.0) -> Any:
        """Wait for the ack and what was done with it; the answer that came with it. AssertionError when it failed."""
        self.world.wait_until(
            lambda: None if self.state in ("waiting", "sent") else True, timeout, lambda: f"no ack of {self!r}"
        )
        assert self.acked, f"{self!r} failed: {[one.problem for one in self.attempts]}"
        return self.answer

    def wait_until_failed(self, timeout: float = 60.0) -> None:
        self.world.wait_until(
            lambda: True if self.state == "failed" else None, timeout, lambda: f"{self!r} did not fail"
        )

    def reply(self, timeout: float = 60.0) -> Message:
        """The first message that came of it by its ack or its response_url."""
        return self.world.wait_until(
            lambda: self.messages[0] if self.messages else None, timeout, lambda: f"nothing was said to {self!r}"
        )

    def take(self, answer: Any) -> None:
        """The app said yes, with `answer`; the caller holds the lock."""
        if self.state == "acked":
            return
        self.state, self.answer, self.acked_at = "acked", answer, time.monotonic()
        if self.on_answer is not None:
            self.on_answer(self)
        self.world.notify()

    def fail(self) -> None:
        self.state = "failed"
        self.trouble = "operation_timeout"
        if self.on_answer is not None:
            self.on_answer(self)
        self.world.notify()

    def __repr__(self) -> str:
        return f"<{self.kind} {self.type} {self.state} after {len(self.attempts)} attempts>"
