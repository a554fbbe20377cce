"""`/healthz`: the process lives. `/readyz`: it can work: database, broker, schema. `/metrics`: what was counted."""

from collections.abc import Callable

from fastapi import APIRouter
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from redis import Redis
from redis.exceptions import RedisError

from bots.kit.hop import Hop

PATIENCE_SECONDS = 2.0


class Health:
    """The routes. `schema_is_current` asks the database; `metrics` gives Prometheus' text."""

    def __init__(
        self, hop: Hop, redis_url: str | None, schema_is_current: Callable[[], bool], metrics: Callable[[], bytes]
    ) -> None:
        self._hop, self._redis_url = hop, redis_url
        self._schema_is_current, self._metrics = schema_is_current, metrics
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/healthz", self._alive, methods=["GET"])
        self.router.add_api_route("/readyz", self._ready, methods=["GET"])
        self.router.add_api_route("/metrics", self._counted, methods=["GET"])

    async def _alive(self) -> Response:
        return PlainTextResponse("ok\n")

    async def _ready(self) -> Response:
        checks = {
            "database": await self._hop(_holds, self._schema_is_current),
            "broker": await self._hop(_holds, self._broker_answers),
        }
        ready = all(checks.values())
        return JSONResponse({"ready": ready, "checks": checks}, 200 if ready else 503)

    async def _counted(self) -> Response:
        return Response(await self._hop(self._metrics), media_type="text/plain; version=0.0.4; charset=utf-8")

    def _broker_answers(self) -> bool:
        if self._redis_url is None:
            return False
        with Redis.from_url(self._redis_url, socket_timeout=PATIENCE_SECONDS) as client:
            return bool(client.ping())


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except (RedisError, OSError):
        return False
