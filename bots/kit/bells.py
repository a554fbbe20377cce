"""Hears the doorbells of a channel's deliveries (Redis publish on `nod:deliveries:<channel>`). A bell is a hint: a lost one costs a
moment, because doors also look for themselves."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from redis.asyncio import Redis
from redis.exceptions import RedisError

log = logging.getLogger(__name__)
RECONNECT_SECONDS = 0.5


@dataclass(frozen=True)
class Bell:
    """Something of this person's is due on the channel: the delivery `id`."""

    workspace_id: UUID
    user_id: UUID
    id: UUID


async def bells(redis_url: str, channel: str) -> AsyncIterator[Bell]:
    """Every bell of the channel, for ever; comes back by itself when Redis was away."""
    while True:
        client = Redis.from_url(redis_url)
        try:
            async with client.pubsub(ignore_subscribe_messages=True) as line:
                await line.subscribe(f"nod:deliveries:{channel}")
                async for message in line.listen():
                    bell = _bell(message["data"])
                    if bell is not None:
                        yield bell
        except (RedisError, OSError) as away:
            log.warning("bells of %s are silent: %s", channel, type(away).__name__)
            await asyncio.sleep(RECONNECT_SECONDS)
        finally:
            await client.aclose()


def _bell(data: bytes) -> Bell | None:
    """None for what is no bell of ours."""
    try:
        told = json.loads(data)
        return Bell(UUID(told["workspace"]), UUID(told["user"]), UUID(told["id"]))
    except (ValueError, KeyError, TypeError):
        return None
