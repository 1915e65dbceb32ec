"""GraphQL over HTTP: the application at `/graphql`.

Follows the GraphQL-over-HTTP draft. Whatever happens, the answer is a GraphQL document, as
`application/graphql-response+json` or, for older clients, `application/json`. A request error has
no `data`; it is a 4xx in the former, and in the latter a 200 where the draft asks for it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, cast

import orjson
from graphql import GraphQLError
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import ClientDisconnect, HTTPConnection, Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.streaming import SSETransport
from strawberry.subscriptions import GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.execution import PreExecutionError, SubscriptionExecutionResult
from strawberry.types.graphql import OperationType
from strawberry.types.unset import UNSET, UnsetType

from gateway import auth, graphql_request
from gateway.graphql_request import EVENT_STREAM, GRAPHQL, JSON, Parameters, RequestRefused
from gateway.graphql_websocket import Connection, Handler, JSONWebSocket
from gateway.limits import HTTPLimits
from resolvers import errors
from resolvers.errors import Code
from resolvers.execution import Schema

MakeContext = Callable[[HTTPConnection], Awaitable[object]]
"""Makes the context of one operation. Raises gateway.auth.AuthenticationError."""

_METHODS: Final = ("GET", "POST")
_STATUS: Final[dict[str, int]] = {Code.TIMEOUT: 504, Code.INTERNAL_ERROR: 500}
_HEADERS: Final = {"Cache-Control": "no-store", "Vary": "Accept"}
_EVENT_HEADERS: Final = {**_HEADERS, "Cache-Control": "no-store, no-transform"}
_COMPRESSED_FROM_BYTES: Final = 1_024
_COMPRESSION_LEVEL: Final = 4  # of 9: the levels above cost more time than they save bytes
_PREFLIGHT_SECONDS: Final = 86_400


def routes(graphql: "GraphQLHTTP", *, cors_origins: Sequence[str] = ()) -> list[BaseRoute]:
    """Return the routes of `/graphql`: compressed HTTP, open to `cors_origins`, and WebSocket."""
    compression = Middleware(
        GZipMiddleware, minimum_size=_COMPRESSED_FROM_BYTES, compresslevel=_COMPRESSION_LEVEL
    )
    cors = Middleware(
        CORSMiddleware,
        allow_origins=cors_origins,
        allow_methods=_METHODS,
        allow_headers=["*"],
        expose_headers=["Retry-After", "WWW-Authenticate", "X-Request-ID"],
        max_age=_PREFLIGHT_SECONDS,
    )
    middleware = [cors, compression] if cors_origins else [compression]
    return [
        Route("/graphql", graphql, middleware=middleware),
        WebSocketRoute("/graphql", graphql),
    ]


class GraphQLHTTP(GraphQL[Any, None]):
    """Queries, mutations and subscriptions over HTTP, server-sent events and WebSocket.

    Pages of `allowed_origins` may open a WebSocket, besides those of the gateway's own origin. A
    browser that comes without a query is sent to `explorer_path`.
    """

    schema: Schema
    graphql_transport_ws_handler_class = Handler

    def __init__(
        self,
        schema: Schema,
        *,
        make_context: MakeContext,
        limits: HTTPLimits,
        allowed_origins: Sequence[str] = (),
        explorer_path: str | None = None,
    ) -> None:
        super().__init__(
            schema,
            graphql_ide=None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL,),
            connection_init_wait_timeout=limits.websocket_init_timeout,
            max_subscriptions_per_connection=limits.websocket_operations,
            allowed_origins=allowed_origins,
        )
        self.websocket_adapter_class = partial(  # type: ignore[assignment] # any callable will do
            JSONWebSocket, limit_bytes=limits.body_bytes
        )
        self.make_context = make_context
        self.limits = limits
        self.explorer_path = explorer_path
        self._events = SSETransport(limits.heartbeat.total_seconds())
        self._streams: set[asyncio.Timeout] = set()
        self._is_stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or serve one WebSocket until it closes."""
        if scope["type"] == "websocket":
            websocket = WebSocket(scope, receive, send)
            await self.run(websocket, context=Connection(websocket, self.make_context))
            return
        request = Request(scope, receive)
        try:
            response = await self.respond(request)
        except ClientDisconnect:
            return
        if isinstance(response, StreamingResponse):
            await self._send_stream(response, scope, receive, send)
        else:
            await response(scope, receive, send)

    def end_streams(self) -> None:
        """End every stream of events, and those to come: the gateway stops.

        They end without the event that says that they are complete, so clients connect again.
        """
        self._is_stopping = True
        now = asyncio.get_running_loop().time()
        while self._streams:
            self._streams.pop().reschedule(now)

    async def respond(self, request: Request) -> Response:
        """Return the answer to a request, whatever happens. Raises ClientDisconnect."""
        media_types = graphql_request.acceptable(request.headers.getlist("accept"))
        media_type = next((each for each in media_types if each != EVENT_STREAM), JSON)
        try:
            return await self._respond(request, media_types)
        except RequestRefused as refusal:
            return _refusal(refusal.status, refusal.error, media_type, refusal.headers)
        except auth.InvalidToken as error:
            challenge = f'Bearer error="invalid_token", error_description="{error}"'
            return _refusal(401, unknown(error), media_type, {"WWW-Authenticate": challenge})
        except auth.AuthenticationUnavailable as error:
            later = {"Retry-After": str(error.retry_after_seconds)}
            return _refusal(503, unknown(error), media_type, later)
        except ClientDisconnect:
            raise
        except Exception as error:  # noqa: BLE001 - the boundary: the client gets a reference
            return _refusal(500, errors.unexpected(error), media_type, {})

    async def _respond(self, request: Request, media_types: list[str]) -> Response:
        if request.method not in _METHODS:
            raise _not_allowed(f"{request.method} is not a method of GraphQL.", *_METHODS)
        if self.explorer_path and _comes_to_explore(request):
            return RedirectResponse(self.explorer_path, status_code=303, headers=_HEADERS)
        if not media_types:
            message = f"Answers are {GRAPHQL}, {JSON} or {EVENT_STREAM}."
            raise RequestRefused(406, Code.NOT_ACCEPTABLE, message)
        context = await self.make_context(request)
        parameters = await graphql_request.read(
            request,
            limit_bytes=self.limits.body_bytes,
            timeout_seconds=self.limits.body_timeout.total_seconds(),
        )
        kind = self.schema.operation_type(parameters.query, parameters.operation_name)
        if kind is OperationType.MUTATION and request.method == "GET":
            raise _not_allowed("A mutation must be sent by POST.", "POST")
        if kind is OperationType.SUBSCRIPTION and EVENT_STREAM not in media_types:
            message = (
                f"A subscription needs `Accept: {EVENT_STREAM}`, "
                f"or a WebSocket that speaks {GRAPHQL_TRANSPORT_WS_PROTOCOL}."
            )
            raise RequestRefused(400, Code.OPERATION_NOT_ALLOWED, message)

        if kind is OperationType.SUBSCRIPTION or media_types == [EVENT_STREAM]:
            return await self._stream(request, parameters, context)
        return await self._execute(
            parameters, context, next(each for each in media_types if each != EVENT_STREAM)
        )

    async def _execute(self, parameters: Parameters, context: object, media_type: str) -> Response:
        result = await self.schema.execute(
            parameters.query,
            variable_values=parameters.variables,
            context_value=context,
            operation_name=parameters.operation_name,
            operation_extensions=parameters.extensions,
        )
        return _document(_status(result, media_type), _payload(result), media_type, {})

    async def _stream(self, request: Request, parameters: Parameters, context: object) -> Response:
        results = await self.schema.stream(
            parameters.query,
            variable_values=parameters.variables,
            context_value=context,
            operation_name=parameters.operation_name,
            operation_extensions=parameters.extensions,
        )
        events = self._stream_result(
            request, cast("SubscriptionExecutionResult", results), self._events
        )
        return StreamingResponse(events(), headers={**self._events.headers, **_EVENT_HEADERS})

    async def _send_stream(
        self, response: StreamingResponse, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Send a stream to its end, or to that of the gateway."""
        stream = asyncio.timeout(0 if self._is_stopping else None)
        try:
            async with stream:
                self._streams.add(stream)
                await response(scope, receive, send)
        except TimeoutError:
            if not stream.expired():
                raise
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            self._streams.discard(stream)

    async def on_ws_connect(self, context: Connection) -> UnsetType | None:
        """Judge the token that came with the handshake or with `connection_init`."""
        await context.authenticate()
        return cast("UnsetType", UNSET)

    async def process_result(
        self,
        request: Request,  # noqa: ARG002 - Strawberry calls it so
        result: ExecutionResult,
    ) -> GraphQLHTTPResponse:
        """Return one event of a stream."""
        return _payload(result)

    def encode_json(self, data: object) -> bytes:
        """Return `data` as JSON in UTF-8."""
        return orjson.dumps(data)

    def decode_json(self, data: str | bytes) -> object:
        """Return what is in a frame. Raises json.JSONDecodeError."""
        return orjson.loads(data)


def unknown(error: auth.AuthenticationError) -> GraphQLError:
    """Return the error that tells a client why it is not known who asks."""
    if isinstance(error, auth.InvalidToken):
        return errors.coded(str(error), Code.UNAUTHENTICATED, reason=str(error.reason))
    return errors.coded(str(error), Code.AUTHENTICATION_UNAVAILABLE)


def _comes_to_explore(request: Request) -> bool:
    return (
        request.method == "GET"
        and "query" not in request.query_params
        and "text/html" in request.headers.get("accept", "")
    )


def _not_allowed(message: str, *methods: str) -> RequestRefused:
    return RequestRefused(
        405, Code.METHOD_NOT_ALLOWED, message, headers={"Allow": ", ".join(methods)}
    )


def _status(result: ExecutionResult, media_type: str) -> int:
    if not isinstance(result, PreExecutionError):
        return 200
    assert result.errors
    code = (result.errors[0].extensions or {})["code"]
    return _STATUS.get(code, 400 if media_type == GRAPHQL else 200)


def _payload(result: ExecutionResult) -> GraphQLHTTPResponse:
    """Return a result as the document that it becomes: errors first, where a reader sees them."""
    payload: GraphQLHTTPResponse = {}
    if result.errors:
        payload["errors"] = [error.formatted for error in result.errors]
    if not isinstance(result, PreExecutionError):
        payload["data"] = result.data
    if result.extensions:
        payload["extensions"] = result.extensions
    return payload


def _refusal(
    status: int, error: GraphQLError, media_type: str, headers: Mapping[str, str]
) -> Response:
    return _document(status, {"errors": [error.formatted]}, media_type, headers)


def _document(
    status: int, payload: GraphQLHTTPResponse, media_type: str, headers: Mapping[str, str]
) -> Response:
    return Response(
        orjson.dumps(payload),
        status_code=status,
        headers={**_HEADERS, **headers},
        media_type=f"{media_type}; charset=utf-8",
    )
