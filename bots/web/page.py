"""The chat page itself, the printed address, and the pictures and files in the chat."""

import re
from urllib.parse import unquote

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

from bots.dialogs.people import called
from bots.kit import clean
from bots.kit.parts import Parts
from bots.web.browser import browser_of
from bots.web.entering import Entering
from bots.web.flush import Flush
from bots.web.given import uuid_or_none
from bots.web.guard import UPLOAD_LIMIT
from bots.web.inputs import TOAST_COOKIE
from bots.web.pages import asked_for, draw
from bots.web.visitors import Visitor, Visitors
from core.kernel.errors import NotFound, Unauthenticated

MENU = ("start", "new", "inbox", "brief", "agents", "runs", "connect", "settings", "help")
PICTURES = {
    b"\x89PNG\r\n\x1a\n": "image/png",
    b"\xff\xd8\xff": "image/jpeg",
    b"GIF8": "image/gif",
    b"<svg ": "image/svg+xml",
}
NOT_IN_A_NAME = re.compile(r"[^A-Za-z0-9._-]")
# A drawing that is opened by itself may not do anything: it is text, and text could hold a script.
STILL = {"Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'"}


class Page:
    """The routes of the page."""

    def __init__(self, parts: Parts, visitors: Visitors, flush: Flush, entering: Entering) -> None:
        self._parts, self._visitors, self._flush, self._entering = parts, visitors, flush, entering
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/", self._chat, methods=["GET"], response_class=HTMLResponse)
        self.router.add_api_route("/chat/lines", self._earlier, methods=["GET"])
        self.router.add_api_route("/chat/picture/{blob}", self._picture, methods=["GET"])
        self.router.add_api_route("/chat/file/{blob}/{name}", self._file, methods=["GET"])

    async def _chat(self, request: Request) -> Response:
        if "token" in request.query_params:
            return await self._sign_in(request, request.query_params["token"])
        try:
            visitor = await self._visitors.of(request)
        except Unauthenticated:
            # A page elsewhere that links here gets no strict cookie along: come back from here once.
            again = request.headers.get("sec-fetch-site") == "cross-site"
            return self._entering.closed(request, again=again)
        before = uuid_or_none(request.query_params.get("before"))
        speech, lines, earlier = await self._parts.hop(self._flush.page, visitor.actor, before, asked_for(request))
        last = max((line.message for line in lines), default="")
        response = draw(
            "chat.html", 200, speech.say, account=await self._parts.hop(self._account, visitor), chat=visitor.link_id,
            lines=lines, earlier=earlier, older=before is not None, last=last, now=speech.place.now.isoformat(), menu=MENU, upload_limit=UPLOAD_LIMIT,
            toast=clean.line(unquote(request.cookies.get(TOAST_COOKIE, "")), 500),
        )  # fmt: skip
        response.delete_cookie(TOAST_COOKIE, httponly=True, samesite="strict")
        return response

    async def _sign_in(self, request: Request, token: str) -> Response:
        if not self._visitors.token_fits(token):
            return self._entering.closed(request, "web.door.wrong", 403)
        response = RedirectResponse("/", 303)
        browser, leaving = browser_of(request.headers.get("user-agent", "")), self._visitors.secret_of(request)
        try:
            secret = await self._parts.hop(self._visitors.sign_in, browser, leaving)
        except Unauthenticated:
            # Whose Nod this is has left; a code brings them back.
            return self._entering.closed(request, "web.door.link")
        self._visitors.set_cookie(response, secret)
        return response

    def _account(self, visitor: Visitor) -> str:
        """What the person's account is called, so that they see whose chat this is."""
        with self._parts.storage.work(visitor.actor.workspace_id, visitor.actor.user_id) as work:
            return clean.line(called(work.people.user(visitor.actor.user_id)), 80)

    async def _earlier(self, request: Request) -> Response:
        """An earlier page of lines, for scrolling up."""
        try:
            visitor = await self._visitors.of(request)
        except Unauthenticated:
            return JSONResponse({"over": True}, 401)
        _, lines, earlier = await self._parts.hop(
            self._flush.page, visitor.actor, uuid_or_none(request.query_params.get("before"))
        )
        return JSONResponse({"lines": [line.json() for line in lines], "earlier": earlier})

    async def _picture(self, request: Request, blob: str) -> Response:
        try:
            actor = (await self._visitors.of(request)).actor
            content = await self._parts.hop(self._parts.storage.blobs(actor.workspace_id, actor.user_id).get, blob)
        except (Unauthenticated, NotFound):
            return Response(status_code=404)
        kind = next((kind for start, kind in PICTURES.items() if content.startswith(start)), None)
        if kind is None:
            return Response(status_code=404)
        kept = {"Cache-Control": "private, max-age=86400, immutable"}
        return Response(content, media_type=kind, headers=kept | (STILL if kind == "image/svg+xml" else {}))

    async def _file(self, request: Request, blob: str, name: str) -> Response:
        """A file to take along: never opened as a page, whatever is in it."""
        try:
            actor = (await self._visitors.of(request)).actor
            content = await self._parts.hop(self._parts.storage.blobs(actor.workspace_id, actor.user_id).get, blob)
        except (Unauthenticated, NotFound):
            return Response(status_code=404)
        called = NOT_IN_A_NAME.sub("-", name)[:100]
        taken = {"Content-Disposition": f'attachment; filename="{called}"', "Cache-Control": "private, no-store"}
        return Response(content, media_type="application/octet-stream", headers=STILL | taken)
