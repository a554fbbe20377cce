"""What came with a request of somebody whom nobody knows yet: never more of it than fits."""

from fastapi import Request
from starlette.requests import ClientDisconnect


async def body_of(request: Request, most: int) -> bytes | None:
    """At most `most` bytes; None when there are more, whatever it said of its length, or when nobody sends the rest any more."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > most:
        return None
    taken = bytearray()
    try:
        async for chunk in request.stream():
            taken += chunk
            if len(taken) > most:
                return None
    except ClientDisconnect:
        return None
    return bytes(taken)
