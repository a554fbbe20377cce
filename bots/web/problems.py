"""Pages for what goes wrong: the database is away, an address that is none, a mistake of ours."""

import logging
import secrets

from fastapi import Request
from fastapi.responses import JSONResponse, PlainTextResponse, Response

from bots.kit.parts import Parts
from bots.web.guard import HEADERS
from bots.web.pages import draw, say_to

log = logging.getLogger(__name__)


class Problems:
    """Handlers of exceptions. A script gets a status, a person a page."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def away(self, request: Request, problem: Exception) -> Response:
        """What is shown while the database does not answer; the page looks again by itself."""
        log.warning("%s waits: %s", request.url.path, problem)
        if "application/json" in request.headers.get("accept", ""):
            return JSONResponse({"away": True}, 503)
        response = self._page(request, 503, "web.door.away", "web.door.away_how")
        response.headers["Refresh"] = "5"
        return response

    async def nowhere(self, request: Request, problem: Exception) -> Response:
        """No page is there."""
        if "text/html" not in request.headers.get("accept", ""):
            return PlainTextResponse("There is nothing here.\n", 404)
        return self._page(request, 404, "web.nowhere", "web.nowhere_how")

    async def broken(self, request: Request, problem: Exception) -> Response:
        """A mistake of ours, under a number that the log has too (the server logs the rest)."""
        incident = secrets.token_hex(3)
        log.error("%s %s broke: incident %s", request.method, request.url.path.split("/")[1], incident)
        response: Response = JSONResponse({"incident": incident}, 500)
        if "text/html" in request.headers.get("accept", ""):
            response = self._page(request, 500, "web.broken", "web.broken_how", incident=incident)
        # This is answered from outside of the guard, and the server ends the connection after it.
        response.headers.update({**HEADERS, "Cache-Control": "no-store", "Connection": "close"})
        return response

    def _page(self, request: Request, status: int, title: str, how: str, **data: str) -> Response:
        say = say_to(self._parts, request)
        return draw(
            "told.html", status, say, title=say(title), lines=(say(how, **data),), back="/", label=say("web.door.again"),
        )  # fmt: skip
