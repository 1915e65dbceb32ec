"""The addresses of the pages: each works on the account under its lock, at the present time."""

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import clock, invoices, portal, store
from sandbox.errors import Object
from sandbox.pages import checkout as checkout_page
from sandbox.pages import invoice as invoice_page
from sandbox.pages import portal as portal_page
from sandbox.pages import rendering
from sandbox.store import Account

Find = Callable[[Account, Request], Object | None]
Work = Callable[[Account, Object, Request], Awaitable[Response]]

_CHECKOUT = "/c/pay/{session}"
_INVOICE = "/i/{key}"
_PORTAL = "/p/session/{key}"


def routes(account: Account) -> list[Route]:
    """Return the routes of the pages."""
    table: tuple[tuple[str, str, Find, Work], ...] = (
        ("GET", _CHECKOUT, _session, _show_checkout),
        ("POST", _CHECKOUT, _session, checkout_page.pay),
        ("GET", f"{_CHECKOUT}/authenticate", _session, _ask_checkout),
        ("POST", f"{_CHECKOUT}/authenticate", _session, checkout_page.authenticate),
        ("GET", _INVOICE, _invoice, _show_invoice),
        ("POST", f"{_INVOICE}/pay", _invoice, invoice_page.pay),
        ("POST", f"{_INVOICE}/authenticate", _invoice, invoice_page.authenticate),
        ("GET", _PORTAL, _portal, _show_portal),
        ("POST", f"{_PORTAL}/card", _portal, portal_page.change_card),
        ("GET", f"{_PORTAL}/authenticate", _portal, _ask_portal),
        ("POST", f"{_PORTAL}/authenticate", _portal, portal_page.authenticate),
        ("POST", f"{_PORTAL}/subscriptions/{{subscription}}/{{verb}}", _portal, portal_page.act),
    )
    return [
        Route(path, _endpoint(account, find, work), methods=[method])
        for method, path, find, work in table
    ]


def _endpoint(account: Account, find: Find, work: Work) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        await request.body()
        async with account.lock:
            clock.catch_up(account)
            found = find(account, request)
            if found is None:
                return rendering.page("Not found", "", alert="There is no such page.", status=404)
            return await work(account, found, request)

    return endpoint


def _session(account: Account, request: Request) -> Object | None:
    return store.table(account, "checkout.session").get(request.path_params["session"])


def _invoice(account: Account, request: Request) -> Object | None:
    return invoices.by_key(account, request.path_params["key"])


def _portal(account: Account, request: Request) -> Object | None:
    return portal.by_key(account, request.path_params["key"])


async def _show_checkout(account: Account, session: Object, request: Request) -> Response:
    del request
    return checkout_page.show(account, session)


async def _ask_checkout(account: Account, session: Object, request: Request) -> Response:
    del request
    if session["status"] != "open":
        return checkout_page.show(account, session)
    return checkout_page.ask(session)


async def _show_invoice(account: Account, invoice: Object, request: Request) -> Response:
    del request
    return invoice_page.show(account, invoice)


async def _show_portal(account: Account, session: Object, request: Request) -> Response:
    del request
    return portal_page.show(account, session)


async def _ask_portal(account: Account, session: Object, request: Request) -> Response:
    del request
    return portal_page.ask(account, session)
