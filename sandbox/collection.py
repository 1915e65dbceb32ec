"""Collecting what is due: an invoice is charged, and its subscription bears the outcome."""

from sandbox import cards, errors, events, forms, invoices, payments, store, subscriptions
from sandbox.errors import Object
from sandbox.proration import Change
from sandbox.store import Account

RETRY_SECONDS = (3 * 24 * 3600, 5 * 24 * 3600, 7 * 24 * 3600)
PAY: forms.Shape = forms.EXPAND | {"off_session": forms.boolean, "payment_method": forms.text}


def collect(account: Account, invoice: Object, *, method: Object | None = None) -> str:
    """Try to have a finalised invoice paid; return its payment's status."""
    intent = invoices.intent_of(account, invoice)
    if intent is None:
        return conclude(account, invoice, "succeeded")
    method = method or default_method(account, invoice)
    invoice["attempted"] = True
    invoice["attempt_count"] += 1
    return conclude(account, invoice, payments.attempt(account, intent, method))


def conclude(account: Account, invoice: Object, status: str) -> str:
    """Carry the outcome of a payment to the invoice and its subscription."""
    subscription = invoices.subscription_of(account, invoice)
    customer = store.get(account, "customer", invoice["customer"])
    if status == "succeeded":
        customer["delinquent"] = False
        invoices.mark_paid(account, invoice)
        _revive(account, subscription, invoice)
    elif status == "processing":
        _revive(account, subscription, invoice)
    else:
        if status == "requires_action":
            events.emit(account, "invoice.payment_action_required", invoice)
        customer["delinquent"] = True
        _suffer(account, subscription, invoice)
    return status


def is_processing(account: Account, invoice: Object) -> bool:
    """Tell whether a payment of an invoice is on its way."""
    intent = invoices.intent_of(account, invoice)
    return intent is not None and intent["status"] == "processing"


def default_method(account: Account, invoice: Object) -> Object | None:
    """Return what an invoice is charged to: its subscription's method or its customer's."""
    subscription = invoices.subscription_of(account, invoice)
    return method_of(account, subscription)


def method_of(account: Account, subscription: Object) -> Object | None:
    """Return what a subscription is charged to."""
    customer = store.get(account, "customer", subscription["customer"])
    default = customer["invoice_settings"]["default_payment_method"]
    name = subscription["default_payment_method"] or default
    return None if name is None else store.get(account, "payment_method", name)


def pay(account: Account, params: Object, invoice: str) -> Object:
    """Pay an open invoice that a caller names; raises a 402 when that does not work."""
    found = store.get(account, "invoice", invoice, param="invoice")
    if found["status"] == "paid":
        raise errors.invalid_request("Invoice is already paid", code="invoice_already_paid")
    if found["status"] != "open":
        raise errors.invalid_request("You can only pay an open invoice.", param="invoice")
    if is_processing(account, found):
        message = "A payment of this invoice is already processing."
        raise errors.invalid_request(message, param="invoice")
    method = None
    if "payment_method" in params:
        named = params["payment_method"]
        method = store.get(account, "payment_method", named, param="payment_method")

    status = collect(account, found, method=method)
    if status == "requires_action":
        message = "Invoice payment intent requires action"
        raise errors.card_error(message, code="invoice_payment_intent_requires_action")
    if status == "requires_payment_method":
        raise refusal(invoices.intent_of(account, found))
    return found


def refusal(intent: Object | None) -> errors.StripeError:
    """Return the 402 of an intent that was refused."""
    assert intent is not None
    failure = intent["last_payment_error"]
    fields = {name: failure[name] for name in ("charge", "decline_code") if name in failure}
    code = failure.get("code", "card_declined")
    return errors.card_error(failure["message"], code=code, **fields)


def refusal_beforehand(account: Account, method: Object | None) -> errors.StripeError | None:
    """Return the 402 that a payment would end in; None when it would go through."""
    if method is None:
        return errors.invalid_request(payments.NO_METHOD, code="resource_missing")
    verdict = cards.verdict(account, method)
    if verdict == "requires_action":
        message = "Your card requires authentication."
        return errors.card_error(message, code="subscription_payment_intent_requires_action")
    if verdict == "declined":
        card = cards.card_of(account, method)
        assert card.code is not None
        fields = {"decline_code": card.decline_code} if card.decline_code else {}
        return errors.card_error(card.message, code=card.code, **fields)
    return None


def _revive(account: Account, subscription: Object, invoice: Object) -> None:
    """Put a paid subscription in order: apply what waited for it, end what was past due."""
    pending = store.secret(account, subscription["id"]).get("pending")
    if pending is not None and pending["invoice"] == invoice["id"]:
        _apply_pending(account, subscription, pending)
    latest = subscription["latest_invoice"] == invoice["id"]
    if latest and subscription["status"] in ("incomplete", "past_due", "unpaid"):
        with events.change(account, subscription, "customer.subscription.updated"):
            subscription["status"] = "active"


def _suffer(account: Account, subscription: Object, invoice: Object) -> None:
    """Make a subscription past due, and try again later, unless it only waits for an update."""
    pending = store.secret(account, subscription["id"]).get("pending")
    waiting = pending is not None and pending["invoice"] == invoice["id"]
    live = subscription["status"] in ("active", "past_due")
    tries = invoice["attempt_count"]
    if not waiting and live and 0 < tries <= len(RETRY_SECONDS):
        at = account.now() + RETRY_SECONDS[tries - 1]
        invoice["next_payment_attempt"] = at
        store.schedule(account, at, "retry_invoice", invoice["id"])
    events.emit(account, "invoice.payment_failed", invoice)
    if waiting or not live:
        return
    if tries > len(RETRY_SECONDS):
        invoice["next_payment_attempt"] = None
        subscriptions.end(account, subscription, reason="payment_failed")
        return
    with events.change(account, subscription, "customer.subscription.updated"):
        subscription["status"] = "past_due"


def _apply_pending(account: Account, subscription: Object, pending: Object) -> None:
    fields = pending["change"]
    price = store.get(account, "price", fields["price"])
    waited = subscription["pending_update"] is not None
    change = Change(**{**fields, "price": price, "charges": ()})
    with events.change(account, subscription, "customer.subscription.updated"):
        subscription["pending_update"] = None
        store.secret(account, subscription["id"]).pop("pending")
        subscriptions.apply(account, subscription, change)
        subscription["metadata"] = forms.merged(subscription["metadata"], pending["metadata"])
    if waited:
        events.emit(account, "customer.subscription.pending_update_applied", subscription)
