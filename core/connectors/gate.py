"""The last moment before an effect. A process can stand still anywhere (a suspended machine, SIGSTOP), also in the midst of a call; whoever takes over meanwhile may do the same effect. So a connector asks
once more right before what cannot be taken back: its look-ups, connections and logins lie before that, and a pause in them costs nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_gate: ContextVar[Callable[[], None] | None] = ContextVar("gate", default=None)


def last_gate() -> None:
    """To be called right before the bytes that make the effect; cheap. Raises EffectUnknown `approvals.worker_lost` where somebody else may have taken over: then nothing is sent.
    Outside of an effect there is nothing to ask."""
    ask = _gate.get()
    if ask is not None:
        ask()


@contextmanager
def gated(ask: Callable[[], None]) -> Iterator[None]:
    """Within it `last_gate` asks this."""
    before = _gate.set(ask)
    try:
        yield
    finally:
        _gate.reset(before)
