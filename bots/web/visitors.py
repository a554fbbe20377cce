"""Who is at the page: the session cookie, the sign-in token in the printed address, and the one person of a local Nod."""

import hmac
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response

from bots.kit.parts import Parts
from core.identity.models import IdentityLink
from core.identity.ports import Known
from core.identity.prove import SESSION_DAYS, close_session, open_session, session_of, was_here
from core.identity.register import add_link, register
from core.identity.sign_in import local_person, stays_local
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Unauthenticated
from core.kernel.ids import new_id
from core.kernel.settings import Settings

SEEN_SECONDS = 600.0
CHAT = "Nod-Chat"
"""Where a page says whose chat it shows."""


@dataclass(frozen=True)
class Visitor:
    """A signed-in person at the page. `secret` is their session's, for checking it again."""

    actor: Actor
    secret: str
    session_id: UUID

    @property
    def link_id(self) -> UUID:
        """The chat."""
        assert self.actor.link_id is not None
        return self.actor.link_id


class Visitors:
    """Signs in and recognises."""

    def __init__(self, parts: Parts, settings: Settings) -> None:
        self._parts = parts
        self._token = settings.sign_in_token.get_secret_value() if settings.sign_in_token else None
        self._email = settings.local_email
        self._chats: dict[UUID, tuple[UUID, float]] = {}
        self.secure = urlsplit(settings.public_url or "").scheme == "https"
        # A browser keeps one jar for all ports of a host.
        self.cookie = "__Host-nod" if self.secure else f"nod_{settings.port}"

    def make_local_person(self) -> Known:
        """The person of a local Nod with their chat at the page; made the first time. Two processes may try at once."""
        directory = self._parts.storage.directory
        known = local_person(directory, self._email)
        if known is None:
            user_id, workspace_id = new_id(), new_id()
            with suppress(Conflict), self._parts.storage.work(workspace_id, user_id) as work:
                register(work, user_id, self._email)
                add_link(work, user_id, "web", str(user_id), "web")
                stays_local(work, user_id, self._email)
                work.commit()
            known = local_person(directory, self._email)
        if known is None:
            raise Unauthenticated("identity.account_not_linked", provider="web")
        return known

    def is_local(self, user_id: UUID) -> bool:
        """Whether the printed address signs this person in."""
        known = local_person(self._parts.storage.directory, self._email) if self._token is not None else None
        return known is not None and known.user_id == user_id

    def token_fits(self, token: str) -> bool:
        """Whether it is the token of the address that was printed at the start."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def sign_in(self, browser: str = "", leaving: str = "") -> str:
        """A session of the local person; answers its secret. `leaving` is the secret of the session that this browser had: it stays, where it is theirs."""
        known = self.make_local_person()
        if self.is_of(leaving, known):
            return leaving
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            self._link(work, known.user_id)
            with suppress(Conflict):
                stays_local(work, known.user_id, self._email)
            secret = open_session(work, known.user_id, browser)
            work.commit()
        self.sign_out(leaving)
        return secret

    def is_of(self, secret: str, known: Known) -> bool:
        """Whether a session is of that person in that workspace."""
        with suppress(Unauthenticated):
            here = session_of(self._parts.storage.directory, secret)
            return (here.user_id, here.workspace_id) == (known.user_id, known.workspace_id)
        return False

    def sign_out(self, secret: str) -> None:
        """The session of that secret is over, if there was one."""
        with suppress(Unauthenticated):
            known = session_of(self._parts.storage.directory, secret)
            with self._parts.storage.work(known.workspace_id, known.user_id) as work:
                close_session(work, known.id)
                work.commit()

    def set_cookie(self, response: Response, secret: str) -> None:
        """Hands the session to the browser, and to nothing that runs in it."""
        response.set_cookie(
            self.cookie, secret, max_age=SESSION_DAYS * 86_400, path="/", secure=self.secure, httponly=True,
            samesite="strict",
        )  # fmt: skip

    def drop_cookie(self, response: Response) -> None:
        """Takes it away."""
        response.delete_cookie(self.cookie, path="/", secure=self.secure, httponly=True, samesite="strict")

    def secret_of(self, request: Request) -> str:
        """What the browser holds; empty when nothing."""
        return request.cookies.get(self.cookie, "")

    async def of(self, request: Request) -> Visitor:
        """Raises Unauthenticated `identity.session_over`, also for a page of another account that this browser was signed in to before: what is written there
        must not come into this one's chat."""
        visitor = await self._parts.hop(self.recognise, self.secret_of(request))
        chat = request.headers.get(CHAT) or request.query_params.get("chat")
        if chat is not None and chat != str(visitor.link_id):
            raise Unauthenticated("identity.session_over")
        return visitor

    def recognise(self, secret: str) -> Visitor:
        """The same, from the session's secret. Raises Unauthenticated `identity.session_over`."""
        known = session_of(self._parts.storage.directory, secret)
        link_id, noted = self._chats.get(known.id, (None, 0.0))
        if link_id is None or time.monotonic() - noted > SEEN_SECONDS:
            with self._parts.storage.work(known.workspace_id, known.user_id) as work:
                link_id = self._link(work, known.user_id).id
                was_here(work, known.id)
                work.commit()
            self._chats[known.id] = (link_id, time.monotonic())
        actor = Actor(known.user_id, known.workspace_id, known.role, "web", frozenset(known.scopes), link_id)
        return Visitor(actor, secret, known.id)

    def _link(self, work: Any, user_id: UUID) -> IdentityLink:
        """The person's chat at the page in this workspace, made when they have none yet."""
        for link in work.people.links(user_id):
            if link.provider == "web" and link.address is not None:
                return link
        # One account is in one workspace only: the personal one has the plain name.
        tenant = "" if work.people.workspace().kind == "personal" else str(work.workspace_id)
        return add_link(work, user_id, "web", str(user_id), "web", tenant)
