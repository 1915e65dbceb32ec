"""What Stripe tells again: events by type, and what has been bought, to find what was lost."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from billing.payments import InvoiceState, PaymentEvent, SubscriptionState
from gateway import stripe_objects
from gateway.stripe_transport import Stripe, paged

TYPES_MAX: Final = 20
"""The most types of events that Stripe takes in one question."""


class StripeHistory:
    """The calls of `billing.payments.PaymentHistory`, on an account."""

    def __init__(self, account: Stripe) -> None:
        self.account = account

    async def events(self, *, types: Sequence[str], since: datetime) -> AsyncIterator[PaymentEvent]:
        """Yield what was told since then, of these types."""
        for first in range(0, len(types), TYPES_MAX):
            some = [*types[first : first + TYPES_MAX]]
            wanted: Any = {"types": some, "created": _since(since)}
            pages = paged(partial(self._events, wanted))
            async for found in pages:
                yield stripe_objects.event(found)

    async def live_subscriptions(self) -> AsyncIterator[SubscriptionState]:
        """Yield the subscriptions that have not ended."""
        fetched_at = datetime.now(UTC)
        async for found in paged(self.account.v1.subscriptions.list_async):
            yield stripe_objects.subscription(found, fetched_at=fetched_at)

    async def paid_invoices(self, *, since: datetime) -> AsyncIterator[InvoiceState]:
        """Yield the paid invoices that were made since then, with their first lines."""
        wanted: Any = {"status": "paid", "created": _since(since)}
        async for found in paged(lambda page: self.account.v1.invoices.list_async(wanted | page)):
            yield stripe_objects.invoice(found, lines=found["lines"]["data"])

    async def complete_checkouts(self, *, since: datetime) -> AsyncIterator[str]:
        """Yield the ids of the completed checkout pages that were opened since then."""
        wanted: Any = {"status": "complete", "created": _since(since)}
        pages = paged(lambda page: self.account.v1.checkout.sessions.list_async(wanted | page))
        async for found in pages:
            yield found["id"]

    def _events(self, wanted: Any, page: Any) -> Any:
        return self.account.v1.events.list_async(wanted | page)


def _since(time: datetime) -> dict[str, int]:
    return {"gte": stripe_objects.seconds(time)}
