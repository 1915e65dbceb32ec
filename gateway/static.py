"""The built pages and their files, under a content security policy.

Vite writes them: `graphiql/index.html` and, with a hash in each name, `assets/`.
"""

import mimetypes
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

DIRECTORY: Final = Path(__file__).parent / "static"

_POLICY: Final = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self' 'unsafe-inline'",  # the editor writes its styles into the page
    "worker-src": "'self' blob:",  # the editor checks and completes in workers
    "connect-src": "'self'",
    "font-src": "'self' data:",
    "img-src": "'self' data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
}
_HEADERS: Final = {
    "Content-Security-Policy": "; ".join(f"{name} {sources}" for name, sources in _POLICY.items()),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_ASSET_HEADERS: Final = {
    **_HEADERS,
    "Cache-Control": "public, max-age=31536000, immutable",
    "Vary": "Accept-Encoding",
}


def routes(*, graphiql: bool = True, directory: Path = DIRECTORY) -> list[BaseRoute]:
    """Return the routes of the built files, with GraphiQL at `/graphiql` where it is wanted."""

    async def explore(request: Request) -> Response:  # noqa: ARG001 - Starlette calls it so
        return _page(directory / "graphiql" / "index.html")

    assets = Mount("/assets", _Assets(directory=directory / "assets", check_dir=False))
    return [Route("/graphiql", explore), assets] if graphiql else [assets]


class _Assets(StaticFiles):
    """Files whose names change with their content; they were compressed when they were built."""

    async def check_config(self) -> None:
        """Let files that were not built be not found."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return a file, or its compressed twin to a client that takes it."""
        response: Response | None = None
        if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
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


def _page(path: Path) -> Response:
    if not path.is_file():
        return PlainTextResponse("This page is not built: run `make setup`.", status_code=503)
    return FileResponse(path, headers={**_HEADERS, "Cache-Control": "no-cache"})
