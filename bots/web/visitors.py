"""Who is at the page: the session cookie, the sign-in token in the printed address, and the one person of a local Nod."""

import hmac
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
from core.identity.prove import SESSION_DAYS, by_session, open_session
from core.identity.register import add_link, register
from core.kernel.actor import Actor
from core.kernel.errors import Conflict, Unauthenticated
from core.kernel.ids import new_id
from core.kernel.settings import Settings


@dataclass(frozen=True)
class Visitor:
    """A signed-in person at the page. `secret` is their session's, for checking it again."""

    actor: Actor
    secret: str

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
        self._chats: dict[UUID, UUID] = {}
        self._secure = urlsplit(settings.public_url or "").scheme == "https"
        # A browser keeps one jar for all ports of a host.
        self.cookie = "__Host-nod" if self._secure else f"nod_{settings.port}"

    def make_local_person(self) -> Known:
        """The person of a local Nod with their chat at the page; made the first time. Two processes may try at once."""
        directory = self._parts.storage.directory
        known = directory.by_email(self._email)
        if known is None:
            user_id, workspace_id = new_id(), new_id()
            with suppress(Conflict), self._parts.storage.work(workspace_id, user_id) as work:
                register(work, user_id, self._email)
                add_link(work, user_id, "web", str(user_id), "web")
                work.commit()
            known = directory.by_email(self._email)
        if known is None:
            raise Unauthenticated("identity.account_not_linked", provider="web")
        return known

    def token_fits(self, token: str) -> bool:
        """Whether it is the token of the address that was printed at the start."""
        return self._token is not None and hmac.compare_digest(token.encode(), self._token.encode())

    def sign_in(self) -> str:
        """A new session of the local person; answers its secret."""
        known = self.make_local_person()
        with self._parts.storage.work(known.workspace_id, known.user_id) as work:
            self._link(work, known.user_id)
            secret = open_session(work, known.user_id)
            work.commit()
        return secret

    def set_cookie(self, response: Response, secret: str) -> None:
        """Hands the session to the browser, and to nothing that runs in it."""
        response.set_cookie(
            self.cookie, secret, max_age=SESSION_DAYS * 86_400, path="/", secure=self._secure, httponly=True,
            samesite="strict",
        )  # fmt: skip

    async def of(self, request: Request) -> Visitor:
        """Raises Unauthenticated `identity.session_over`."""
        return await self._parts.hop(self.recognise, request.cookies.get(self.cookie, ""))

    def recognise(self, secret: str) -> Visitor:
        """The same, from the session's secret. Raises Unauthenticated `identity.session_over`."""
        actor = by_session(self._parts.storage.directory, secret)
        link_id = self._chats.get(actor.user_id)
        if link_id is None:
            with self._parts.storage.work(actor.workspace_id, actor.user_id) as work:
                link_id = self._chats[actor.user_id] = self._link(work, actor.user_id).id
                work.commit()
        return Visitor(Actor(actor.user_id, actor.workspace_id, actor.role, "web", actor.scopes, link_id), secret)

    def _link(self, work: Any, user_id: UUID) -> IdentityLink:
        """The person's chat at the page, made when they have none yet."""
        for link in work.people.links(user_id):
            if link.provider == "web":
                return link
        return add_link(work, user_id, "web", str(user_id), "web")
