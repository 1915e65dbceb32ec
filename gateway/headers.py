"""The headers that keep browsers from doing what nobody asked for."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
)
_ENCRYPTED: Final = (*_HEADERS, (b"strict-transport-security", b"max-age=31536000"))


class SecureHeaders:
    """An ASGI middleware: adds what an answer does not set itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, with the headers."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        wanted = _ENCRYPTED if scope["scheme"] == "https" else _HEADERS

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                own = message["headers"]
                names = {name for name, _ in own}
                message["headers"] = [*own, *(each for each in wanted if each[0] not in names)]
            await send(message)

        await self._app(scope, receive, add)
