"""Paying in Checkout: an open session becomes a payment or a subscription, or stays open."""

from sandbox import (
    cards,
    collection,
    customers,
    events,
    forms,
    invoices,
    payments,
    renewals,
    store,
    subscriptions,
)
from sandbox.errors import Object
from sandbox.store import Account


def pay(account: Account, session: Object, method: Object, *, authenticated: bool = False) -> str:
    """Try to pay an open session; return the payment's status.

    Only `succeeded` and `processing` complete the session; otherwise it stays open.
    """
    store.secret(account, session["id"])["method"] = method["id"]
    verdict = cards.verdict(account, method, authenticated=authenticated)
    if session["mode"] == "subscription":
        if verdict in ("succeeded", "processing"):
            _subscribe(account, session, method)
        return verdict if verdict != "declined" else "requires_payment_method"

    customer = _customer(account, session, method)
    if session["amount_total"] == 0:
        _complete(account, session, method, "no_payment_required")
        return "succeeded"
    intent = _intent(account, session, customer)
    status = payments.attempt(account, intent, method, authenticated=authenticated)
    return _conclude(account, session, method, intent, status)


def authenticate(account: Account, session: Object, *, succeeds: bool) -> str:
    """Carry on after the customer was asked to authenticate; return the payment's status."""
    name = store.secret(account, session["id"])["method"]
    method = store.get(account, "payment_method", name)
    intent_name = store.secret(account, session["id"]).get("intent")
    if intent_name is not None:
        intent = store.get(account, "payment_intent", intent_name)
        status = payments.authenticate(account, intent, succeeds=succeeds)
        return _conclude(account, session, method, intent, status)
    if succeeds:
        return pay(account, session, method, authenticated=True)
    return "requires_payment_method"


def settle(account: Account, session: Object, *, succeeds: bool) -> None:
    """Tell that a payment that took days has ended."""
    if succeeds:
        session["payment_status"] = "paid"
    outcome = "succeeded" if succeeds else "failed"
    events.emit(account, f"checkout.session.async_payment_{outcome}", session)


def _customer(account: Account, session: Object, method: Object) -> str | None:
    """Return the customer of a session, created now where its mode says so."""
    if session["customer"] is None and (
        session["mode"] == "subscription" or session["customer_creation"] == "always"
    ):
        email = method["billing_details"]["email"]
        session["customer"] = customers.create(account, {"email": email})["id"]
    name: str | None = session["customer"]
    return name


def _intent(account: Account, session: Object, customer: str | None) -> Object:
    secret = store.secret(account, session["id"])
    if "intent" in secret:
        intent = store.get(account, "payment_intent", secret["intent"])
        intent["amount"] = session["amount_total"]
        return intent
    fields = dict(secret["intent_fields"])
    intent = payments.create(
        account,
        amount=session["amount_total"],
        currency=session["currency"],
        customer=customer,
        payment_method_types=list(session["payment_method_types"]),
        metadata=forms.merged({}, fields.pop("metadata", {})),
        **fields,
    )
    secret["intent"] = intent["id"]
    store.secret(account, intent["id"])["session"] = session["id"]
    return intent


def _subscribe(account: Account, session: Object, method: Object) -> None:
    """Start the subscription of a session and have its first invoice paid by the method."""
    customer = _customer(account, session, method)
    assert customer is not None
    cards.attach(account, method, customer)
    cards.set_up(account, method)
    secret = store.secret(account, session["id"])
    item, fields = secret["items"][0], dict(secret["subscription_fields"])
    subscription = subscriptions.start(
        account,
        price=store.get(account, "price", item["price"]["id"]),
        quantity=item["quantity"],
        customer=customer,
        default_payment_method=method["id"],
        metadata=forms.merged({}, fields.pop("metadata", {})),
        **fields,
    )
    invoice = invoices.draft(
        account,
        subscription,
        reason="subscription_create",
        charges=(renewals.renewal(subscription),),
        start=subscription["created"],
        end=subscription["created"],
    )
    invoices.finalize(account, invoice)
    intent = invoices.intent_of(account, invoice)
    if intent is not None:
        store.secret(account, intent["id"])["session"] = session["id"]
        invoice |= {"attempted": True, "attempt_count": 1}
        status = payments.attempt(account, intent, method, authenticated=True)
    else:
        status = "succeeded"
    collection.conclude(account, invoice, status)
    session |= {"invoice": invoice["id"], "subscription": subscription["id"]}
    paid = "paid" if intent is not None else "no_payment_required"
    paid = "unpaid" if status == "processing" else paid
    _complete(account, session, method, paid)


def _conclude(
    account: Account, session: Object, method: Object, intent: Object, status: str
) -> str:
    if status in ("succeeded", "processing"):
        if intent["setup_future_usage"] is not None and session["customer"] is not None:
            cards.attach(account, method, session["customer"])
        session["payment_intent"] = intent["id"]
        _complete(account, session, method, "paid" if status == "succeeded" else "unpaid")
    return status


def _complete(account: Account, session: Object, method: Object, paid: str) -> None:
    customer = session["customer"]
    owner = {} if customer is None else store.get(account, "customer", customer)
    if owner and owner["currency"] is None:
        owner["currency"] = session["currency"]
    session |= {"status": "complete", "payment_status": paid, "url": None}
    session["customer_details"] = {
        "address": method["billing_details"]["address"],
        "business_name": None,
        "email": method["billing_details"]["email"] or owner.get("email"),
        "individual_name": None,
        "name": owner.get("name"),
        "phone": None,
        "tax_exempt": "none",
        "tax_ids": [],
    }
    events.emit(account, "checkout.session.completed", session)
