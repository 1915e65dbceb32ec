"""The sandbox as an ASGI application: Stripe's API, the pages, and the control of both."""

import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox import api, clock, control, exchange, faults, store, webhooks
from sandbox.api import Endpoint
from sandbox.errors import StripeError
from sandbox.exchange import Sandbox
from sandbox.pages import routes as pages
from sandbox.store import Account

TICK_SECONDS = 0.5
METHODS = ["DELETE", "GET", "PATCH", "POST", "PUT"]


@dataclass(frozen=True)
class Options:
    """How a sandbox is set up.

    `saved` keeps its state between runs; `offset_file` is told by how many seconds its time is
    ahead of the real one whenever that changes.
    """

    base_url: str
    seed: str = ""
    webhook_url: str = ""
    webhook_secret: str = ""
    retry_seconds: tuple[float, ...] = webhooks.RETRY_SECONDS
    saved: Path | None = None
    offset_file: Path | None = None


def create_app(options: Options) -> Starlette:
    """Return the application; its state is made when it starts."""
    account = Account(base_url=options.base_url, seed=options.seed or secrets.token_hex(8))
    if options.saved is not None and options.saved.exists():
        store.load(account, json.loads(options.saved.read_text("utf-8")))
    return Starlette(lifespan=_lifespan(account, options))


def _lifespan(
    account: Account, options: Options
) -> Callable[[Starlette], contextlib.AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        courier = webhooks.Courier(account, retry_seconds=options.retry_seconds)
        sandbox = Sandbox(account, courier, faults.Faults(account.seed))
        _add_endpoint(account, options)
        app.router.routes.extend(_routes(sandbox))
        ticking = asyncio.create_task(_tick(account, options))
        try:
            yield
        finally:
            ticking.cancel()
            await asyncio.gather(ticking, return_exceptions=True)
            await courier.close()
            _save(account, options)

    return lifespan


def _add_endpoint(account: Account, options: Options) -> None:
    if not options.webhook_url:
        return
    kept = store.table(account, "webhook_endpoint").values()
    if any(endpoint["url"] == options.webhook_url for endpoint in kept):
        return
    params = {"url": options.webhook_url, "enabled_events": ["*"]}
    webhooks.create(account, params, secret=options.webhook_secret or None)


def _routes(sandbox: Sandbox) -> Sequence[Route]:
    listed = [
        Route(endpoint.path, _endpoint(sandbox, endpoint), methods=[endpoint.method])
        for endpoint in api.ENDPOINTS
    ]
    unknown = Route("/{path:path}", _unknown, methods=METHODS)
    return [*listed, *pages.routes(sandbox.account), *control.routes(sandbox), unknown]


def _endpoint(sandbox: Sandbox, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def respond(request: Request) -> Response:
        try:
            return await exchange.answer(sandbox, endpoint, request)
        except ClientDisconnect:
            # Who asked was gone before the question was complete: nothing is done.
            return Response(status_code=400)

    return respond


async def _unknown(request: Request) -> Response:
    message = (
        f"Unrecognized request URL ({request.method}: {request.url.path}). The sandbox does not"
        " know this endpoint."
    )
    return exchange.refuse(request, StripeError(404, "invalid_request_error", message))


async def _tick(account: Account, options: Options) -> None:
    """Do what falls due while nobody asks, and write down what must survive."""
    saved = told = None
    while True:
        async with account.lock:
            clock.catch_up(account)
            if told != account.offset_seconds:
                told = account.offset_seconds
                if options.offset_file is not None:
                    _write(options.offset_file, str(told))
            if saved != account.number:
                saved = account.number
                _save(account, options)
        await asyncio.sleep(TICK_SECONDS)


def _save(account: Account, options: Options) -> None:
    if options.saved is not None:
        _write(options.saved, json.dumps(store.dump(account)))


def _write(path: Path, text: str) -> None:
    """Replace a file as a whole, so that no reader sees half of it."""
    fresh = path.with_suffix(f"{path.suffix}.new")
    fresh.write_text(text, "utf-8")
    fresh.replace(path)
