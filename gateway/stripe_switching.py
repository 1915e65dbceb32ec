"""Switching a subscription's price at Stripe: previewed, at once, or at the period's end."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from billing.catalog import Money
from billing.clock import SharedTime
from billing.errors import PaymentDeclined, PaymentsRefused, PaymentsUnavailable
from billing.payments import (
    ScheduledChange,
    SubscriptionState,
    SwitchPreview,
    SwitchResult,
)
from gateway import stripe_objects
from gateway.stripe_transport import InvalidRequest, Stripe, asked

_DECLINED: Final = frozenset({"requires_payment_method", "canceled"})
_BANK_DEBITS: Final = frozenset(
    {"acss_debit", "au_becs_debit", "bacs_debit", "nz_bank_account", "sepa_debit"}
    | {"us_bank_account"}
)
_CUSTOMERS_METHOD: Final = "invoice_settings.default_payment_method"
_DISCOUNTS: Final = ("discount", "promotion_code", "coupon")


async def preview(
    account: Stripe, subscription: SubscriptionState, *, price_id: str, proration_at: datetime
) -> SwitchPreview:
    """Return what switching to `price_id` at that moment would cost."""
    found = await asked(
        account.v1.invoices.create_preview_async(
            {
                "customer": subscription.customer_id,
                "subscription": subscription.subscription_id,
                "subscription_details": {
                    "items": [
                        {
                            "id": await _item_id(account, subscription.subscription_id),
                            "price": price_id,
                        }
                    ],
                    "proration_behavior": "always_invoice",
                    "proration_date": stripe_objects.seconds(proration_at),
                },
            }
        )
    )
    due = Money(max(found.amount_due, 0), found.currency.upper())
    return SwitchPreview(due=due, proration_at=proration_at)


async def switch_now(
    account: Stripe,
    subscription: SubscriptionState,
    *,
    price_id: str,
    proration_at: datetime,
    idempotency_key: str,
    time: SharedTime,
) -> SwitchResult:
    """Switch and charge the difference. A declined card changes nothing: PaymentDeclined."""
    item_id = await _payable_item_id(account, subscription.subscription_id)
    answer = await asked(
        account.v1.subscriptions.update_async(
            subscription.subscription_id,
            {
                "items": [{"id": item_id, "price": price_id}],
                "payment_behavior": "pending_if_incomplete",
                "proration_behavior": "always_invoice",
                "proration_date": stripe_objects.seconds(proration_at),
            },
            {"idempotency_key": idempotency_key},
        )
    )
    # The answer may be one that was kept under the key: what it says of the state is old.
    now, pending = await fetched(account, subscription.subscription_id, time=time)
    if pending is not None and now.latest_invoice_id is not None:
        return SwitchResult(
            subscription=now,
            invoice_id=now.latest_invoice_id,
            payment_url=await _page_of_authentication(account, now.latest_invoice_id),
            expires_at=stripe_objects.moment(pending["expires_at"]),
        )
    if now.price_id != price_id:
        raise PaymentDeclined
    invoice_id = stripe_objects.id_of(answer.latest_invoice)
    return SwitchResult(subscription=now, invoice_id=invoice_id, payment_url=None, expires_at=None)


async def switch_later(
    account: Stripe, subscription: SubscriptionState, *, price_id: str, idempotency_key: str
) -> ScheduledChange:
    """Schedule a switch for the end of the paid period, without proration."""
    price = await asked(account.v1.prices.retrieve_async(price_id))
    if price.recurring is None:
        raise PaymentsRefused(f"The price {price_id} does not recur")
    if not price.active:
        # Refused now: a schedule that was made already would be left behind.
        raise PaymentsRefused(f"The price {price_id} is not sold any more")
    schedule = await _schedule_of(account, subscription, idempotency_key=f"{idempotency_key}:new")
    recurring = {
        "interval": price.recurring.interval,
        "interval_count": price.recurring.interval_count,
    }
    changed = phases(schedule, recurring, price_id=price_id, at=subscription.period_end)
    try:
        found = await asked(
            account.v1.subscription_schedules.update_async(
                schedule["id"],
                {"end_behavior": "release", "proration_behavior": "none", "phases": changed},
                {"idempotency_key": f"{idempotency_key}:{schedule['id']}"},
            )
        )
    except InvalidRequest:
        if _is_live(await _schedule(account, schedule["id"])):
            raise
        # Somebody has released it under our hands: asked again, there will be another one.
        raise PaymentsUnavailable from None
    return stripe_objects.schedule(found.to_dict())


def phases(
    schedule: Mapping[str, Any], recurring: Mapping[str, Any], *, price_id: str, at: datetime
) -> list[Any]:
    """Return what goes on until a moment, and what follows it: one period of the other price.

    Nothing else changes: an operator may have set the quantity, discounts, taxes and other items.
    """
    start = schedule["current_phase"]["start_date"]
    [current] = [phase for phase in schedule["phases"] if phase["start_date"] == start]
    plan, *others = map(_item, current["items"])
    kept = _kept(current) | {"proration_behavior": "none"}
    goes_on = kept | {
        "items": [plan, *others],
        "start_date": start,
        "end_date": stripe_objects.seconds(at),
    }
    if current.get("trial_end") is not None:
        goes_on["trial_end"] = current["trial_end"]
    follows = kept | {
        "items": [plan | {"price": price_id}, *others],
        "duration": dict(recurring),
    }
    return [goes_on, follows]


async def fetched(
    account: Stripe, subscription_id: str, *, time: SharedTime
) -> tuple[SubscriptionState, Mapping[str, Any] | None]:
    """Return a subscription and the update that waits for its payment."""
    fetched_at = await time()
    found = (await asked(account.v1.subscriptions.retrieve_async(subscription_id))).to_dict()
    state = stripe_objects.subscription(found, fetched_at=fetched_at)
    return state, found["pending_update"]


async def _item_id(account: Stripe, subscription_id: str) -> str:
    found = await asked(account.v1.subscriptions.retrieve_async(subscription_id))
    item_id: str = found.to_dict()["items"]["data"][0]["id"]
    return item_id


async def _payable_item_id(account: Stripe, subscription_id: str) -> str:
    """Return the item to be changed; raise PaymentDeclined if it is not paid at once.

    Stripe has no update that waits for a bank to pay, nor for an invoice that is sent.
    """
    found = await asked(
        account.v1.subscriptions.retrieve_async(
            subscription_id,
            {"expand": ["default_payment_method", f"customer.{_CUSTOMERS_METHOD}"]},
        )
    )
    state: Mapping[str, Any] = found.to_dict()
    settings = state["customer"].get("invoice_settings") or {}
    method = state["default_payment_method"] or settings.get("default_payment_method") or {}
    if method.get("type") in _BANK_DEBITS or state["collection_method"] == "send_invoice":
        raise PaymentDeclined("This switch is paid by card: choose one in the customer portal")
    item_id: str = state["items"]["data"][0]["id"]
    return item_id


async def _schedule_of(
    account: Stripe, subscription: SubscriptionState, *, idempotency_key: str
) -> Mapping[str, Any]:
    """Return the live schedule of a subscription, made now if it has none.

    The one that it had may have been released since, and so may the one that a key made before,
    which that key is answered with for ever: the next is made under a key that names it.
    """
    schedule_id = subscription.schedule_id
    while True:
        if schedule_id is None:
            made = await asked(
                account.v1.subscription_schedules.create_async(
                    {"from_subscription": subscription.subscription_id},
                    {"idempotency_key": idempotency_key},
                )
            )
            schedule_id = made.id
        found = await _schedule(account, schedule_id)
        if _is_live(found):
            return found
        idempotency_key, schedule_id = f"after:{schedule_id}", None


async def _schedule(account: Stripe, schedule_id: str) -> Mapping[str, Any]:
    found = await asked(account.v1.subscription_schedules.retrieve_async(schedule_id))
    return found.to_dict()


def _is_live(schedule: Mapping[str, Any]) -> bool:
    return schedule["current_phase"] is not None


def _kept(phase: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a phase has, to be said again: what is not said of a phase is taken from it."""
    kept: dict[str, Any] = {
        name: phase[name]
        for name in ("collection_method", "description")
        if phase.get(name) is not None
    }
    if (method := phase.get("default_payment_method")) is not None:
        kept["default_payment_method"] = stripe_objects.required_id(method)
    return kept | _terms(phase, tax_rates="default_tax_rates")


