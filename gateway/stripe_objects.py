"""Stripe's objects, as JSON, read into the values of `billing.payments`.

Since 2025 a subscription's period is its item's, an invoice's subscription is in its `parent`,
and the price of a line is in its `pricing`. An id stands where an object is not expanded.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from billing.catalog import Money
from billing.payments import (
    CheckoutMode,
    CheckoutProgress,
    CheckoutState,
    InvoiceLine,
    InvoiceReason,
    InvoiceState,
    PaymentEvent,
    PaymentState,
    ScheduledChange,
    SubscriptionProgress,
    SubscriptionState,
)

Json = Mapping[str, Any]

CHECKOUT_EXPANSIONS: Final = ["line_items", "payment_intent", "subscription"]
"""What `checkout` wants to see of a session."""

WORKSPACE: Final = "workspace_id"
CHECKOUT: Final = "checkout_id"
"""The keys of our metadata."""


def checkout(session: Json) -> CheckoutState:
    """Read a checkout session, expanded by `CHECKOUT_EXPANSIONS`."""
    items = (session.get("line_items") or {}).get("data") or []
    item: Json = items[0] if items else {}
    metadata = session.get("metadata") or {}
    return CheckoutState(
        session_id=session["id"],
        workspace_id=_uuid(metadata.get(WORKSPACE)),
        checkout_id=_uuid(metadata.get(CHECKOUT)),
        mode=_MODES.get(session["mode"], CheckoutMode.PAYMENT),
        progress=_progress(session),
        url=session.get("url"),
        expires_at=moment(session["expires_at"]),
        customer_id=id_of(session.get("customer")),
        subscription_id=id_of(session.get("subscription")),
        payment_id=id_of(session.get("payment_intent")),
        price_id=id_of(item.get("price")),
        quantity=item.get("quantity") or 0,
        paid=_money(session.get("amount_total") or 0, session.get("currency") or ""),
    )


def subscription(found: Json, *, fetched_at: datetime) -> SubscriptionState:
    """Read a subscription, which has one item."""
    item = found["items"]["data"][0]
    cancels_at = found.get("cancel_at")
    if cancels_at is None and found.get("cancel_at_period_end"):
        cancels_at = item["current_period_end"]
    return SubscriptionState(
        subscription_id=found["id"],
        workspace_id=_uuid((found.get("metadata") or {}).get(WORKSPACE)),
        customer_id=required_id(found["customer"]),
        progress=_SUBSCRIPTIONS[found["status"]],
        price_id=required_id(item["price"]),
        period_start=moment(item["current_period_start"]),
        period_end=moment(item["current_period_end"]),
        cancels_at=_moment(cancels_at),
        ended_at=_moment(found.get("ended_at")),
        schedule_id=id_of(found.get("schedule")),
        latest_invoice_id=id_of(found.get("latest_invoice")),
        has_pending_update=found.get("pending_update") is not None,
        fetched_at=fetched_at,
    )


def schedule(found: Json) -> ScheduledChange:
    """Read a schedule: its next phase is the change."""
    current = found.get("current_phase") or {}
    upcoming = [
        phase for phase in found["phases"] if current and phase["start_date"] >= current["end_date"]
    ]
    change: Json | None = upcoming[0] if upcoming else None
    return ScheduledChange(
        schedule_id=found["id"],
        subscription_id=id_of(found.get("subscription") or found.get("released_subscription")),
        is_live=found["status"] in _LIVE_SCHEDULES,
        price_id=None if change is None else id_of(change["items"][0]["price"]),
        starts_at=None if change is None else moment(change["start_date"]),
    )


def invoice(found: Json, *, lines: Sequence[Json]) -> InvoiceState:
    """Read an invoice with those of all its lines that its subscription is for.

    An operator may have added others by hand, a fee or a credit: they pay no period of a plan.
    """
    parent = found.get("parent") or {}
    details = parent.get("subscription_details") or {}
    return InvoiceState(
        invoice_id=found["id"],
        workspace_id=_uuid((details.get("metadata") or {}).get(WORKSPACE)),
        customer_id=required_id(found["customer"]),
        subscription_id=id_of(details.get("subscription")),
        reason=_REASONS.get(found.get("billing_reason") or "", InvoiceReason.OTHER),
        is_paid=found["status"] == "paid",
        paid=_money(found["amount_paid"], found["currency"]),
        lines=[_line(line) for line in lines if _is_of_subscription(line)],
    )


def payment(
    intent: Json,
    *,
    invoice_id: str | None,
    refunds: Sequence[Json],
    disputes: Sequence[Json],
) -> PaymentState:
    """Read a payment intent whose charge is expanded, and what was reversed of it.

    A pending refund is none yet. A dispute counts for as long as its funds are withdrawn: the
    transactions that move them, in whatever currency, add up to less than nothing.
    """
    charge = intent.get("latest_charge")
    return PaymentState(
        payment_id=intent["id"],
        customer_id=id_of(intent.get("customer")),
        workspace_id=_uuid((intent.get("metadata") or {}).get(WORKSPACE)),
        invoice_id=invoice_id,
        paid_minor=intent.get("amount_received") or 0,
        refunded_minor=sum(
            refund["amount"] for refund in refunds if refund["status"] == "succeeded"
        ),
        disputed_minor=sum(dispute["amount"] for dispute in disputes if _is_withdrawn(dispute)),
        receipt_url=charge.get("receipt_url") if isinstance(charge, Mapping) else None,
    )


def event(found: Json) -> PaymentEvent:
    """Read an event. Raises KeyError and TypeError where that is none."""
    about = found["data"]["object"]
    return PaymentEvent(
        event_id=str(found["id"]),
        type=str(found["type"]),
        object_id=_object_id(about),
        api_version=found.get("api_version"),
        is_live=bool(found["livemode"]),
        payload=found,
        occurred_at=moment(found["created"]),
    )


def id_of(thing: Any) -> str | None:
    """Return the id of what may be expanded, or not be there."""
    if thing is None:
        return None
    return required_id(thing)


def required_id(thing: Any) -> str:
    """Return the id of what may be expanded."""
    return thing if isinstance(thing, str) else str(thing["id"])


def moment(seconds: float) -> datetime:
    """Return the time of a Unix timestamp."""
    return datetime.fromtimestamp(seconds, UTC)


def seconds(time: datetime) -> int:
    """Return the Unix timestamp of a time, in whole seconds."""
    return int(time.timestamp())


def _progress(session: Json) -> CheckoutProgress:
    """Return how far a session has come; a payment that takes days may still fail."""
    if session["status"] != "complete":
        return _OPEN_OR_EXPIRED[session["status"]]
    if session["payment_status"] != "unpaid":
        return CheckoutProgress.PAID
    intent, subscribed = session.get("payment_intent"), session.get("subscription")
    if isinstance(intent, Mapping) and intent["status"] in _FAILED_INTENTS:
        return CheckoutProgress.FAILED
    if isinstance(subscribed, Mapping) and subscribed["status"] not in _PAYING_SUBSCRIPTIONS:
        return CheckoutProgress.FAILED
    return CheckoutProgress.PROCESSING


def _line(line: Json) -> InvoiceLine:
    parent = line.get("parent") or {}
    details = parent.get("subscription_item_details") or parent.get("invoice_item_details") or {}
    pricing = line.get("pricing") or {}
    return InvoiceLine(
        price_id=id_of((pricing.get("price_details") or {}).get("price")),
        is_proration=bool(details.get("proration")),
        amount_minor=line["amount"],
        period_start=moment(line["period"]["start"]),
        period_end=moment(line["period"]["end"]),
    )


def _is_of_subscription(line: Json) -> bool:
    details = (line.get("parent") or {}).get("invoice_item_details")
    return details is None or bool(details.get("proration"))


def _is_withdrawn(dispute: Json) -> bool:
    moved: int = sum(each["amount"] for each in dispute["balance_transactions"])
    return moved < 0


def _object_id(about: Json) -> str:
    """Return the id of what an event's object is to be judged by."""
    kind = about.get("object")
    if kind in ("refund", "dispute"):
        return id_of(about.get("payment_intent")) or str(about["id"])
    if kind == "subscription_schedule":
        found = id_of(about.get("subscription") or about.get("released_subscription"))
        return found or str(about["id"])
    return str(about.get("id") or "")


