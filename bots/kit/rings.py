"""The doorbell of stored events (Redis publish on `nod:inbound:<channel>`), for events that are taken by another process than the one
that handles them. A hint: a lost one costs half a second."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

from redis.asyncio import Redis
from redis.exceptions import RedisError

PATIENCE_SECONDS = 0.3
TAP = b"tap"


class Ringer:
    """Rings, on one connection for as long as it holds. Never raises."""

    def __init__(self, redis_url: str | None, channel: str) -> None:
        self._bell = bell_of(channel)
        self._redis = None
        if redis_url is not None:
            self._redis = Redis.from_url(
                redis_url, socket_timeout=PATIENCE_SECONDS, socket_connect_timeout=PATIENCE_SECONDS
            )

    async def ring(self, tap: bool = False) -> None:
        """An event was stored; `tap`: somebody waits for its answer before their eyes."""
        if self._redis is not None:
            with suppress(RedisError, OSError):
                await self._redis.publish(self._bell, TAP if tap else b"1")


def bell_of(channel: str) -> str:
    """Where stored events of a channel are announced."""
    return f"nod:inbound:{channel}"


async def rings(redis_url: str, channel: str) -> AsyncIterator[bool]:
    """Every ring, for ever, and whether it tells of a tap; comes back by itself when Redis was away."""
    while True:
        try:
            async with Redis.from_url(redis_url) as redis, redis.pubsub(ignore_subscribe_messages=True) as line:
                await line.subscribe(bell_of(channel))
                async for message in line.listen():
                    yield message["data"] == TAP
        except (RedisError, OSError):
            await asyncio.sleep(0.5)
