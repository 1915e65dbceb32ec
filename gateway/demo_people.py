"""Who can be signed in as in the demo: names and tokens, for the page's own menu.

Only the demo adds this route. Whoever reads the answer is the owner of every workspace in it, so
that it is for a page that this gateway has served to a browser on this machine, and for nobody
else: to others it is not there.
"""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing.access import Person
from billing.demonstration import cast
from gateway import auth
from gateway.settings import Settings

PATH: Final = "/demo/people"
TOKEN_LIFETIME: Final = timedelta(hours=12)

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Resource-Policy": "same-origin",  # for browsers that do not say who asks
}
_OWN_SITES: Final = ("same-origin", "none")  # what a script of ours, and a person, ask as


def route(settings: Settings) -> Route:
    """Return the route that answers with the people, each with a token that begins now."""

    async def people(request: Request) -> Response:
        if not (_is_from_here(request) and _is_our_page(request)):
            raise HTTPException(404)
        return JSONResponse({"people": _people(settings, now=datetime.now(UTC))}, headers=_HEADERS)

    return Route(PATH, people, methods=["GET"])


def _people(settings: Settings, *, now: datetime) -> list[dict[str, str]]:
    """Return them as JSON has them, the owner first."""
    return [
        {
            "role": role.name,
            "name": cast.NAMES[role],
            "email": cast.email(subject),
            "token": auth.issue_development_token(
                settings, viewer=Person(subject), lifetime=TOKEN_LIFETIME, now=now
            ),
        }
        for role, subject in cast.SUBJECTS.items()
    ]


def _is_from_here(request: Request) -> bool:
    """Tell whether this machine asks, by one of its own names.

    The name counts as well: a page of another site that has its own name lead here (DNS
    rebinding) is of the same origin to the browser.
    """
    return (
        request.client is not None
        and _is_loopback(request.client.host)
        and _is_loopback(request.url.hostname or "")
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_our_page(request: Request) -> bool:
    """Tell whether no other site's page asks, as far as the browser says."""
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    return site in _OWN_SITES and origin in (None, str(request.base_url).rstrip("/"))
