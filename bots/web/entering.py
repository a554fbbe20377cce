"""Getting in and out: by a code, a link, a mail. Looking at a link does nothing (mail scanners look); only the button under it does, once. Nobody learns
here whether an address has an account."""

import asyncio
import ipaddress
import math
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from bots.dialogs.people import called
from bots.hooks.often import Often
from bots.kit import clean
from bots.kit.addresses import page
from bots.kit.parts import Parts
from bots.kit.whence import place_of
from bots.kit.words import Say
from bots.web.browser import browser_of
from bots.web.pages import draw, say_to
from bots.web.visitors import Visitors
from core.identity.ports import Known
from core.identity.prove import open_session
from core.identity.sign_in import (
    MAIL_MINUTES,
    Entered,
    enter,
    is_address,
    mailbox,
    offer_by_mail,
    who_may_enter,
)
from core.kernel.errors import Conflict, Invalid, NotFound, Unauthenticated
from core.kernel.settings import Settings
from core.messaging import post
from core.privacy.leave import come_back, who_left

ANSWER_SECONDS = 0.4
"""How long asking for a mail takes, whether there is an account or not."""
WRONG_CODES = (10, 600)
MAILS_TO_ONE = (3, 900)
MAILS_FROM_ONE = (10, 3600)


@dataclass(frozen=True)
class Account:
    """One that somebody is in, or would be: what it is called, and the ways back to it."""

    user_id: UUID
    name: str
    ways: tuple[str, ...]


