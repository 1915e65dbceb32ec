"""What the rules need of a payment provider: its objects as values, its calls as a protocol.

`gateway/` fulfils the protocol with Stripe's client; nothing here names a vendor's type. Every
call reads or changes one thing over the network: none is made inside a database transaction.

Errors of a call: `PaymentDeclined` (a person can act on it), `PaymentsUnavailable` (nothing is
known to have happened; safe to try again), `PaymentsRefused` (the request is wrong: a bug or a
catalogue that the provider does not know).
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from billing.catalog import Money


class CheckoutMode(StrEnum):
    """What a checkout page sells: something once, or a subscription."""

    PAYMENT = "PAYMENT"
    SUBSCRIPTION = "SUBSCRIPTION"


class CheckoutProgress(StrEnum):
    """How far a checkout page has come; PROCESSING is completed but not paid yet."""

    OPEN = "OPEN"
    PROCESSING = "PROCESSING"
    PAID = "PAID"
    FAILED = "FAILED"
    EXPIRED = "EXPIRED"


class SubscriptionProgress(StrEnum):
    """How a subscription stands with the provider."""

    INCOMPLETE = "INCOMPLETE"
    ACTIVE = "ACTIVE"
    PAST_DUE = "PAST_DUE"
    ENDED = "ENDED"


class InvoiceReason(StrEnum):
    """What an invoice is for."""

    SUBSCRIPTION_CREATE = "SUBSCRIPTION_CREATE"
    SUBSCRIPTION_CYCLE = "SUBSCRIPTION_CYCLE"
    SUBSCRIPTION_UPDATE = "SUBSCRIPTION_UPDATE"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceRequest:
    """A price that the provider is to have; it recurs every so many `months`, or is paid once."""

    lookup_key: str
    product_id: str
    product_name: str
    product_description: str
    price: Money
    months: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutRequest:
    """A checkout page to be opened; `checkout_id` is our own id of it."""

    workspace_id: UUID
    checkout_id: UUID
    customer_id: str
    mode: CheckoutMode
    price_id: str
    quantity: int
    success_url: str
    cancel_url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckoutState:
    """A checkout page as the provider has it now."""

    session_id: str
    workspace_id: UUID | None
    checkout_id: UUID | None
    mode: CheckoutMode
    progress: CheckoutProgress
    url: str | None
    expires_at: datetime
    customer_id: str | None
    subscription_id: str | None
    payment_id: str | None
    price_id: str | None
    quantity: int
    paid: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionState:
    """A subscription as the provider has it.

    `fetched_at` is when the asking began, by a clock that all machines share: were it each one's
    own, what a slow one asks later would count as older, and be dropped.
    """

    subscription_id: str
    workspace_id: UUID | None
    customer_id: str
    progress: SubscriptionProgress
    price_id: str
    period_start: datetime
    period_end: datetime
    cancels_at: datetime | None
    ended_at: datetime | None
    schedule_id: str | None
    latest_invoice_id: str | None
    has_pending_update: bool
    fetched_at: datetime

    @property
    def fingerprint(self) -> str:
        """Return what changes when a preview of it is no longer true."""
        parts = (self.subscription_id, self.price_id, self.period_start, self.period_end)
        return "|".join(map(str, (*parts, self.cancels_at, self.schedule_id, self.progress)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduledChange:
    """The price that a schedule changes a subscription to, and when."""

    schedule_id: str
    subscription_id: str | None
    is_live: bool
    price_id: str | None
    starts_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceLine:
    """A line of an invoice; a proration's negative line is what is given back."""

    price_id: str | None
    is_proration: bool
    amount_minor: int
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceState:
    """An invoice as the provider has it now; `lines` are those that its subscription is for."""

    invoice_id: str
    workspace_id: UUID | None
    customer_id: str
    subscription_id: str | None
    reason: InvoiceReason
    is_paid: bool
    paid: Money
    lines: Sequence[InvoiceLine]


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentState:
    """A payment: what was paid, and how much of that has gone back for good, so far."""

    payment_id: str
    customer_id: str | None
    workspace_id: UUID | None
    invoice_id: str | None
    paid_minor: int
    refunded_minor: int
    disputed_minor: int
    receipt_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchPreview:
    """What a switch at `proration_at` would cost; `due` may be 0, never negative."""

    due: Money
    proration_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchResult:
    """What a switch did: paid at once, or waiting for the cardholder at `payment_url`."""

    subscription: SubscriptionState
    invoice_id: str | None
    payment_url: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentEvent:
    """What the provider tells us: that something happened to an object, which is to be looked at.

    `object_id` is of the object whose state tells what that means: for a refund and a dispute the
    payment, for a schedule the subscription. What `payload` says of its state is never believed.
    """

    event_id: str
    type: str
    object_id: str
    api_version: str | None
    is_live: bool
    payload: Mapping[str, Any]
    occurred_at: datetime


