"""What may come back from a provider: so much and no more, and nothing that unpacks into more."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2

MAX_ANSWER = 2_000_000
"""Bytes of one answer."""


class AnswerRefused(Exception):
    """The answer was too large, or came in an encoding that was not asked for."""


def limited_client(seconds: float) -> httpx2.AsyncClient:
    """An HTTP client for one question. It follows no redirect, which would take the key to another host."""
    return httpx2.AsyncClient(
        timeout=seconds,
        follow_redirects=False,
        headers={"accept-encoding": "identity"},
        event_hooks={"response": [_limit]},
    )


async def _limit(response: httpx2.Response) -> None:
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise AnswerRefused
    response.stream = _Limited(response.stream)


class _Limited(httpx2.AsyncByteStream):
    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __aiter__(self) -> AsyncIterator[bytes]:
        taken = 0
        async for chunk in self._inner:
            taken += len(chunk)
            if taken > MAX_ANSWER:
                raise AnswerRefused
            yield chunk

    async def aclose(self) -> None:
        await self._inner.aclose()