class Entering:
    """The routes."""

    def __init__(self, parts: Parts, visitors: Visitors, settings: Settings) -> None:
        self._parts, self._visitors = parts, visitors
        self._public_url = settings.public_url
        self._printed = settings.sign_in_token is not None
        self._codes = Often(parts.redis_url, *WRONG_CODES)
        self._to_one, self._from_one = Often(parts.redis_url, *MAILS_TO_ONE), Often(parts.redis_url, *MAILS_FROM_ONE)
        self.asker = f"{visitors.cookie}_asked"
        self.router = APIRouter(include_in_schema=False)
        self.router.add_api_route("/sign-in", self._door, methods=["GET"])
        self.router.add_api_route("/sign-in/code", self._code, methods=["POST"])
        self.router.add_api_route("/sign-in/mail", self._mail, methods=["POST"])
        self.router.add_api_route("/enter/{token}", self._link, methods=["GET", "POST"])
        self.router.add_api_route("/sign-out", self._out, methods=["GET", "POST"])

    def closed(
        self, request: Request, title: str = "web.door.closed", status: int = 401, again: bool = False, **more: Any
    ) -> Response:
        """The page with the ways in."""
        return draw(
            "door.html", status, say_to(self._parts, request),
            title=title, again=again, mail=self._parts.mail, printed=self._printed,
            **{"wrong": "", "wrong_mail": "", "typed": "", "told": "", **more},
        )  # fmt: skip

    async def _door(self, request: Request) -> Response:
        return self.closed(request, "web.door.link", 200)

    async def _code(self, request: Request) -> Response:
        """A code that was typed: of a chat, or of a mail that this browser asked for."""
        say, client = say_to(self._parts, request), client_of(request)
        posted = await request.form(max_fields=5)
        code = str(posted.get("code") or "")[:100]
        if wait := await self._parts.hop(self._codes.wait, f"code:{client}"):
            too_many = say("web.door.too_many", n=math.ceil(wait / 60))
            return self._again(request, 429, too_many, posted.get("sent"), {"Retry-After": str(wait)})
        try:
            asker = request.cookies.get(self.asker, "")
            known = await self._parts.hop(who_may_enter, self._parts.storage.directory, code, asker)
            return await self._in(request, known, code, bool(posted.get("switch")))
        except Invalid:
            browser = browser_of(request.headers.get("user-agent", ""))
            if (secret := await self._parts.hop(self._came_back, code, browser)) is not None:
                response = RedirectResponse("/", 303)
                self._visitors.set_cookie(response, secret)
                return response
            await self._parts.hop(self._codes.called, f"code:{client}")
            return self._again(request, 403, say("web.door.not_a_code"), posted.get("sent"))

    def _again(
        self, request: Request, status: int, wrong: str, sent: Any, headers: dict[str, str] | None = None
    ) -> Response:
        if sent:
            answer = self._sent(request, str(sent)[:254], wrong, status)
        else:
            answer = self.closed(request, "web.door.link", status, wrong=wrong)
        answer.headers.update(headers or {})
        return answer

    async def _mail(self, request: Request) -> Response:
        """Somebody wants a mail. The same answer, as late, for every address."""
        began = time.monotonic()
        say, client = say_to(self._parts, request), client_of(request)
        address = str((await request.form(max_fields=5)).get("address") or "")[:300].strip()
        if not self._parts.mail:
            return self.closed(request, "web.door.link", 404)
        if not is_address(address):
            return self.closed(request, "web.door.link", 422, wrong_mail=say("web.door.not_an_address"), typed=address)
        to_one = f"mail:{sha256(address.lower().encode()).hexdigest()}"
        wait = max(await self._parts.hop(self._to_one.wait, to_one), await self._parts.hop(self._from_one.wait, client))
        if wait:
            too_many = say("web.door.too_many_mails", n=math.ceil(wait / 60))
            refused = self.closed(request, "web.door.link", 429, wrong_mail=too_many, typed=address)
            refused.headers["Retry-After"] = str(wait)
            return refused
        await self._parts.hop(self._to_one.called, to_one)
        await self._parts.hop(self._from_one.called, client)
        asker = secrets.token_urlsafe(32)
        await self._parts.hop(self._write, address, asker)
        await asyncio.sleep(max(0.0, began + ANSWER_SECONDS - time.monotonic()))
        response = self._sent(request, address, "", 200)
        response.set_cookie(
            self.asker, asker, max_age=MAIL_MINUTES * 60, path="/", secure=self._visitors.secure, httponly=True,
            samesite="strict",
        )  # fmt: skip
        return response

    def _sent(self, request: Request, address: str, wrong: str, status: int) -> Response:
        say = say_to(self._parts, request)
        told = say("web.door.sent_how", account=clean.line(address, 254), n=MAIL_MINUTES)
        return draw("sent.html", status, say, told=told, wrong=wrong, address=address)

    def _write(self, address: str, asker: str) -> None:
        """The mail, where the address has an account; it goes out as every delivery does."""
        known = self._parts.storage.directory.by_email(address)
        if known is None:
            return
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            account = work.people.user(known.user_id).email
            way = offer_by_mail(work, known.user_id, account, asker)
            if way is None:
                return
            link = f"/enter/{way.token}"
            until = work.people.sign_in(way.id).expires_at
            told = {
                "to": account, "code": way.code, "url": link if page(link, self._public_url) else None, "n": MAIL_MINUTES,
                "until": until.isoformat(),
            }  # fmt: skip
            post.answer(work, mailbox(work, known.user_id), {"say": "sign_in.mail", "data": told})
            work.commit()

    async def _link(self, request: Request, token: str) -> Response:
        """GET shows whom it is for; POST uses it."""
        say = say_to(self._parts, request)
        try:
            known = await self._parts.hop(who_may_enter, self._parts.storage.directory, token)
            if request.method == "GET":
                there = await self._parts.hop(self._account, known.workspace_id, known.user_id)
                place = await self._parts.hop(self._place, known, say)
                return draw("link.html", 200, say, there=there.name, place=place, action=request.url.path)
            posted = await request.form(max_fields=5)
            return await self._in(request, known, "", bool(posted.get("switch")))
        except (Invalid, NotFound):
            lines = (say("web.door.link_over_how"), say("identity.sign_in_refused.todo"))
            return draw("told.html", 410, say, title=say("web.door.link_over"), lines=lines, back="/sign-in", label=say("web.door.other"))  # fmt: skip

    async def _in(self, request: Request, known: Known, code: str, agreed: bool) -> Response:
        """Signs in, after a yes where this browser is somebody else's so far. Raises Invalid `identity.sign_in_refused`."""
        here = await self._parts.hop(self._who_is_here, request)
        if here is not None and here.user_id != known.user_id and not agreed:
            there = await self._parts.hop(self._account, known.workspace_id, known.user_id)
            say = say_to(self._parts, request)
            return draw(
                "switch.html", 200, say, here=here.name, there=there.name, ways=here.ways, action=request.url.path, code=code
            )  # fmt: skip
        leaving = self._visitors.secret_of(request)
        browser = browser_of(request.headers.get("user-agent", ""))
        entered = await self._parts.hop(self._enter, known, browser, leaving)
        response = RedirectResponse("/", 303)
        self._visitors.set_cookie(response, entered.secret)
        response.delete_cookie(self.asker, path="/", secure=self._visitors.secure, httponly=True, samesite="strict")
        return response

    def _came_back(self, code: str, browser: str) -> str | None:
        """The session of somebody who left and is back by the code that they were shown then; None for any other code."""
        try:
            known = who_left(self._parts.storage.directory, code)
            with self._parts.storage.work(known.workspace_id, known.user_id) as work:
                come_back(work, known, "web")
                secret = open_session(work, known.user_id, browser, "chat")
                work.commit()
        except (Invalid, Conflict):
            return None
        return secret

    def _enter(self, known: Known, browser: str, leaving: str) -> Entered:
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            way = work.people.sign_in(known.id).way
            entered = enter(work, known, browser)
            told = {"say": "sign_in.happened", "data": {"way": way, "browser": browser}}
            for link in work.people.links(known.user_id):
                if link.provider != "web" and link.address is not None and link.reachable:
                    post.answer(work, link, told)
            work.commit()
        self._visitors.sign_out(leaving)
        return entered

    async def _out(self, request: Request) -> Response:
        """GET asks, POST does. Only this browser is signed out."""
        say = say_to(self._parts, request)
        if request.method == "POST":
            await self._parts.hop(self._visitors.sign_out, self._visitors.secret_of(request))
            response = draw(
                "told.html", 200, say, title=say("web.door.is_out"), lines=(say("web.door.is_out_how"),), back="/sign-in",
                label=say("web.door.link"),
            )  # fmt: skip
            self._visitors.drop_cookie(response)
            return response
        here = await self._parts.hop(self._who_is_here, request)
        if here is None:
            return RedirectResponse("/sign-in", 303)
        return draw("out.html", 200, say, here=here.name, ways=here.ways)

    def _who_is_here(self, request: Request) -> Account | None:
        try:
            actor = self._visitors.recognise(self._visitors.secret_of(request)).actor
        except Unauthenticated:
            return None
        return self._account(actor.workspace_id, actor.user_id)

    def _place(self, known: Known, say: Say) -> str | None:
        """The workspace that is entered, for who is in several."""
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            return place_of(work, self._parts.storage.directory, known.user_id, say)

    def _account(self, workspace_id: UUID, user_id: UUID) -> Account:
        with self._parts.storage.work(workspace_id, user_id) as work:
            user = work.people.user(user_id)
            chats = any(link.provider not in ("web", "email") and link.address for link in work.people.links(user_id))
        ways = {
            "web.door.back.mail": self._parts.mail and user.email_verified_at is not None,
            "web.door.back.chat": chats,
            "web.door.back.address": self._visitors.is_local(user_id),
        }
        found = tuple(code for code, there in ways.items() if there)
        # Addresses that we made up ourselves say nothing to anybody.
        name = called(user) if user.email.endswith(".invalid") else user.email
        return Account(user_id, clean.line(name, 254), found or ("web.door.back.none",))


def client_of(request: Request) -> str:
    """Whose tries are counted together: an address, or the network of an IPv6 one, of which everybody has very many."""
    host = request.client.host if request.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is None:
        return str(ipaddress.ip_network((address, 64), strict=False).network_address)
    return str(address)
