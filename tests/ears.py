"""What was rung, as doors and runners hear it."""

import json

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

    def published(self) -> dict[str, str]:
        message = self._channel.get_message(timeout=5)
        assert message is not None
        return json.loads(message["data"])
