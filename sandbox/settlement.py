"""The end of payments that take days: it reaches the invoice and the session they were for."""

from sandbox import collection, errors, payments, purchases, store
from sandbox.errors import Object
from sandbox.store import Account


def settle(account: Account, intent: Object, *, succeeds: bool) -> None:
    """End a payment that is processing, as its bank decides."""
    if intent["status"] != "processing":
        raise errors.invalid_request(f"The payment {intent['id']} is not processing.")
    payments.settle(account, intent, succeeds=succeeds)
    secret = store.secret(account, intent["id"])
    if "invoice" in secret:
        invoice = store.get(account, "invoice", secret["invoice"])
        collection.conclude(account, invoice, intent["status"])
    if "session" in secret:
        session = store.get(account, "checkout.session", secret["session"])
        purchases.settle(account, session, succeeds=succeeds)
