"""The truth: who paid for what, to compare with what a program made of the events."""

from sandbox import checkout, invoices, store
from sandbox.errors import Object
from sandbox.store import Account


def tell(account: Account) -> Object:
    """Return, for each customer, what was paid, and what was taken back of it.

    What was added to an invoice by hand is in its amount, and is no item of it.

    Shape: {"customers": {id: {"checkouts": [...], "invoices": [...], "subscriptions": [...]}},
    "now"}. Amounts are in the smallest unit of the currency. Checkouts without a customer are
    under the empty id.
    """
    customers: dict[str, Object] = {
        name: {"checkouts": [], "invoices": [], "subscriptions": []}
        for name in ("", *store.table(account, "customer"))
    }
    for session in store.table(account, "checkout.session").values():
        if session["mode"] == "payment" and session["status"] == "complete":
            customers[session["customer"] or ""]["checkouts"].append(_checkout(account, session))
    for invoice in store.table(account, "invoice").values():
        if invoice["status"] == "paid":
            customers[invoice["customer"]]["invoices"].append(_invoice(account, invoice))
    for subscription in store.table(account, "subscription").values():
        customers[subscription["customer"]]["subscriptions"].append(_subscription(subscription))
    return {"now": account.now(), "customers": customers}


def _checkout(account: Account, session: Object) -> Object:
    return {
        "session": session["id"],
        "metadata": session["metadata"],
        "payment_status": session["payment_status"],
        "payment_intent": session["payment_intent"],
        "amount": session["amount_total"],
        "items": [
            _priced(account, item["price"]["id"]) | {"quantity": item["quantity"]}
            for item in checkout.items_of(account, session)
        ],
        **_reversed(account, session["payment_intent"]),
    }


def _invoice(account: Account, invoice: Object) -> Object:
    intent = invoices.intent_of(account, invoice)
    details = invoice["parent"]["subscription_details"]
    return {
        "invoice": invoice["id"],
        "billing_reason": invoice["billing_reason"],
        "subscription": details["subscription"],
        "metadata": details["metadata"],
        "payment_intent": None if intent is None else intent["id"],
        "amount": invoice["amount_paid"],
        "paid_at": invoice["status_transitions"]["paid_at"],
        "items": [
            _priced(account, line["pricing"]["price_details"]["price"])
            | {name: line[name] for name in ("amount", "quantity", "period")}
            | {"proration": line["parent"]["subscription_item_details"]["proration"]}
            for line in invoice["lines"]["data"]
            if invoices.recurs(line)
        ],
        **_reversed(account, None if intent is None else intent["id"]),
    }


def _subscription(subscription: Object) -> Object:
    item = subscription["items"]["data"][0]
    return {
        "subscription": subscription["id"],
        "status": subscription["status"],
        "metadata": subscription["metadata"],
        "price": item["price"]["id"],
        "lookup_key": item["price"]["lookup_key"],
        "current_period_start": item["current_period_start"],
        "current_period_end": item["current_period_end"],
        "cancel_at": subscription["cancel_at"],
    }


def _priced(account: Account, name: str) -> Object:
    return {"price": name, "lookup_key": store.get(account, "price", name)["lookup_key"]}


def _reversed(account: Account, intent: str | None) -> Object:
    """Return what was refunded of a payment, and what a dispute that is not won withholds."""
    refunds = store.table(account, "refund").values()
    disputes = store.table(account, "dispute").values()
    return {
        "refunded": sum(
            refund["amount"]
            for refund in refunds
            if intent == refund["payment_intent"] and refund["status"] == "succeeded"
        ),
        "disputed": sum(
            dispute["amount"]
            for dispute in disputes
            if intent == dispute["payment_intent"] and dispute["status"] != "won"
        ),
    }
