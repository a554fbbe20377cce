"""An invitation that is opened at the page. Looking at it does nothing; the button joins with a new account, or, for who is signed in, asks in their chat as everywhere."""

import math

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bots.dialogs.newcomers import Newcomer, invited_to, let_in
from bots.hooks.often import Often
from bots.kit.dialog import Text
from bots.kit.dispatch import Dispatch
from bots.kit.parts import Parts
from bots.kit.words import Say
from bots.web.browser import browser_of
from bots.web.entering import WRONG_CODES, client_of
from bots.web.pages import draw, say_to
from bots.web.visitors import Visitor, Visitors
from core.identity.prove import open_session
from core.kernel.errors import Conflict, Invalid, Unauthenticated
from core.kernel.ids import new_id

LONGEST_CODE = 40


class Joining:
    """The route."""

    def __init__(self, parts: Parts, visitors: Visitors) -> None:
        self._parts, self._visitors = parts, visitors
        self._dispatch = Dispatch(parts)
        self._wrong = Often(parts.redis_url, *WRONG_CODES)
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/join/{code}", self._join, methods=["GET", "POST"])

    async def _join(self, request: Request, code: str) -> Response:
        say, client, code = say_to(self._parts, request), client_of(request), code[:LONGEST_CODE]
        if wait := await self._parts.hop(self._wrong.wait, f"join:{client}"):
            return _refused(say, 429, say("web.door.too_many", n=math.ceil(wait / 60)))
        visitor = await self._parts.hop(self._visitor, request)
        try:
            if request.method == "GET":
                lines = await self._parts.hop(self._lines, code, request)
                new = visitor is None
                return draw(
                    "join.html", 200, say, title=say("invitation.got"), lines=lines, new=new, action=request.url.path
                )  # fmt: skip
            if visitor is not None:
                await self._dispatch.handle(visitor.actor, Text(f"/join {code}"))
                return RedirectResponse("/", 303)
            browser = browser_of(request.headers.get("user-agent", ""))
            posted = await request.form(max_fields=5)
            name = str(posted.get("name") or "").strip()[:60]
            secret = await self._parts.hop(self._enter, code, name, browser, say.language)
        except (Invalid, Conflict):
            await self._parts.hop(self._wrong.called, f"join:{client}")
            return _refused(say, 410, say("identity.invitation_refused"), say("identity.invitation_refused.todo"))
        response = RedirectResponse("/", 303)
        self._visitors.set_cookie(response, secret)
        return response

    def _visitor(self, request: Request) -> Visitor | None:
        try:
            return self._visitors.recognise(self._visitors.secret_of(request))
        except Unauthenticated:
            return None

    def _lines(self, code: str, request: Request) -> tuple[str, ...]:
        """Raises Invalid `identity.invitation_refused`."""
        said = invited_to(self._parts.storage, code, say_to(self._parts, request))
        return tuple(getattr(block, "text", "") for block in said)

    def _enter(self, code: str, name: str, browser: str, language: str) -> str:
        """A stranger has an account of their own from now on, and this browser is signed in to where they were invited. No address is known of them, and none is taken for granted.
        Raises Invalid `identity.invitation_refused`, also without a name, which the form does not let pass."""
        if not name:
            raise Invalid("identity.invitation_refused")
        secrets, user_id = [], new_id()
        who = Newcomer("web", str(user_id), "web", f"{user_id}@page.invalid", name, language, user_id=user_id)
        let_in(
            self._parts.storage, code, who, lambda work, user_id: secrets.append(open_session(work, user_id, browser, "chat"))
        )  # fmt: skip
        return secrets[0]


def _refused(say: Say, status: int, *lines: str) -> Response:
    return draw(
        "told.html", status, say, title=say("web.join.refused"), lines=lines, back="/sign-in", label=say("web.door.other")
    )  # fmt: skip