class Payments(Protocol):
    """The calls. Those that change something take an idempotency key."""

    async def offer_price(self, request: PriceRequest) -> str:
        """Have a product and a price as asked for; return the price's id.

        The price of the lookup key is kept as long as it is the same; else a new one takes the
        lookup key over. To ask again changes nothing.
        """
        ...

    async def create_customer(self, *, workspace_id: UUID, name: str, idempotency_key: str) -> str:
        """Create the customer of a workspace; return its id."""
        ...

    async def find_customer(self, *, workspace_id: UUID, since: datetime) -> str | None:
        """Return the customer that was created for a workspace since then, if one was."""
        ...

    async def open_checkout(
        self, request: CheckoutRequest, *, idempotency_key: str
    ) -> CheckoutState:
        """Open a checkout page."""
        ...

    async def expire_checkout(self, session_id: str) -> CheckoutState:
        """Close a checkout page that is open; return it as it then is, paid perhaps."""
        ...

    async def checkout(self, session_id: str) -> CheckoutState:
        """Return a checkout page."""
        ...

    async def open_checkouts(self, customer_id: str) -> Sequence[CheckoutState]:
        """Return a customer's checkout pages that are open, the newest first; 100 at most."""
        ...

    async def open_portal(self, customer_id: str, *, return_url: str) -> str:
        """Return the address of a customer portal, good for one visit."""
        ...

    async def subscription(self, subscription_id: str) -> SubscriptionState:
        """Return a subscription."""
        ...

    async def preview_switch(
        self, subscription: SubscriptionState, *, price_id: str, proration_at: datetime
    ) -> SwitchPreview:
        """Return what switching to `price_id` at that moment would cost."""
        ...

    async def switch_now(
        self,
        subscription: SubscriptionState,
        *,
        price_id: str,
        proration_at: datetime,
        idempotency_key: str,
    ) -> SwitchResult:
        """Switch and charge the difference. A declined card changes nothing: PaymentDeclined."""
        ...

    async def switch_later(
        self, subscription: SubscriptionState, *, price_id: str, idempotency_key: str
    ) -> ScheduledChange:
        """Schedule a switch for the end of the paid period, without proration."""
        ...

    async def release_schedule(self, schedule_id: str, *, idempotency_key: str) -> None:
        """Undo a scheduled switch; the subscription goes on as it is."""
        ...

    async def cancel_at_period_end(
        self, subscription_id: str, *, idempotency_key: str
    ) -> SubscriptionState:
        """Let a subscription end with its paid period."""
        ...

    async def keep(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """Undo a cancellation to come, whether for the period's end or for a date."""
        ...

    async def drop_update(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """Give up a switch that waits for its payment: it can't be paid any more."""
        ...

    async def cancel_now(self, subscription_id: str, *, idempotency_key: str) -> SubscriptionState:
        """End a subscription at once, without proration."""
        ...

    async def refund(self, payment_id: str, *, idempotency_key: str) -> None:
        """Give back all that was paid."""
        ...

    async def refund_invoice(self, invoice_id: str, *, idempotency_key: str) -> None:
        """Give back all that was paid of an invoice; nothing if nothing was."""
        ...

    async def schedule(self, schedule_id: str) -> ScheduledChange:
        """Return a schedule."""
        ...

    async def invoice(self, invoice_id: str) -> InvoiceState:
        """Return an invoice with all lines of its subscription."""
        ...

    async def payment(self, payment_id: str) -> PaymentState:
        """Return a payment, with the sums of its refunds and disputes."""
        ...

    async def checkout_of_payment(self, payment_id: str) -> CheckoutState | None:
        """Return the checkout page that a payment was made on, None if it was made elsewhere."""
        ...


class PaymentHistory(Protocol):
    """What a provider tells again of what has happened: to find what was lost on the way."""

    def events(self, *, types: Sequence[str], since: datetime) -> AsyncIterator[PaymentEvent]:
        """Yield what was told since then, of these types."""
        ...

    def live_subscriptions(self) -> AsyncIterator[SubscriptionState]:
        """Yield the subscriptions that have not ended."""
        ...

    def paid_invoices(self, *, since: datetime) -> AsyncIterator[InvoiceState]:
        """Yield the paid invoices that were made since then, with their first lines."""
        ...

    def complete_checkouts(self, *, since: datetime) -> AsyncIterator[str]:
        """Yield the ids of the completed checkout pages that were opened since then."""
        ...
