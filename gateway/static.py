"""The built pages and their files, under a content security policy.

Vite writes them: `page/index.html`, `graphiql/index.html` and, with a hash in each name, `assets/`.
"""

import mimetypes
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIRECTORY: Final = Path(__file__).parent / "static"

NONCE: Final = "NONCE-OF-THE-ANSWER"
"""What the built pages have in the place of a nonce, which is another in each answer."""

SIGN_IN_BY_HOST: Final = '<meta name="sign-in" content="host" />'
SIGN_IN_OF_DEMO: Final = '<meta name="sign-in" content="demo" />'

_NOTHING: Final = {
    "default-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_PAGE_POLICY: Final = _NOTHING | {
    "script-src": "'self'",
    "style-src": f"'self' 'nonce-{NONCE}'",
    "connect-src": "'self'",
    "font-src": "'self'",
    "img-src": "'self' data:",
}
_EXPLORER_POLICY: Final = _NOTHING | {
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the editor writes its styles into the page
    "worker-src": "'self' blob:",  # the editor checks and completes in workers
    "connect-src": "'self'",
    "font-src": "'self' data:",
    "img-src": "'self' data:",
}
_HEADERS: Final = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ASSET_HEADERS: Final = {
    **_HEADERS,
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _NOTHING.items()),
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}

_NOT_TAKEN: Final = re.compile(r"q=0(\.0{0,3})?")


def routes(*, graphiql: bool = True, directory: Path = DIRECTORY) -> list[BaseRoute]:
    """Return the routes of the page at `/`, of GraphiQL where it is wanted, and of their files."""

    async def explore(request: Request) -> Response:  # noqa: ARG001 - Starlette calls it so
        return _page(directory / "graphiql" / "index.html", _EXPLORER_POLICY)

    assets = Mount("/assets", _Assets(directory=directory / "assets", check_dir=False))
    explorer = [Route("/graphiql", explore)] if graphiql else []
    return [page(directory=directory), *explorer, assets]


def page(*, is_demo: bool = False, directory: Path = DIRECTORY) -> BaseRoute:
    """Return the route of the page; the demo's lets everybody choose whom to be."""
    sign_in = SIGN_IN_OF_DEMO if is_demo else SIGN_IN_BY_HOST

    async def show(request: Request) -> Response:  # noqa: ARG001 - Starlette calls it so
        return _page(directory / "page" / "index.html", _PAGE_POLICY, sign_in=sign_in)

    return Route("/", show)


class _Assets(StaticFiles):
    """Files whose names change with their content; they were compressed when they were built."""

    async def check_config(self) -> None:
        """Let files that were not built be not found."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or its compressed twin to a client that takes it."""
        response: Response | None = None
        if _takes_gzip(Headers(scope=scope).getlist("accept-encoding")):
            response = await self._compressed(path, scope)
        if response is None:
            response = await super().get_response(path, scope)
        response.headers.update(_ASSET_HEADERS)
        return response

    async def _compressed(self, path: str, scope: Scope) -> Response | None:
        try:
            response = await super().get_response(f"{path}.gz", scope)
        except HTTPException:
            return None
        media_type = mimetypes.guess_type(path)[0] or "application/octet-stream"
        charset = "; charset=utf-8" if media_type.startswith("text/") else ""
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Content-Type"] = media_type + charset
        return response


def _takes_gzip(accepted: list[str]) -> bool:
    """Return whether a client takes gzip, by its name or as any other, and not at a weight of 0."""
    codings = {
        coding.strip().lower(): weight.replace(" ", "").lower()
        for coding, _, weight in (each.partition(";") for each in ",".join(accepted).split(","))
    }
    weight = codings.get("gzip", codings.get("*", "q=0"))
    return _NOT_TAKEN.fullmatch(weight) is None


def _page(path: Path, policy: Mapping[str, str], *, sign_in: str = SIGN_IN_BY_HOST) -> Response:
    """Return a built page with a nonce of its own."""
    if not path.is_file():
        return PlainTextResponse("This page is not built: run `make setup`.", status_code=503)
    nonce = secrets.token_urlsafe(16)
    written = path.read_text(encoding="utf-8")
    allowed = "; ".join(f"{name} {sources}" for name, sources in policy.items())
    return HTMLResponse(
        written.replace(NONCE, nonce).replace(SIGN_IN_BY_HOST, sign_in),
        headers={
            **_HEADERS,
            "Content-Security-Policy": allowed.replace(NONCE, nonce),
            "Cache-Control": "no-store",
        },
    )
