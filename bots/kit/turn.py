"""Whose turn it is: of several processes one takes events in and handles them, so that each chat keeps its order and Telegram's
getUpdates has one caller. A Redis lease, a hint only: with two at work every claim still has one winner."""

import asyncio
import logging
from collections.abc import Awaitable
from contextlib import suppress
from typing import Any, cast
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.5
RETRY_SECONDS = 0.5
RENEW = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('pexpire',KEYS[1],ARGV[2]) else return 0 end"
RELEASE = "if redis.call('get',KEYS[1])==ARGV[1] then return redis.call('del',KEYS[1]) else return 0 end"


class Turn:
    """The lease `name`. Without Redis it is always ours; `changed` is set whenever that changes."""

    def __init__(self, redis_url: str | None, name: str) -> None:
        self._url, self._key, self._mark = redis_url, f"nod:turn:{name}", uuid4().hex
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
            if self.mine and await cast(Awaitable[Any], redis.eval(RENEW, 1, self._key, self._mark, str(lease))):
                return True
            return bool(await redis.set(self._key, self._mark, nx=True, px=lease))
        except (RedisError, OSError) as away:
            if not self.mine:
                log.warning("nobody can say whose turn it is (%s): taking it", type(away).__name__)
            return True

    def _now(self, mine: bool) -> None:
        if mine != self.mine:
            self.mine = mine
            self.changed.set()
