"""Where Stripe's events arrive: verified on the bytes that came, stored, and answered at once.

What they mean is found out later, by a worker. An event that is not stored is answered with an
error: Stripe sends it again.
"""

import re
from collections.abc import Callable, Sequence
from typing import Any, Final

import orjson
import structlog
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from billing import events
from billing.clock import Clock
from gateway import bodies, stripe_objects, stripe_transport
from gateway.bodies import BodyTooLarge, BodyTooSlow
from models.database import Database

PATH: Final = "/webhooks/stripe"
TOLERANCE_SECONDS: Final = 300
"""How far from now, before or after, an event may have been signed."""

_HEADER_LENGTH_MAX: Final = 4_096
_SIGNED_AT: Final = re.compile(r"t=\d{1,12}", re.ASCII)

log = structlog.get_logger(__name__)


class Receiver:
    """The endpoint; `secrets` are those that may have signed: two while one replaces the other."""

    def __init__(
        self,
        database: Database,
        *,
        secrets: Sequence[str],
        expects_live: bool,
        limit_bytes: int,
        timeout_seconds: float,
        clock: Clock,
        received: Callable[[], None],
    ) -> None:
        self._database = database
        self._secrets = secrets
        self._expects_live = expects_live
        self._limit_bytes = limit_bytes
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._received = received

    async def receive(self, request: Request) -> Response:
        """Store the event of a request, once."""
        try:
            body = await bodies.read(
                request, limit_bytes=self._limit_bytes, timeout_seconds=self._timeout_seconds
            )
        except BodyTooLarge:
            return _refused(413, f"An event has at most {self._limit_bytes} bytes")
        except BodyTooSlow:
            return _refused(408, f"The event did not come within {self._timeout_seconds:g} s")
        signatures = request.headers.getlist("Stripe-Signature")
        if len(signatures) != 1 or not self._is_signed(body, signatures[0]):
            return _refused(400, "The signature is not Stripe's, or not of now")
        try:
            event = stripe_objects.event(orjson.loads(body))
        except (orjson.JSONDecodeError, AttributeError, KeyError, TypeError, ValueError):
            return _refused(400, "This is no event")

        if event.api_version not in (None, stripe_transport.API_VERSION):
            # The object is fetched in our version: only the payload is foreign.
            log.warning("foreign_api_version", event_id=event.event_id, version=event.api_version)
        async with self._database.write() as session:
            is_new = await events.store(
                session, event, expects_live=self._expects_live, at=self._clock.real()
            )
        log.info("event_received", event_id=event.event_id, type=event.type, is_new=is_new)
        self._received()
        return JSONResponse({"received": True})

    def _is_signed(self, body: bytes, signature: str) -> bool:
        """Tell whether one of the secrets has signed the body, about now."""
        if len(signature) > _HEADER_LENGTH_MAX or not signature.isascii():
            return False
        signed_at = [part for part in signature.split(",") if part.startswith("t=")]
        if len(signed_at) != 1 or not _SIGNED_AT.fullmatch(signed_at[0]):
            return False
        age_seconds = self._clock.real().timestamp() - int(signed_at[0].removeprefix("t="))
        if abs(age_seconds) > TOLERANCE_SECONDS:
            return False
        return any(stripe_transport.verify(body, signature, secret) for secret in self._secrets)


def _refused(status: int, reason: str) -> Response:
    log.warning("event_refused", reason=reason)
    answer: dict[str, Any] = {"error": reason}
    return JSONResponse(answer, status)
