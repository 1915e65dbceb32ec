"""The application: what answers at which path, and what opens and closes with it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import HTTPConnection, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from billing.recorder import Recorder
from gateway import (
    graphql_http,
    observability,
    postgres,
    static,
    stripe_account,
    webhooks,
    worker,
)
from gateway.auth import AuthenticationError, Authenticator, InvalidToken, Reason
from gateway.clock import OffsetClock
from gateway.graphql_http import GraphQLHTTP
from gateway.headers import SecureHeaders
from gateway.limits import HTTPLimits
from gateway.listener import Listener
from gateway.observability import Observed
from gateway.operations import Told
from gateway.settings import Settings
from gateway.webhooks import Receiver
from gateway.worker import Worker
from models import migration
from resolvers.context import Context
from resolvers.documents import DocumentLimits
from resolvers.execution import Schema
from resolvers.schema import schema

READY_TIMEOUT_SECONDS: Final = 2.0
SAMPLE_SECONDS: Final = 1.0
MIGRATED_SECONDS: Final = 1.0
EXPLORER_PATH: Final = "/graphiql"


def create_app(settings: Settings, *, more: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application of one process. Its settings name a database.

    `more` are routes that only some gateways have: the demo's.
    Who stops it calls its `state.end_streams` first: streams of events have no end of their own.
    """
    assert settings.database_url is not None
    gateway = _Gateway(settings, database_url=settings.database_url.get_secret_value())
    graphql = _graphql(settings, gateway)
    app = Starlette(
        routes=[*more, *_routes(settings, gateway, graphql)],
        middleware=[Middleware(Observed), Middleware(SecureHeaders)],
        exception_handlers={HTTPException: _refused, Exception: _failed},
        lifespan=gateway.life,
    )
    app.state.end_streams = graphql.end_streams
    return app


class _Gateway:
    """What the requests of one process share."""

    def __init__(self, settings: Settings, *, database_url: str) -> None:
        self.database = postgres.connect(settings, pool_size=settings.database_pool_size)
        # However many requests wait for a connection, what was paid is heard of and settled.
        self.work_database = postgres.connect(settings, pool_size=worker.CONNECTIONS_MAX)
        self.recorder = Recorder(self.database)
        self.authenticator = Authenticator(settings)
        listen_url = settings.database_listen_url
        self.listener = Listener(
            listen_url.get_secret_value() if listen_url else database_url,
            database=self.database,
            interval_seconds=settings.subscription_interval_seconds,
        )
        self.clock = OffsetClock(settings.clock_offset_file)
        self.stripe = stripe_account.connect(settings)
        self.payments = stripe_account.payments(self.stripe, self.database)
        self.worker = Worker(
            self.work_database,
            provider=stripe_account.provider(settings, self.stripe, self.work_database),
            clock=self.clock,
            poll_seconds=settings.worker_poll_seconds,
        )
        self._works = settings.worker
        self._shutdown_timeout_seconds = settings.shutdown_timeout_seconds
        self._database_url = database_url
        self._return_origins = settings.return_origins
        self._payments_seconds = stripe_account.operation_seconds(settings)
        self._is_migrated = False

    @asynccontextmanager
    async def life(self, _: Starlette) -> AsyncIterator[None]:
        """Close everything when the application ends."""
        background = [asyncio.create_task(self._sample())]
        if self._works:
            background.append(asyncio.create_task(self._start_worker()))
        try:
            yield
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            await self.worker.stop(timeout_seconds=self._shutdown_timeout_seconds)
            if self.stripe is not None:
                await self.stripe.close()
            await self.listener.close()
            await self.authenticator.close()
            await self.recorder.close()
            await self.work_database.close()
            await self.database.close()

    async def make_context(self, connection: HTTPConnection) -> Context:
        """Return the context of one operation, for whoever asks.

        Raises InvalidToken or AuthenticationUnavailable.
        """
        context = await self._context(connection)
        if connection.scope["type"] == "http":
            observability.note(statements=lambda: context.statements)
        return context

    async def _context(self, connection: HTTPConnection) -> Context:
        credentials = connection.headers.getlist("Authorization")
        if len(credentials) > 1:
            raise InvalidToken(Reason.MALFORMED)
        viewer = await self.authenticator.authenticate(credentials[0] if credentials else None)
        return Context(
            viewer=viewer,
            database=self.database,
            now=self.clock.now(),
            payments=self.payments,
            payments_until=asyncio.get_running_loop().time() + self._payments_seconds,
            return_origins=self._return_origins,
            recorder=self.recorder,
            notices=self.listener,
            again=partial(self._again, connection),
        )

    async def _again(self, connection: HTTPConnection) -> Context:
        """Return the context that the operation would have if it began now."""
        try:
            return await self._context(connection)
        except AuthenticationError as error:
            raise graphql_http.unknown(error) from None

    async def readiness(self, _: Request) -> Response:
        """Tell whether operations can be answered now, and which part fails."""
        checks = {"database": "unreachable", "migrations": "unknown"}
        try:
            async with asyncio.timeout(READY_TIMEOUT_SECONDS):
                await self.database.ping()
                checks["database"] = "reachable"
                is_migrated = await self._migrated()
                checks["migrations"] = "current" if is_migrated else "pending"
        except Exception as error:  # noqa: BLE001 - of whatever kind, the answer is the same
            observability.note(reason=str(error) or repr(error))
        is_ready = checks == {"database": "reachable", "migrations": "current"}
        status = "ready" if is_ready else "unready"
        return JSONResponse({"status": status, "checks": checks}, 200 if is_ready else 503, _FRESH)

    async def _migrated(self) -> bool:
        """Tell whether the database is up to date: what is so stays so, and is not asked again."""
        if not self._is_migrated:
            self._is_migrated = not await migration.pending_migrations(self._database_url)
        return self._is_migrated

    async def _start_worker(self) -> None:
        """Let the worker begin as soon as there is a database that it can work on."""
        while True:
            with suppress(Exception):
                if await self._migrated():
                    break
            await asyncio.sleep(MIGRATED_SECONDS)
        self.worker.start()

    async def _sample(self) -> None:
        """Keep the metric of the pool up to date."""
        while True:
            observability.connections_in_use.set(self.database.connections_in_use)
            await asyncio.sleep(SAMPLE_SECONDS)


