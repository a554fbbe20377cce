"""How often one trigger may be called (or a sign-in be tried), by all web processes together: counted in Redis and by its clock. While Redis is away, each process counts for itself."""

import logging
import math
import time
from collections.abc import Callable
from typing import Any, TypeVar
from uuid import UUID

from limits import RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

log = logging.getLogger(__name__)
AT_ONCE, SECONDS = 200, 4
PREFIX = "nod:often"
PATIENCE, PAUSE = 0.5, 2.0
"""Seconds: how long Redis is waited for, and how long it is left alone after that."""
T = TypeVar("T")


class Often:
    """At most `at_once` calls of a trigger in any `seconds`. Calls at the same moment may lead over it by as many as there are at that moment. Thread-safe."""

    def __init__(self, redis_url: str | None, at_once: int = AT_ONCE, seconds: int = SECONDS) -> None:
        self._rate = RateLimitItemPerSecond(at_once, seconds)
        self._here = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared = None if redis_url is None else _in_redis(redis_url)
        self._away_until = 0.0

    def wait(self, trigger_id: UUID | str) -> int:
        """0 when it may be called now; else after how many seconds. Counts nothing."""
        standing = self._ask(lambda windows: windows.get_window_stats(self._rate, str(trigger_id)))
        return 0 if standing.remaining > 0 else max(1, math.ceil(standing.reset_time - time.time()))

    def called(self, trigger_id: UUID | str) -> None:
        """It was called just now."""
        self._ask(lambda windows: windows.hit(self._rate, str(trigger_id)))

    def _ask(self, question: Callable[[SlidingWindowCounterRateLimiter], T]) -> T:
        if self._shared is not None and time.monotonic() >= self._away_until:
            try:
                return question(self._shared)
            except (RedisError, OSError) as away:
                self._away_until = time.monotonic() + PAUSE
                log.warning("calls are counted in this process alone: %s", type(away).__name__)
        return question(self._here)


def _in_redis(url: str) -> SlidingWindowCounterRateLimiter:
    own: dict[str, Any] = {
        "socket_timeout": PATIENCE,
        "socket_connect_timeout": PATIENCE,
        "retry": Retry(NoBackoff(), 0),
    }
    return SlidingWindowCounterRateLimiter(RedisStorage(url, key_prefix=PREFIX, **own))
