"""What one client may ask of the transports."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class HTTPLimits:
    """Limits of GraphQL over HTTP and WebSocket.

    `body_bytes` bounds a request's body, its query string and a WebSocket frame alike.
    """

    body_bytes: int = 256 * 1024
    websocket_operations: int = 100
    websocket_init_timeout: timedelta = timedelta(seconds=10)
