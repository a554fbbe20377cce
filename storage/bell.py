"""Rings after a commit: a Dramatiq message for the runners, a Redis publish for the doors. A lost ring costs a moment, never the work."""

import json
import time
from typing import Protocol
from uuid import UUID

import structlog

DELIVERIES = "deliveries."
CHANNEL = "nod:deliveries:"
PATIENCE = 0.5
PAUSE = 2.0

_log = structlog.get_logger(__name__)


class Bell(Protocol):
    """Wakes whoever listens. Never raises."""

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None: ...

    def close(self) -> None: ...


class NoBell:
    """Where there is no Redis: the sweep finds everything."""

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


class RedisBell:
    """`deliveries.<channel>` is published on `nod:deliveries:<channel>`; any other bell is a Dramatiq message for the actor of that name, in the
    queue before the dot. Thread-safe. A Redis that is away is left alone for a moment, so that commits stay quick."""

    def __init__(self, url: str) -> None:
        import redis
        from dramatiq.brokers.redis import RedisBroker
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        self._redis = redis.Redis.from_url(
            url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
        )
        self._broker = RedisBroker(client=self._redis, middleware=[], maintenance_chance=0)
        self._away_until = 0.0
        self._told = False

    def wake(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None = None) -> None:
        """Rings one bell for one row."""
        import redis

        if time.monotonic() < self._away_until:
            return
        try:
            if bell.startswith(DELIVERIES):
                self._publish(bell.removeprefix(DELIVERIES), workspace_id, user_id, id, link_id)
            else:
                self._enqueue(bell, workspace_id, user_id, id)
            self._told = False
        except (redis.RedisError, OSError) as away:
            self._away_until = time.monotonic() + PAUSE
            if not self._told:
                self._told = True
                _log.warning("bell.away", error=type(away).__name__, effect="due work waits for the sweep")

    def close(self) -> None:
        """Lets the connections go."""
        self._redis.close()

    def _publish(self, channel: str, workspace_id: UUID, user_id: UUID, id: UUID, link_id: UUID | None) -> None:
        said = {"workspace": str(workspace_id), "user": str(user_id), "id": str(id)}
        if link_id is not None:
            said["link"] = str(link_id)
        self._redis.publish(CHANNEL + channel, json.dumps(said))

    def _enqueue(self, bell: str, workspace_id: UUID, user_id: UUID, id: UUID) -> None:
        from dramatiq import Message

        queue = bell.split(".", 1)[0]
        self._broker.declare_queue(queue)
        self._broker.enqueue(
            Message(
                queue_name=queue,
                actor_name=bell,
                args=(str(workspace_id), str(user_id), str(id)),
                kwargs={},
                options={},
            )
        )