_FRESH: Final = {"Cache-Control": "no-store"}


def _graphql(settings: Settings, gateway: _Gateway) -> GraphQLHTTP:
    return GraphQLHTTP(
        _limited(settings),
        make_context=gateway.make_context,
        limits=HTTPLimits(
            body_bytes=settings.limit_body_bytes,
            body_timeout=timedelta(seconds=settings.body_timeout_seconds),
            websocket_operations=settings.limit_websocket_operations,
            websocket_init_timeout=timedelta(seconds=settings.websocket_init_timeout_seconds),
            heartbeat=timedelta(seconds=settings.stream_heartbeat_seconds),
        ),
        allowed_origins=settings.cors_origins,
        explorer_path=EXPLORER_PATH if settings.graphiql else None,
    )


def _routes(settings: Settings, gateway: _Gateway, graphql: GraphQLHTTP) -> list[BaseRoute]:
    routes: list[BaseRoute] = [
        *graphql_http.routes(graphql, cors_origins=settings.cors_origins),
        Route("/healthz", _alive),
        Route("/readyz", gateway.readiness),
        *static.routes(graphiql=settings.graphiql),
    ]
    secrets = stripe_account.webhook_secrets(settings)
    if secrets:
        receiver = Receiver(
            gateway.work_database,
            secrets=secrets,
            expects_live=settings.is_live,
            limit_bytes=settings.limit_webhook_bytes,
            timeout_seconds=settings.body_timeout_seconds,
            clock=gateway.clock,
            received=gateway.worker.wake,
        )
        routes.append(Route(webhooks.PATH, receiver.receive, methods=["POST"]))
    if settings.metrics:
        routes.append(Route("/metrics", _metrics))
    return routes


def _limited(settings: Settings) -> Schema:
    limits = DocumentLimits(
        tokens=settings.limit_tokens,
        depth=settings.limit_depth,
        aliases=settings.limit_aliases,
        directives=settings.limit_directives,
        root_fields=settings.limit_root_fields,
        fragments=settings.limit_fragments,
        objects=settings.limit_objects,
        introspections=settings.limit_introspections,
        values=settings.limit_values,
        remembered_documents=settings.remembered_documents,
        remembered_bytes=settings.remembered_document_bytes,
    )
    limited = schema.limited(
        limits,
        timeout_seconds=settings.operation_timeout_seconds,
        introspection=settings.introspection,
    )
    limited.extensions = (*limited.extensions, Told)
    return limited


async def _alive(_: Request) -> Response:
    return JSONResponse({"status": "alive"}, headers=_FRESH)


async def _metrics(_: Request) -> Response:
    body, media_type = observability.metrics()
    return Response(body, media_type=media_type, headers=_FRESH)


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": error.detail}, error.status_code, error.headers)


async def _failed(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": "Internal server error"}, 500)
