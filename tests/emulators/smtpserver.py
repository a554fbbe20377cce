"""A real SMTP server on loopback that keeps what it accepts, and fails on demand in the ways that servers do."""

import asyncio
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from tests.emulators.mailserver import PASSWORD, free_port

Behaviour = Literal[
    "ok",
    "refuse_later",
    "refuse_mail",
    "busy",
    "cut_before_data",
    "cut_in_data",
    "cut_after_dot",
    "hang",
]


@dataclass
class Accepted:
    """A mail that the server answers for."""

    sender: str
    recipients: list[str]
    raw: bytes


@dataclass
class SmtpServer:
    """A running server. `refused` are recipients that it does not know; `behaviour` may be set between two mails;
    `copy` is called with each mail, as by a server that files what it sends."""

    port: int
    security: Literal["tls", "starttls", "none"]
    behaviour: Behaviour = "ok"
    accepted: list[Accepted] = field(default_factory=list)
    refused: set[str] = field(default_factory=set)
    password: str = PASSWORD
    copy: Callable[[bytes], None] | None = None

    def reset(self) -> None:
        """As new."""
        self.behaviour, self.accepted, self.refused, self.password, self.copy = "ok", [], set(), PASSWORD, None


class _Handler:
    def __init__(self, state: SmtpServer) -> None:
        self._state = state

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if not session.authenticated:
            return "530 5.7.0 sign in first"
        if self._state.behaviour == "cut_before_data":
            _abort(server)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address in self._state.refused:
            return "550 5.1.1 nobody of that name"
        if self._state.behaviour == "refuse_later":
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        match self._state.behaviour:
            case "refuse_mail":
                return "554 5.7.1 looks like spam"
            case "busy":
                return "451 4.3.0 no room now"
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        self._state.accepted.append(Accepted(envelope.mail_from or "", list(envelope.rcpt_tos), content))
        if self._state.behaviour == "cut_after_dot":
            _abort(server)
        if self._state.behaviour == "hang":
            await asyncio.sleep(3600)
        if self._state.copy:
            await asyncio.to_thread(self._state.copy, content)
        return "250 2.0.0 taken"


class _Server(SMTP):
    state: SmtpServer

    async def smtp_DATA(self, arg: str) -> None:
        if self.state.behaviour == "cut_in_data":
            await self.push("354 go on")
            _abort(self)
            return
        await super().smtp_DATA(arg)


class _Controller(Controller):
    def __init__(self, state: SmtpServer, tls: ssl.SSLContext) -> None:
        self._state, self._tls = state, tls
        super().__init__(
            _Handler(state),
            hostname="127.0.0.1",
            port=state.port,
            ssl_context=tls if state.security == "tls" else None,
            ready_timeout=10,
        )

    def factory(self) -> SMTP:
        starttls = self._state.security == "starttls"
        server = _Server(
            self.handler,
            hostname="localhost",
            enable_SMTPUTF8=True,
            tls_context=self._tls if starttls else None,
            require_starttls=starttls,
            auth_require_tls=starttls,
            authenticator=self._signs_in,
            loop=self.loop,
        )
        server.state = self._state
        return server

    def _signs_in(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: Any) -> AuthResult:
        right = isinstance(given, LoginPassword) and given.password == self._state.password.encode()
        return AuthResult(success=right, handled=False)


@contextmanager
def smtp_server(tls: ssl.SSLContext, security: Literal["tls", "starttls", "none"] = "tls") -> Iterator[SmtpServer]:
    """Starts one on a free port, and stops it in the end."""
    state = SmtpServer(free_port(), security)
    controller = _Controller(state, tls)
    controller.start()
    try:
        yield state
    finally:
        controller.stop()


def _abort(server: SMTP) -> None:
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
