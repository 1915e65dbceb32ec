"""GraphQL over WebSocket, by `graphql-transport-ws`: Strawberry's handler, made safe.

A frame that is malformed, binary or too large closes its connection and nothing else. Each
operation gets a context of its own, for which the token is judged again.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Any, Final

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http.async_base_view import AsyncBaseHTTPView
from strawberry.http.exceptions import (
    NonJsonMessageReceived,
    NonTextMessageReceived,
    WebSocketDisconnected,
)
from strawberry.schema.schema import StreamResult
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import (
    BaseGraphQLTransportWSHandler,
    Operation,
)
from strawberry.subscriptions.protocols.graphql_transport_ws.types import SubscribeMessage
from strawberry.types.execution import ExecutionResult, PreExecutionError

from gateway import auth
from resolvers import errors
from resolvers.errors import Code

_REASON_LIMIT_BYTES: Final = 123  # RFC 6455: a control frame's 125 without the status
_FRAME_TOO_LARGE: Final = 1009
_FAILED: Final = 1011
_TRY_AGAIN_LATER: Final = 1013
_FORBIDDEN: Final = 4403
_MESSAGES: Final = ("connection_init", "ping", "pong", "subscribe", "complete")
_AUTHORIZATION: Final = b"authorization"
_OF_OPERATIONS: Final = ("subscribe", "complete")


@dataclass(slots=True)
class Connection:
    """One WebSocket: its handshake, and what the client said in `connection_init`."""

    handshake: HTTPConnection
    make_context: Callable[[HTTPConnection], Awaitable[object]]
    connection_params: Mapping[str, Any] | None = None  # Strawberry sets it

    async def authenticate(self) -> None:
        """Judge the token, one of `connection_init` before the handshake's.

        Browsers cannot send headers with a handshake; a client without a token may send null for
        it. Raises ConnectionRejectionError.
        """
        for name, value in (self.connection_params or {}).items():
            if name.lower() == "authorization" and value is not None:
                self.handshake = _authorized(self.handshake, str(value))
        try:
            await self.context()
        except auth.InvalidToken as error:
            raise ConnectionRejectionError from error

    async def context(self) -> object:
        """Return the context of one operation. Raises auth.AuthenticationError."""
        return await self.make_context(self.handshake)


class JSONWebSocket(ASGIWebSocketAdapter):
    """A WebSocket that takes and sends JSON as text, in frames of a limited size."""

    def __init__(
        self,
        view: AsyncBaseHTTPView[Any, Any, Any, Any, Any, Any, Any],
        request: WebSocket,
        response: WebSocket,
        *,
        limit_bytes: int,
    ) -> None:
        super().__init__(view, request, response)
        self.limit_bytes = limit_bytes

    async def iter_json(
        self,
        *,
        ignore_parsing_errors: bool = False,  # noqa: ARG002 - only the older protocol asks for it
    ) -> AsyncGenerator[object, None]:
        """Yield what is in each frame. Raises NonTextMessageReceived or NonJsonMessageReceived."""
        while self.ws.application_state is WebSocketState.CONNECTED:
            try:
                frame = (await self.ws.receive_text()).encode()
                if len(frame) > self.limit_bytes:
                    await self.close(_FRAME_TOO_LARGE, f"At most {self.limit_bytes} bytes a frame")
                    return
                content = self.view.decode_json(frame)
            except WebSocketDisconnect:
                return
            except KeyError as error:
                raise NonTextMessageReceived from error
            except JSONDecodeError as error:
                raise NonJsonMessageReceived from error
            yield content

    async def send_json(self, message: Mapping[str, object]) -> None:
        """Send a message as text. Raises WebSocketDisconnected."""
        if self.ws.application_state is not WebSocketState.CONNECTED:
            raise WebSocketDisconnected
        try:
            await self.ws.send_text(self.view.encode_json_string(message))
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error

    async def close(self, code: int, reason: str) -> None:
        """Close the connection, unless it is closed; a long reason is cut."""
        if self.ws.application_state is not WebSocketState.CONNECTED:
            return
        short = reason.encode()[:_REASON_LIMIT_BYTES].decode(errors="ignore")
        try:
            await self.ws.close(code=code, reason=short)
        except WebSocketDisconnect as error:
            raise WebSocketDisconnected from error


class Handler(BaseGraphQLTransportWSHandler[Any, None]):
    """Runs the operations of one connection."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.connection: Connection = self.context

    async def handle_message(self, message: Any) -> None:
        """Handle a message, whatever a client may have put into its frame."""
        if isinstance(message, dict) and message.get("payload", "") is None:
            del message["payload"]  # the protocol allows null for none
        mistake = _mistake(message)
        if mistake is not None:
            await self.handle_invalid_message(mistake)
            return
        try:
            await super().handle_message(message)
        except WebSocketDisconnected:
            raise
        except auth.AuthenticationUnavailable as error:
            await self.websocket.close(_TRY_AGAIN_LATER, str(error))
        except Exception as error:  # noqa: BLE001 - the boundary: one connection fails alone
            errors.unexpected(error)
            await self.websocket.close(_FAILED, "Internal server error")

    async def handle_subscribe(self, message: SubscribeMessage) -> None:
        """Start an operation, unless too many are running."""
        limit = self.max_subscriptions_per_connection
        if self.connection_acknowledged and limit is not None and len(self.operations) >= limit:
            refusal = errors.coded(
                f"A connection runs at most {limit} operations at a time.",
                Code.OPERATION_LIMIT_EXCEEDED,
                limit=limit,
            )
            await self.send_message(
                {"id": message["id"], "type": "error", "payload": [refusal.formatted]}
            )
            return
        await super().handle_subscribe(message)

    async def run_operation(self, operation: Operation[Any, None]) -> None:
        """Run an operation in a context of its own."""
        try:
            context = await self.connection.context()
        except auth.AuthenticationError as error:
            # The token has expired, or cannot be judged again: the client is to come back.
            code = _FORBIDDEN if isinstance(error, auth.InvalidToken) else _TRY_AGAIN_LATER
            await self.websocket.close(code, str(error))
            return
        except Exception as error:  # noqa: BLE001 - the boundary: one operation fails alone
            await operation.send_initial_errors([errors.unexpected(error)])
            return
        # Strawberry's method reads it before it first awaits: no other operation can come between.
        self.context = context
        await super().run_operation(operation)

    async def _send_result_stream(
        self, operation: Operation[Any, None], result_source: StreamResult
    ) -> None:
        """Send results; one that is only errors, first or later, is the end of the operation."""
        async for result in result_source:
            if isinstance(result, PreExecutionError):
                await operation.send_initial_errors(result.errors or [])
                return
            assert isinstance(result, ExecutionResult), "nothing is delivered in parts"
            await operation.send_next(result)

    async def handle_task_exception(self, error: Exception) -> None:
        """Log what made an operation fail, unless its client went away."""
        if not isinstance(error, WebSocketDisconnected):
            errors.unexpected(error)


def _authorized(handshake: HTTPConnection, authorization: str) -> HTTPConnection:
    """Return the handshake as if it had come with this `Authorization` header."""
    others = [(name, value) for name, value in handshake.scope["headers"] if name != _AUTHORIZATION]
    header = (_AUTHORIZATION, authorization.encode("latin-1", "replace"))
    return HTTPConnection({**handshake.scope, "headers": [*others, header]})


def _mistake(message: object) -> str | None:
    """Return what is wrong with the shape of a message, None when it is right."""
    if not isinstance(message, dict):
        return "A message must be an object"
    kind, payload = message.get("type"), message.get("payload", {})
    if kind not in _MESSAGES:
        return "Unknown message type"
    if kind != "complete" and not isinstance(payload, dict):
        return "The payload of a message must be an object"
    if kind in _OF_OPERATIONS and not (isinstance(message.get("id"), str) and message["id"]):
        return "An operation needs an id"
    if kind == "subscribe":
        fits = (
            isinstance(payload.get("query"), str)
            and isinstance(payload.get("operationName"), str | None)
            and isinstance(payload.get("variables"), dict | None)
        )
        return None if fits else "An operation is a query, its variables and its name"
    return None
