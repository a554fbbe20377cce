"""Whose turn it is: of several processes one takes events in and handles them, so that each chat keeps its order and Telegram's
getUpdates has one caller; another one delivers, where a platform limits what a bot sends in all. A Redis lease, a hint only: with two at work every claim
still has one winner."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5
RETRY_SECONDS = 0.5
WANTED_SECONDS, REST_SECONDS = 2.0, 3.0
RENEW = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end"
RELEASE = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end"


class Turn:
    """The lease `name`. Without Redis it is always ours; `changed` is set whenever that changes. A process that is busy with something else (`yields`) gives it to
    one that is not."""

    def __init__(self, redis_url: str | None, name: str, yields: Callable[[], bool] = lambda: False) -> None:
        self._url, self._key, self._mark = redis_url, f"nod:turn:{name}", uuid4().hex
        self._yields, self._wanted, self._rests_until = yields, f"nod:turn:{name}:wanted", 0.0
        self.mine = redis_url is None
        self.changed = asyncio.Event()
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ends `keep`. Not by cancelling it: the Redis client may swallow that while it connects."""
        self._stopping.set()

    async def keep(self) -> None:
        """Takes the lease when it is free and renews it, until `stop`; then gives it back."""
        if self._url is None:
            await self._stopping.wait()
            return
        async with Redis.from_url(self._url, socket_timeout=2, socket_connect_timeout=2) as redis:
            while not self._stopping.is_set():
                self._now(await self._ask(redis))
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RENEW_SECONDS if self.mine else RETRY_SECONDS)
            with suppress(RedisError, OSError):
                await cast(Awaitable[Any], redis.eval(RELEASE, 1, self._key, self._mark))

    async def _ask(self, redis: Redis) -> bool:
        lease = int(LEASE_SECONDS * 1000)
        try:
            if self.mine and self._yields() and await redis.exists(self._wanted):
                self._rests_until = time.monotonic() + REST_SECONDS
                self._now(False)
                await cast(Awaitable[Any], redis.eval(RELEASE, 1, self._key, self._mark))
                return False
            if self.mine and await cast(Awaitable[Any], redis.eval(RENEW, 1, self._key, self._mark, str(lease))):
                return True
            if time.monotonic() < self._rests_until:
                return False
            taken = bool(await redis.set(self._key, self._mark, nx=True, px=lease))
            if not taken and not self._yields():
                await redis.set(self._wanted, self._mark, px=int(WANTED_SECONDS * 1000))
            return taken
        except (RedisError, OSError) as away:
            if not self.mine:
                log.warning("nobody can say whose turn it is (%s): taking it", type(away).__name__)
            return True

    def _now(self, mine: bool) -> None:
        if mine != self.mine:
            self.mine = mine
            self.changed.set()
