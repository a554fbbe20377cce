"""What was rung, as doors and runners hear it."""

import json
from uuid import UUID

import redis

from core.kernel.settings import Settings


class Ears:
    """Listens to Redis as doors and runners do."""

    def __init__(self, settings: Settings) -> None:
        assert settings.redis_url is not None
        self._redis = redis.Redis.from_url(settings.redis_url.get_secret_value())
        self._redis.flushdb()
        self._channel = self._redis.pubsub()
        self._channel.subscribe("nod:deliveries:web")
        self._channel.get_message(timeout=5)

    def queue(self, name: str) -> list[tuple[str, list[str]]]:
        messages = self._redis.hvals(f"dramatiq:{name}.msgs")
        return [(m["actor_name"], m["args"]) for m in map(json.loads, messages)]

    def published(self, workspace_id: UUID) -> dict[str, str]:
        """What was published of a workspace first. Channels are one for all of Redis, however many databases it has: others are heard, too."""
        while (message := self._channel.get_message(timeout=5)) is not None:
            told: dict[str, str] = json.loads(message["data"])
            if told["workspace"] == str(workspace_id):
                return told
        raise AssertionError("nothing was published")
