"""The library's calls over aiohttp: a call costs a fraction of what it costs over httpx, and a connection that lies idle is used again however many there are."""

from typing import Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp
from telegram.error import NetworkError, TimedOut
from telegram.request import BaseRequest, RequestData

READ_SECONDS, WRITE_SECONDS, MEDIA_SECONDS, CONNECT_SECONDS, WAIT_SECONDS = 10.0, 10.0, 30.0, 5.0, 5.0


class Request(BaseRequest):
    """telegram.request.BaseRequest with at most so many connections. Heeds HTTP_PROXY and HTTPS_PROXY. Raises telegram.error.TimedOut and NetworkError."""

    def __init__(self, connections: int) -> None:
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[str, str | None] = {}

    @property
    def read_timeout(self) -> float:
        """Seconds."""
        return READ_SECONDS

    async def initialize(self) -> None:
        """Opens it; again after `shutdown`, too."""
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=self._connections)
            self._session = aiohttp.ClientSession(
                connector=connector, headers={"User-Agent": self.USER_AGENT}, cookie_jar=aiohttp.DummyCookieJar(),
            )  # fmt: skip

    async def shutdown(self) -> None:
        """Lets the connections go."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, read_timeout: Any = BaseRequest.DEFAULT_NONE,
        write_timeout: Any = BaseRequest.DEFAULT_NONE, connect_timeout: Any = BaseRequest.DEFAULT_NONE,
        pool_timeout: Any = BaseRequest.DEFAULT_NONE,
    ) -> tuple[int, bytes]:  # fmt: skip
        """Status and body."""
        if self._session is None:
            raise RuntimeError("the client of the Bot API is closed")
        files = request_data is not None and request_data.contains_files
        read = _given(read_timeout, READ_SECONDS)
        write = _given(write_timeout, MEDIA_SECONDS if files else WRITE_SECONDS)
        connect, wait = _given(connect_timeout, CONNECT_SECONDS), _given(pool_timeout, WAIT_SECONDS)
        # The answer is awaited from the first byte that is sent.
        patience = aiohttp.ClientTimeout(
            total=None, connect=connect + wait, sock_connect=connect, sock_read=read + write
        )
        try:
            async with self._session.request(
                method, url, data=_body(request_data), timeout=patience, proxy=self._proxy(url)
            ) as response:
                return response.status, await response.read()
        except (TimeoutError, aiohttp.ServerTimeoutError) as late:
            raise TimedOut from late
        except (aiohttp.ClientError, OSError) as away:
            raise NetworkError(f"aiohttp.{type(away).__name__}: {away}") from away

    def _proxy(self, url: str) -> str | None:
        """That of the environment for a server, if it names one: asked once a server, because the library would ask at each call."""
        to = urlsplit(url)
        if to.netloc not in self._proxies:
            self._proxies[to.netloc] = None if proxy_bypass(to.netloc) else getproxies().get(to.scheme)
        return self._proxies[to.netloc]


def _given(seconds: Any, usual: float) -> float:
    return usual if seconds is BaseRequest.DEFAULT_NONE else float(seconds)


def _body(asked: RequestData | None) -> aiohttp.FormData | dict[str, str] | None:
    """The fields as a form; with files in parts, whose names stay readable."""
    if asked is None:
        return None
    if not asked.contains_files:
        return asked.json_parameters
    form = aiohttp.FormData(quote_fields=False)
    for name, value in asked.json_parameters.items():
        form.add_field(name, value)
    for name, (file, content, kind) in asked.multipart_data.items():
        form.add_field(name, content, filename=file, content_type=kind)
    return form
