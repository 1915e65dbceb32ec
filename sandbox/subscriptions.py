"""Subscriptions: their items, periods, and ends."""

from typing import Any

from sandbox import blanks, errors, events, forms, invoices, lists, periods, store
from sandbox.errors import Object
from sandbox.proration import Change
from sandbox.store import Account

ENDED = ("canceled", "incomplete_expired")

_CANCELLATION = forms.nested(
    {
        "comment": forms.blankable(forms.text),
        "feedback": forms.blankable(
            forms.choice(
                *("customer_service", "low_quality", "missing_features", "other"),
                *("switched_service", "too_complex", "too_expensive", "unused"),
            )
        ),
    }
)
CANCEL: forms.Shape = forms.EXPAND | {
    "cancellation_details": _CANCELLATION,
    "invoice_now": forms.boolean,
    "prorate": forms.boolean,
}
LIST: forms.Shape = forms.PAGE | {
    "created": forms.MOMENT,
    "current_period_end": forms.MOMENT,
    "current_period_start": forms.MOMENT,
    "customer": forms.text,
    "price": forms.text,
    "status": forms.choice(
        *("active", "all", "canceled", "ended", "incomplete", "incomplete_expired"),
        *("past_due", "paused", "trialing", "unpaid"),
    ),
}


def start(account: Account, *, price: Object, quantity: int, **fields: Any) -> Object:
    """Create a subscription that waits for its first payment; its period starts now."""
    now = account.now()
    name = store.new_id(account, "sub")
    item = blanks.new(
        "subscription_item",
        id=store.new_id(account, "si", length=14),
        created=now,
        current_period_start=now,
        current_period_end=periods.add(now, price["recurring"]),
        plan=plan_of(price),
        price=dict(price),
        quantity=quantity,
        subscription=name,
    )
    subscription = blanks.new(
        "subscription",
        id=name,
        billing_cycle_anchor=now,
        created=now,
        currency=price["currency"],
        items=lists.whole([item], f"/v1/subscription_items?subscription={name}"),
        start_date=now,
        **fields,
    )
    store.add(account, subscription)
    store.schedule(account, item["current_period_end"], "end_period", name)
    events.emit(account, "customer.subscription.created", subscription)
    return subscription


def apply(account: Account, subscription: Object, change: Change) -> None:
    """Put a change into effect; the caller tells of it."""
    item = item_of(subscription)
    item |= {"price": dict(change.price), "plan": plan_of(change.price)}
    item["quantity"] = change.quantity
    if change.begins_anew:
        subscription["billing_cycle_anchor"] = change.anchor
    set_period(account, subscription, change.start, change.end)


def set_period(account: Account, subscription: Object, start: int, end: int) -> None:
    """Set the current period and note when it ends."""
    item = item_of(subscription)
    if item["current_period_end"] != end:
        store.schedule(account, end, "end_period", subscription["id"])
    item |= {"current_period_start": start, "current_period_end": end}


def end(account: Account, subscription: Object, *, reason: str) -> None:
    """Cancel a subscription now."""
    now = account.now()
    drop_pending_update(account, subscription)
    if subscription["schedule"] is not None:
        schedule = store.get(account, "subscription_schedule", subscription["schedule"])
        schedule |= {"status": "canceled", "canceled_at": now, "current_phase": None}
        events.emit(account, "subscription_schedule.canceled", schedule)
        subscription["schedule"] = None
    subscription |= {"status": "canceled", "ended_at": now}
    subscription["canceled_at"] = subscription["canceled_at"] or now
    subscription["cancellation_details"]["reason"] = reason
    for invoice in store.table(account, "invoice").values():
        if invoices.subscription_of(account, invoice) is subscription:
            invoice["auto_advance"] = False
            invoice["next_payment_attempt"] = None
    events.emit(account, "customer.subscription.deleted", subscription)


def drop_pending_update(account: Account, subscription: Object) -> None:
    """Give up a pending update, if there is one: its invoice is voided."""
    if subscription["pending_update"] is None:
        return
    pending = store.secret(account, subscription["id"]).pop("pending")
    invoices.void(account, store.get(account, "invoice", pending["invoice"]))
    with events.change(account, subscription, "customer.subscription.updated"):
        subscription["pending_update"] = None
    events.emit(account, "customer.subscription.pending_update_expired", subscription)


def set_cancellation(account: Account, subscription: Object, at: int | None) -> None:
    """Set when a subscription will end, or None to let it go on."""
    subscription["cancel_at"] = at
    subscription["canceled_at"] = None if at is None else account.now()
    reason = None if at is None else "cancellation_requested"
    subscription["cancellation_details"]["reason"] = reason
    if at is None:
        subscription["cancel_at_period_end"] = False
    else:
        store.schedule(account, at, "cancel", subscription["id"])


def item_of(subscription: Object) -> Object:
    """Return the one item of a subscription."""
    item: Object = subscription["items"]["data"][0]
    return item


def plan_of(price: Object) -> Object:
    """Return the older form of a recurring price, which items still carry."""
    recurring = price["recurring"]
    return blanks.new(
        "plan",
        id=price["id"],
        active=price["active"],
        amount=price["unit_amount"],
        amount_decimal=price["unit_amount_decimal"],
        created=price["created"],
        currency=price["currency"],
        interval=recurring["interval"],
        interval_count=recurring["interval_count"],
        metadata=dict(price["metadata"]),
        product=price["product"],
    )


def retrieve(account: Account, params: Object, subscription: str) -> Object:
    """Return a subscription, also one that has ended."""
    del params
    return store.get(account, "subscription", subscription)


def listing(account: Account, params: Object) -> Object:
    """List subscriptions, newest first; those that have been cancelled only when asked for."""
    status = params.get("status")

    def matches(subscription: Object) -> bool:
        item = item_of(subscription)
        if status == "ended":
            wanted = subscription["status"] in ENDED
        elif status is None:
            wanted = subscription["status"] != "canceled"
        else:
            wanted = status in ("all", subscription["status"])
        for name in ("current_period_start", "current_period_end"):
            wanted = wanted and (name not in params or lists.within(item[name], params[name]))
        return (
            wanted
            and params.get("customer", subscription["customer"]) == subscription["customer"]
            and params.get("price", item["price"]["id"]) == item["price"]["id"]
        )

    return lists.page(account, "subscription", params, "/v1/subscriptions", matches=matches)


def cancel(account: Account, params: Object, subscription: str) -> Object:
    """Cancel a subscription now; nothing is paid back."""
    found = store.get(account, "subscription", subscription)
    if found["status"] in ENDED:
        raise errors.missing_resource("subscription", subscription)
    if params.get("invoice_now") or params.get("prorate"):
        message = "The sandbox cancels without a final invoice."
        raise errors.invalid_request(message, param="prorate")

    found["cancellation_details"] |= params.get("cancellation_details", {})
    end(account, found, reason="cancellation_requested")
    return found
