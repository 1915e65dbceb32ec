"""What one client may ask of the transports."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPLimits:
    """Limits of GraphQL over HTTP and WebSocket.

    `body_bytes` bounds a request's body, its query string and a WebSocket frame alike. The body has
    come after `body_timeout`: the token is judged before it. A stream of events in which nothing
    happens says so every `heartbeat`.
    """

    body_bytes: int = 1024 * 1024
    body_timeout: timedelta = timedelta(seconds=30)
    websocket_operations: int = 100
    websocket_init_timeout: timedelta = timedelta(seconds=10)
    heartbeat: timedelta = timedelta(seconds=15)
