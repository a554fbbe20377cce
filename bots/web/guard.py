"""What every request passes first: the host it was meant for (DNS rebinding), the page it came from (CSRF), its size; and the headers
that every answer carries. Pure ASGI, so that streams pass through untouched."""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core.kernel.settings import Settings

BODY_LIMIT = 64 * 1024
UPLOAD_LIMIT = 50 * 1024 * 1024
SAFE = frozenset(("GET", "HEAD", "OPTIONS"))
# Nothing there trusts a cookie: bearer keys, platform signatures, or nothing to protect.
WITHOUT_COOKIE = ("/api/", "/telegram/", "/slack/", "/hooks/", "/healthz", "/readyz", "/metrics")
LIMITS = {
    "/chat/say": UPLOAD_LIMIT,
    "/chat/form": UPLOAD_LIMIT,
    # Read before the key is looked at; the largest thing that is sent there is a workspace as YAML.
    "/api/": 2 * 1024 * 1024,
    "/telegram/": 1024 * 1024,
    "/slack/": 1024 * 1024,
    "/hooks/": 1024 * 1024,
}
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "manifest-src 'self'; worker-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "X-Robots-Tag": "noindex",
}


class TooLarge(Exception):
    """The body went over its limit."""


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        public = urlsplit(settings.public_url or "").hostname
        self._hosts = {"localhost", settings.host.lower(), *([public.lower()] if public else [])}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 421 for another's host, 403 for another's page, 413 for too much; else passes on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, path = Headers(scope=scope), scope["path"]
        send = _with_headers(send)
        if not path.startswith(WITHOUT_COOKIE):
            if not self._is_ours(headers.get("host", "")):
                await PlainTextResponse("This is not the address of this Nod.\n", 421)(scope, receive, send)
                return
            if scope["method"] not in SAFE and not _from_our_page(headers):
                await PlainTextResponse("This did not come from Nod's own page.\n", 403)(scope, receive, send)
                return
        limit = next((limit for start, limit in LIMITS.items() if path.startswith(start)), BODY_LIMIT)
        await self._within(limit, headers, scope, receive, send)

    async def _within(self, limit: int, headers: Headers, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = PlainTextResponse("That is too large.\n", 413, {"Connection": "close"})
        declared = headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > limit:
            await refusal(scope, receive, send)
            return
        taken, begun, read = 0, False, scope["method"] in SAFE

        async def counted() -> Message:
            nonlocal taken, read
            message = await receive()
            if message["type"] == "http.request":
                taken += len(message.get("body", b""))
                read = not message.get("more_body", False)
                if taken > limit:
                    raise TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            if message["type"] == "http.response.start" and not read:
                # Nobody wants the rest: do not listen to it for ever.
                MutableHeaders(scope=message)["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except (TooLarge, ClientDisconnect):
            if not begun:
                await refusal(scope, receive, send)

    def _is_ours(self, host: str) -> bool:
        """An address in digits cannot be rebound by DNS; a name must be one that we go by."""
        try:
            name = (urlsplit(f"//{host}").hostname or "").lower()
        except ValueError:
            return False
        if name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


def _from_our_page(headers: Headers) -> bool:
    """`Origin` is our own address; where the browser hides it (`null` under no-referrer), it says itself that the page is ours."""
    origin = headers.get("origin", "null")
    if origin == "null":
        return headers.get("sec-fetch-site") == "same-origin"
    return urlsplit(origin).netloc.lower() == headers.get("host", "").lower()


def _with_headers(send: Send) -> Send:
    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return sending
