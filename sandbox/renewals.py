"""The end of a period: a subscription ends, enters its next phase, or renews."""

from sandbox import collection, events, invoices, periods, schedules, store, subscriptions
from sandbox.errors import Object
from sandbox.proration import Charge
from sandbox.store import Account

DRAFT_SECONDS = 3600


def end_period(account: Account, subscription: Object) -> None:
    """Renew a subscription whose period ends now; whether it is paid shows an hour later."""
    item = subscriptions.item_of(subscription)
    boundary = item["current_period_end"]
    if subscription["status"] not in ("active", "past_due") or boundary != account.now():
        return
    if end_if_due(account, subscription):
        return

    start, anew = item["current_period_start"], False
    with events.change(account, subscription, "customer.subscription.updated"):
        before = item["price"]["recurring"]
        schedules.advance(account, subscription)
        if subscription["status"] == "canceled":
            return
        recurring = item["price"]["recurring"]
        anew = not periods.same(before, recurring)
        if anew:
            subscription["billing_cycle_anchor"] = boundary
        until = periods.following(subscription["billing_cycle_anchor"], recurring, boundary)
        subscriptions.set_period(account, subscription, boundary, until)
        invoice = invoices.draft(
            account,
            subscription,
            reason="subscription_update" if anew else "subscription_cycle",
            charges=(*_waiting(account, subscription), renewal(subscription)),
            start=start,
            end=boundary,
        )
        if not anew:
            invoice["automatically_finalizes_at"] = boundary + DRAFT_SECONDS
    if anew:
        finalize(account, invoice)
    else:
        store.schedule(account, boundary + DRAFT_SECONDS, "finalize_invoice", invoice["id"])


def end_if_due(account: Account, subscription: Object) -> bool:
    """End a subscription whose cancellation is due; tell whether it has ended."""
    at = subscription["cancel_at"]
    live = subscription["status"] not in subscriptions.ENDED
    if live and at is not None and at <= account.now():
        subscriptions.end(account, subscription, reason="cancellation_requested")
        return True
    return not live


def finalize(account: Account, invoice: Object) -> None:
    """Finalise a draft and charge it."""
    if invoice["status"] == "draft" and invoice["auto_advance"]:
        invoices.finalize(account, invoice)
        collection.collect(account, invoice)


def retry(account: Account, invoice: Object) -> None:
    """Charge an unpaid invoice again, if that is due now."""
    if invoice["status"] == "open" and invoice["next_payment_attempt"] == account.now():
        collection.collect(account, invoice)


def renewal(subscription: Object) -> Charge:
    """Return the charge of the current period."""
    item = subscriptions.item_of(subscription)
    return Charge(
        item["price"],
        item["quantity"],
        item["price"]["unit_amount"] * item["quantity"],
        item["current_period_start"],
        item["current_period_end"],
        proration=False,
    )


def waiting(account: Account, subscription: Object) -> tuple[Charge, ...]:
    """Return the prorations that wait for the next invoice."""
    kept = store.secret(account, subscription["id"]).get("charges", [])
    return tuple(
        Charge(**row | {"price": store.get(account, "price", row["price"])}) for row in kept
    )


def _waiting(account: Account, subscription: Object) -> tuple[Charge, ...]:
    charges = waiting(account, subscription)
    store.secret(account, subscription["id"]).pop("charges", None)
    return charges
