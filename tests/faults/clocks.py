"""Makes a process believe in another time of day: its clock is set by up to an hour, forwards and backwards, again and again. What counts seconds (the monotonic
clock) goes on as it does when somebody sets a machine's clock. For processes of the rig alone: NOD_TESTS_JOIN names this module, NOD_TESTS_CLOCK the seed."""

import datetime as datetimes
import os
import random
import sys
import time

from tests.faults import join as connectors

MOST_SECONDS = 3600.0
STEADY_SECONDS = 0.7
_true = time.time
_chance = random.Random()
_set_at = float("-inf")
_by = 0.0


def wrong() -> float:
    """Seconds since 1970, as this process believes."""
    global _set_at, _by
    if time.monotonic() - _set_at > STEADY_SECONDS:
        _set_at, _by = time.monotonic(), _chance.uniform(-MOST_SECONDS, MOST_SECONDS)
    return _true() + _by


class _Datetime(datetimes.datetime):
    """What `datetime.now` answers by the wrong clock; everything else as it is."""

    @classmethod
    def now(cls, tz: datetimes.tzinfo | None = None) -> datetimes.datetime:
        return _datetime.fromtimestamp(wrong(), tz)

    @classmethod
    def utcnow(cls) -> datetimes.datetime:
        return _datetime.fromtimestamp(wrong(), datetimes.UTC).replace(tzinfo=None)


_datetime = datetimes.datetime


class _Kind(type(_Datetime)):
    """A moment is one of these, whoever made it."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _datetime)


def join() -> None:
    """Sets the clocks of whatever is loaded and asks for the time."""
    connectors.join()
    _chance.seed(int(os.environ["NOD_TESTS_CLOCK"]))
    fake = _Kind("datetime", (_Datetime,), {})
    true_ns = time.time_ns
    time.time, time.time_ns = wrong, lambda: true_ns() + int(_by * 1e9)
    for module in list(sys.modules.values()):
        if module is sys.modules[__name__]:
            continue
        for name, found in list(getattr(module, "__dict__", {}).items()):
            if found is _datetime and _ours(module.__name__):
                setattr(module, name, fake)
            elif found is _true:
                setattr(module, name, wrong)


def _ours(name: str) -> bool:
    return name.partition(".")[0] in ("core", "storage", "runners", "bots", "apscheduler", "dramatiq", "redis")
