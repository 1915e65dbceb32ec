"""Refunds: whole or partial, at once, later, or failing after they seemed to succeed."""

from sandbox import blanks, cards, errors, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

SETTLING_SECONDS = 24 * 3600

CREATE: forms.Shape = forms.EXPAND | {
    "amount": forms.integer,
    "charge": forms.text,
    "metadata": forms.metadata,
    "payment_intent": forms.text,
    "reason": forms.choice("duplicate", "fraudulent", "requested_by_customer"),
}
LIST: forms.Shape = forms.PAGE | {
    "charge": forms.text,
    "created": forms.MOMENT,
    "payment_intent": forms.text,
}


def create(account: Account, params: Object) -> Object:
    """Refund a charge, up to what is left of it."""
    charge = _charge(account, params)
    left = charge["amount"] - charge["amount_refunded"]
    amount = params.get("amount", left)
    if charge["disputed"]:
        message = f"Charge {charge['id']} has been charged back; cannot issue a refund."
        raise errors.invalid_request(message, code="charge_disputed")
    if left == 0:
        message = f"Charge {charge['id']} has already been refunded."
        raise errors.invalid_request(message, code="charge_already_refunded")
    if not 1 <= amount <= left:
        message = f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})"
        raise errors.invalid_request(message, param="amount")

    method = store.get(account, "payment_method", charge["payment_method"])
    fate = cards.card_of(account, method).refund if method["type"] == "card" else "succeeds"
    kind = method["type"]
    refund = blanks.new(
        "refund",
        id=store.new_id(account, "re"),
        amount=amount,
        charge=charge["id"],
        created=account.now(),
        currency=charge["currency"],
        metadata=forms.merged({}, params.get("metadata", {})),
        payment_intent=charge["payment_intent"],
        reason=params.get("reason"),
        status="pending" if fate == "succeeds_later" else "succeeded",
    )
    if kind != "card":
        refund["destination_details"] = {"type": kind}
    store.add(account, refund)
    if fate != "succeeds":
        store.schedule(account, account.now() + SETTLING_SECONDS, "settle_refund", refund["id"])
    events.emit(account, "refund.created", refund)
    _take(account, charge, amount)
    return refund


def conclude(account: Account, refund: Object) -> None:
    """End a refund as its card decides."""
    charge = store.get(account, "charge", refund["charge"])
    method = store.get(account, "payment_method", charge["payment_method"])
    if cards.card_of(account, method).refund == "fails_later":
        fail(account, refund)
    else:
        succeed(account, refund)


def succeed(account: Account, refund: Object) -> None:
    """End a pending refund well."""
    if refund["status"] == "pending":
        with events.change(account, refund, "refund.updated"):
            refund["status"] = "succeeded"


def fail(account: Account, refund: Object) -> None:
    """Fail a refund, even one that had succeeded: its amount goes back to the charge."""
    if refund["status"] not in ("pending", "succeeded"):
        message = f"The refund {refund['id']} is {refund['status']}."
        raise errors.invalid_request(message)
    with events.change(account, refund, "refund.updated"):
        refund |= {"status": "failed", "failure_reason": "expired_or_canceled_card"}
    events.emit(account, "refund.failed", refund)
    charge = store.get(account, "charge", refund["charge"])
    with events.change(account, charge, "charge.updated"):
        charge["amount_refunded"] -= refund["amount"]
        charge["refunded"] = False


def listing(account: Account, params: Object) -> Object:
    """List refunds, newest first."""

    def matches(refund: Object) -> bool:
        names = ("charge", "payment_intent")
        return all(refund[name] == params[name] for name in names if name in params)

    return lists.page(account, "refund", params, "/v1/refunds", matches=matches)


def retrieve(account: Account, params: Object, refund: str) -> Object:
    """Return a refund."""
    del params
    return store.get(account, "refund", refund)


def _charge(account: Account, params: Object) -> Object:
    if "charge" in params:
        charge = store.get(account, "charge", params["charge"], param="charge")
    elif "payment_intent" in params:
        name = params["payment_intent"]
        intent = store.get(account, "payment_intent", name, param="payment_intent")
        if intent["status"] != "succeeded":
            message = f"This PaymentIntent ({name}) does not have a successful charge to refund."
            raise errors.invalid_request(message, param="payment_intent")
        charge = store.get(account, "charge", intent["latest_charge"])
    else:
        message = "One of the following params should be provided for this request: payment_intent"
        raise errors.invalid_request(f"{message} or charge.", code="parameter_missing")
    if charge["status"] != "succeeded":
        message = f"Charge {charge['id']} has not succeeded: there is nothing to refund."
        raise errors.invalid_request(message, param="charge")
    return charge


def _take(account: Account, charge: Object, amount: int) -> None:
    previous = {name: charge[name] for name in ("amount_refunded", "refunded")}
    charge["amount_refunded"] += amount
    charge["refunded"] = charge["amount_refunded"] == charge["amount"]
    events.emit(account, "charge.refunded", charge, previous=previous)
