"""How Stripe is reached, through stripe-python: nothing else imports it.

A `Stripe` is an account; a call of its `v1` goes through `asked`, a list through `paged`, so that
what Stripe refuses comes as one of the errors that `billing.payments` names.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any, Final, TypeVar

import stripe

from billing.errors import (
    BillingError,
    CustomerGone,
    PaymentDeclined,
    PaymentsRefused,
    PaymentsUnavailable,
)

API_VERSION: Final = stripe.api_version
PAGE: Final = 100
TIMEOUT_SECONDS: Final = 8.0
NETWORK_RETRIES: Final = 0
"""A call that fails is made again by who has asked, who knows whether that still makes sense."""

_SERVER_ERROR: Final = 500
_CONFLICT: Final = 409

# stripe-python tells Stripe how long each call took, unless it is asked not to.
stripe.enable_telemetry = False
# It tells the log of each request; what fails is told by who has asked.
logging.getLogger("stripe").setLevel(logging.WARNING)

Answer = TypeVar("Answer")


class InvalidRequest(PaymentsRefused):
    """Stripe does not take a request as it is; `reason` is Stripe's code, if it gives one."""

    def __init__(self, message: str, *, reason: str | None) -> None:
        super().__init__(message)
        self.reason = reason


class Stripe:
    """An account of Stripe's: `v1` are its calls. Close it in the end."""

    def __init__(
        self,
        secret_key: str,
        *,
        api_base: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        self.transport = _Transport(timeout_seconds=timeout_seconds)
        self.v1 = stripe.StripeClient(
            secret_key,
            base_addresses={} if api_base is None else {"api": api_base},
            http_client=self.transport,
            max_network_retries=NETWORK_RETRIES,
        ).v1

    async def close(self) -> None:
        """Close every connection."""
        await self.transport.close_async()  # type: ignore[no-untyped-call]  # it has no types


async def asked(call: Awaitable[Answer]) -> Answer:
    """Return the answer of a call.

    Raises PaymentDeclined, PaymentsUnavailable and PaymentsRefused.
    """
    try:
        return await call
    except stripe.StripeError as error:
        raise _refusal(error) from error


async def paged(
    page_after: Callable[[Any], Awaitable[stripe.ListObject[Any]]],
) -> AsyncIterator[dict[str, Any]]:
    """Yield the objects of a list, as JSON, page after page; raises what `asked` raises.

    `page_after` asks for a page with these parameters.
    """
    position: dict[str, Any] = {"limit": PAGE}
    while True:
        page = await asked(page_after(position))
        for found in page.data:
            yield found.to_dict(for_json=True)
        if not page.has_more or not page.data:
            return
        position["starting_after"] = page.data[-1].id


def verify(body: bytes, signature: str, secret: str) -> bool:
    """Tell whether a webhook's body was signed with a secret; its time is not looked at."""
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret)
    except (stripe.SignatureVerificationError, UnicodeDecodeError):
        return False
    return True


class _Transport(stripe.HTTPXClient):
    """stripe-python's transport, which hands its body over as httpx wants to have it.

    The time limit is one on the whole call: httpx's is on each wait for some of the answer.
    """

    def __init__(self, *, timeout_seconds: float) -> None:
        super().__init__(timeout=timeout_seconds)
        self._timeout_seconds = timeout_seconds

    async def request_async(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any = None
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Return what a call is answered, as stripe-python's transport does, or fail in time."""
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await super().request_async(method, url, headers, post_data)
        except TimeoutError as error:
            self._handle_request_error(error)

    def _get_request_args_kwargs(
        self, method: str, url: str, headers: Mapping[str, str], post_data: Any
    ) -> list[Any]:
        positional, named = super()._get_request_args_kwargs(method, url, headers, post_data)
        return [positional, {**named, "data": None, "content": named["data"] or b""}]


def _refusal(error: stripe.StripeError) -> BillingError:
    """Return what an error of Stripe's means to who has called."""
    status = error.http_status or 0
    message = error.user_message or type(error).__name__
    if isinstance(error, stripe.CardError):
        return PaymentDeclined(message)
    if status >= _SERVER_ERROR:
        return PaymentsUnavailable(is_final=True)
    if isinstance(error, stripe.APIConnectionError | stripe.RateLimitError) or status == _CONFLICT:
        return PaymentsUnavailable()
    if isinstance(error, stripe.InvalidRequestError) and _is_customer_gone(error):
        return CustomerGone(f"Stripe refused: {message}")
    return InvalidRequest(f"Stripe refused: {message}", reason=error.code)


def _is_customer_gone(error: stripe.InvalidRequestError) -> bool:
    return error.code == "resource_missing" and error.param == "customer"