def _item(item: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {"price": stripe_objects.required_id(item["price"])}
    if item.get("quantity") is not None:
        kept["quantity"] = item["quantity"]
    return kept | _terms(item, tax_rates="tax_rates")


def _terms(priced: Mapping[str, Any], *, tax_rates: str) -> dict[str, Any]:
    """Return the discounts and tax rates of a phase or of an item of it, if it has any."""
    terms: dict[str, Any] = {}
    if discounts := priced.get("discounts"):
        terms["discounts"] = [_discount(each) for each in discounts]
    if rates := priced.get(tax_rates):
        terms[tax_rates] = [stripe_objects.required_id(rate) for rate in rates]
    return terms


def _discount(given: Mapping[str, Any]) -> dict[str, str]:
    """Return a discount as it is asked for: one that is given already goes on, as long as it does.

    A coupon would be redeemed once more.
    """
    found = {name: stripe_objects.id_of(given.get(name)) for name in _DISCOUNTS}
    name, value = next((name, value) for name, value in found.items() if value is not None)
    return {name: value}


async def _page_of_authentication(account: Stripe, invoice_id: str) -> str:
    """Return where the cardholder pays an invoice; raise PaymentDeclined if that is no use.

    The invoice of a declined card is voided, and with it the update that waits for it.
    """
    payments = await asked(
        account.v1.invoice_payments.list_async(
            {"invoice": invoice_id, "limit": 1, "expand": ["data.payment.payment_intent"]}
        )
    )
    intent = payments.data[0].payment.payment_intent if payments.data else None
    assert not isinstance(intent, str)
    if intent is None or intent.status in _DECLINED:
        await asked(account.v1.invoices.void_invoice_async(invoice_id))
        error = None if intent is None else intent.last_payment_error
        message = None if error is None else error.message
        raise PaymentDeclined(message) if message else PaymentDeclined
    invoice = await asked(account.v1.invoices.retrieve_async(invoice_id))
    if invoice.hosted_invoice_url is None:
        raise PaymentsRefused(f"The invoice {invoice_id} has no page to be paid on")
    return invoice.hosted_invoice_url