def _money(amount_minor: int, currency: str) -> Money:
    return Money(amount_minor, currency.upper())


def _moment(found: float | None) -> datetime | None:
    return None if found is None else moment(found)


def _uuid(text: Any) -> UUID | None:
    """Return our own id; None for what another program has written there."""
    try:
        return UUID(text)
    except (AttributeError, TypeError, ValueError):
        return None


_MODES: Final = {
    "payment": CheckoutMode.PAYMENT,
    "subscription": CheckoutMode.SUBSCRIPTION,
}
_OPEN_OR_EXPIRED: Final = {"open": CheckoutProgress.OPEN, "expired": CheckoutProgress.EXPIRED}
_FAILED_INTENTS: Final = frozenset({"requires_payment_method", "canceled"})
_PAYING_SUBSCRIPTIONS: Final = frozenset({"active", "trialing", "incomplete"})
_LIVE_SCHEDULES: Final = frozenset({"active", "not_started"})
_SUBSCRIPTIONS: Final = {
    "incomplete": SubscriptionProgress.INCOMPLETE,
    "incomplete_expired": SubscriptionProgress.ENDED,
    "trialing": SubscriptionProgress.ACTIVE,
    "active": SubscriptionProgress.ACTIVE,
    "past_due": SubscriptionProgress.PAST_DUE,
    "unpaid": SubscriptionProgress.PAST_DUE,
    "paused": SubscriptionProgress.PAST_DUE,
    "canceled": SubscriptionProgress.ENDED,
}
_REASONS: Final = {
    "subscription_create": InvoiceReason.SUBSCRIPTION_CREATE,
    "subscription_cycle": InvoiceReason.SUBSCRIPTION_CYCLE,
    "subscription_update": InvoiceReason.SUBSCRIPTION_UPDATE,
}
