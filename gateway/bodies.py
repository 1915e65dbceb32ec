"""The body of a request, read up to a size and for a time: a client may send without end."""

import asyncio

from starlette.requests import Request


class BodyTooLarge(Exception):
    """The body has more bytes than are read."""


class BodyTooSlow(Exception):
    """The body did not come in its time."""


async def read(request: Request, *, limit_bytes: int, timeout_seconds: float) -> bytes:
    """Return the body; one that turns out to be too large is not read on.

    Raises BodyTooLarge and BodyTooSlow.
    """
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > limit_bytes:
        raise BodyTooLarge
    body = bytearray()
    try:
        async with asyncio.timeout(timeout_seconds):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit_bytes:
                    raise BodyTooLarge
    except TimeoutError:
        raise BodyTooSlow from None
    return bytes(body)
