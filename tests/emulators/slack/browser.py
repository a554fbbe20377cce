"""A browser that treats loopback as a secure origin, as browsers do and httpx does not."""

from __future__ import annotations

import re

import httpx

_SECURE = re.compile(r";\s*secure(?=;|$)", re.IGNORECASE)


class LoopbackTransport(httpx.HTTPTransport):
    """Cookies for secure origins alone are kept over plain HTTP."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        response = super().handle_request(request)
        fields = response.headers.multi_items()
        response.headers = httpx.Headers([(n, _SECURE.sub("", v) if n == "set-cookie" else v) for n, v in fields])
        return response


def browser() -> httpx.Client:
    return httpx.Client(transport=LoopbackTransport(), follow_redirects=True, trust_env=False, timeout=60)
