"""A small world to send requests to: a schema of its own, served by a real uvicorn."""

import asyncio
import socket
import threading
from collections.abc import AsyncGenerator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import strawberry
import uvicorn
from starlette.applications import Starlette
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp

from billing.errors import BillingError
from gateway import auth, graphql_http, static
from gateway.graphql_http import GraphQLHTTP
from gateway.limits import HTTPLimits
from resolvers.documents import DocumentLimits
from resolvers.execution import Schema

LIMITS = HTTPLimits(body_bytes=16_384, websocket_operations=3)
SECRET = "the password of the database"


class TooBold(BillingError):
    """A refusal of the domain."""

    code = "TOO_BOLD"


@dataclass
class World:
    """What happened in a server: shared by all of its operations."""

    bumps: int = 0
    contexts: int = 0
    started: list[str] = field(default_factory=list)
    cancelled: list[str] = field(default_factory=list)
    expired: set[str] = field(default_factory=set)


@dataclass
class Context:
    """One operation's context."""

    world: World
    viewer: str | None
    number: int = 0


Info = strawberry.Info[Context, None]


@strawberry.input
class Range:
    """An input with a required field."""

    first: int
    label: str = ""


@strawberry.input(one_of=True)
class Pick:
    """Exactly one of two."""

    name: strawberry.Maybe[str]
    number: strawberry.Maybe[int]


@strawberry.type
class Thing:
    """A type that holds itself, so that documents can nest."""

    name: str = "thing"

    @strawberry.field
    def thing(self) -> "Thing":
        """Return another."""
        return Thing()

    @strawberry.field
    def things(self) -> list["Thing"]:
        """Return more of them."""
        return [Thing(), Thing()]


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    def thing(self) -> Thing:
        """Return a thing."""
        return Thing()

    @strawberry.field
    def viewer(self, info: Info) -> str | None:
        """Return who asks."""
        return info.context.viewer

    @strawberry.field
    def context(self, info: Info) -> int:
        """Return the number of the operation's context."""
        return info.context.number

    @strawberry.field
    def echo(self, text: str = "", repeat: int = 1) -> str:
        """Return the text."""
        return text * repeat

    @strawberry.field
    def ranged(self, within: Range) -> int:
        """Return the first of a range."""
        return within.first

    @strawberry.field
    def picked(self, pick: Pick) -> str:
        """Return which one was picked."""
        return "name" if pick.name else "number"

    @strawberry.field
    def refusal(self) -> str | None:
        """Refuse, as the domain does."""
        raise TooBold("That is too bold")

    @strawberry.field
    def bug(self) -> str | None:
        """Fail, as nobody expected."""
        raise RuntimeError(SECRET)

    @strawberry.field
    def never_null(self) -> str:
        """Break the promise of the schema."""
        return None  # type: ignore[return-value] # on purpose

    @strawberry.field
    def not_a_number(self) -> int | None:
        """Break the promise of the type, with something secret in hand."""
        return SECRET  # type: ignore[return-value] # on purpose

    @strawberry.field
    def half(self) -> str:
        """Return half of a surrogate pair."""
        return "\ud800"

    @strawberry.field
    async def stuck(self, info: Info, name: str = "stuck") -> str | None:
        """Wait for what never happens."""
        info.context.world.started.append(name)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            info.context.world.cancelled.append(name)
            raise
        return name


@strawberry.type
class Mutation:
    """What can be changed."""

    @strawberry.mutation
    def bump(self, info: Info) -> int:
        """Count."""
        info.context.world.bumps += 1
        return info.context.world.bumps


@strawberry.type
class Subscription:
    """What can be followed."""

    @strawberry.subscription
    async def count(self, to: int) -> AsyncGenerator[int, None]:
        """Count up, one at a time."""
        for number in range(1, to + 1):
            yield number

    @strawberry.subscription
    async def queries(self) -> AsyncGenerator[Query, None]:
        """Yield something whose fields can do anything, twice."""
        yield Query()
        yield Query()

    @strawberry.subscription
    async def silence(self, info: Info) -> AsyncGenerator[int, None]:
        """Yield nothing, until it is cancelled."""
        info.context.world.started.append("silence")
        try:
            await asyncio.Event().wait()
        finally:
            info.context.world.cancelled.append("silence")
        yield 0


schema = Schema(query=Query, mutation=Mutation, subscription=Subscription)


async def execute(query: str, *, limits: DocumentLimits | None = None, **arguments: Any) -> Any:
    """Run an operation without any transport; `data` and formatted `errors` come back."""
    limited = schema if limits is None else schema.limited(limits, timeout_seconds=10)
    result = await limited.execute(query, context_value=Context(World(), None), **arguments)
    return {"data": result.data, "errors": [error.formatted for error in result.errors or ()]}


def application(
    world: World,
    *,
    timeout_seconds: float = 10,
    limits: HTTPLimits = LIMITS,
    cors_origins: tuple[str, ...] = (),
) -> Starlette:
    """Return an application with GraphQL and GraphiQL over the small schema.

    The only good tokens are words that begin with `good`, until they have expired.
    """

    async def make_context(connection: HTTPConnection) -> Context:
        world.contexts += 1
        header = connection.headers.get("authorization")
        if header is None:
            return Context(world, None, world.contexts)
        viewer = header.removeprefix("Bearer ")
        if viewer == "broken":
            raise RuntimeError(SECRET)
        if viewer == "unknowable":
            raise auth.AuthenticationUnavailable(retry_after_seconds=7)
        if not viewer.startswith("good") or viewer in world.expired:
            raise auth.InvalidToken(auth.Reason.EXPIRED)
        return Context(world, viewer, world.contexts)

    graphql = GraphQLHTTP(
        schema.limited(DocumentLimits(), timeout_seconds=timeout_seconds),
        make_context=make_context,
        limits=limits,
        allowed_origins=cors_origins,
        explorer_path="/graphiql",
    )
    routes = graphql_http.routes(graphql, cors_origins=cors_origins)
    return Starlette(routes=[*routes, *static.routes()])


@contextmanager
def serving(app: ASGIApp) -> Iterator[str]:
    """Serve `app` on a free port of the loopback; yield its address."""
    listener = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(
        app, lifespan="off", log_level="warning", ws="websockets-sansio", ws_max_size=1 << 20
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
