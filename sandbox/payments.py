"""Payment intents and the charges they make."""

from typing import Any

from sandbox import blanks, cards, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

SETTLING_SECONDS = 4 * 24 * 3600
AUTHENTICATION_FAILED = (
    "We are unable to authenticate your payment method. Please choose a different payment"
    " method and try again."
)
NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider"
    " adding a default payment method."
)

INTENT_LIST: forms.Shape = forms.PAGE | {"created": forms.MOMENT, "customer": forms.text}
CHARGE_LIST: forms.Shape = INTENT_LIST | {"payment_intent": forms.text}


def create(account: Account, *, amount: int, currency: str, **fields: Any) -> Object:
    """Create a payment intent that waits for a payment method."""
    name = store.new_id(account, "pi")
    intent = blanks.new(
        "payment_intent",
        id=name,
        amount=amount,
        client_secret=f"{name}_secret_{store.new_id(account, 's')[2:]}",
        created=account.now(),
        currency=currency,
        payment_method_types=fields.pop("payment_method_types", ["card"]),
        **fields,
    )
    store.add(account, intent)
    events.emit(account, "payment_intent.created", intent)
    return intent


def attempt(
    account: Account, intent: Object, method: Object | None, *, authenticated: bool = False
) -> str:
    """Try to pay and return the status that the intent has then."""
    if method is None:
        return _fail(account, intent, None, {"code": "missing", "message": NO_METHOD})
    intent["payment_method"] = method["id"]
    verdict = cards.verdict(account, method, authenticated=authenticated)
    if verdict == "succeeded":
        return _succeed(account, intent, method)
    if verdict == "declined":
        card = cards.card_of(account, method)
        failure = {"code": card.code, "decline_code": card.decline_code, "message": card.message}
        return _fail(account, intent, method, failure)
    if verdict == "processing":
        return _process(account, intent, method)

    intent["next_action"] = {
        "type": "redirect_to_url",
        "redirect_to_url": {"return_url": None, "url": f"{account.base_url}/authenticate"},
    }
    intent["status"] = "requires_action"
    events.emit(account, "payment_intent.requires_action", intent)
    return "requires_action"


def authenticate(account: Account, intent: Object, *, succeeds: bool) -> str:
    """Carry on after the customer has been asked to authenticate; return the new status."""
    method = store.get(account, "payment_method", intent["payment_method"])
    intent["next_action"] = None
    if succeeds:
        if intent["setup_future_usage"] is not None:
            cards.set_up(account, method)
        return attempt(account, intent, method, authenticated=True)
    failure = {
        "code": "payment_intent_authentication_failure",
        "message": AUTHENTICATION_FAILED,
        "type": "invalid_request_error",
    }
    return _fail(account, intent, method, failure, charged=False)


def settle(account: Account, intent: Object, *, succeeds: bool) -> None:
    """End a payment that was processing."""
    method = store.get(account, "payment_method", intent["payment_method"])
    charge = store.get(account, "charge", intent["latest_charge"])
    if succeeds:
        _capture(account, charge, intent)
        return
    bank = cards.bank_of(account, method)
    code = bank.code or "payment_method_bank_account_blocked"
    message = bank.message or "The customer's bank refused the payment."
    charge |= {"status": "failed", "failure_code": code, "failure_message": message}
    events.emit(account, "charge.failed", charge)
    _refuse(account, intent, method, {"code": code, "message": message, "charge": charge["id"]})


def cancel(account: Account, intent: Object, reason: str) -> None:
    """Cancel an intent that has not been paid."""
    if intent["status"] in ("succeeded", "canceled"):
        return
    intent |= {"status": "canceled", "canceled_at": account.now(), "cancellation_reason": reason}
    intent["next_action"] = None
    events.emit(account, "payment_intent.canceled", intent)


def list_intents(account: Account, params: Object) -> Object:
    """List payment intents, newest first."""
    return lists.page(
        account,
        "payment_intent",
        params,
        "/v1/payment_intents",
        matches=lambda intent: intent["customer"] == params.get("customer", intent["customer"]),
    )


def list_charges(account: Account, params: Object) -> Object:
    """List charges, newest first."""

    def matches(charge: Object) -> bool:
        names = ("customer", "payment_intent")
        return all(charge[name] == params[name] for name in names if name in params)

    return lists.page(account, "charge", params, "/v1/charges", matches=matches)


def retrieve_intent(account: Account, params: Object, intent: str) -> Object:
    """Return a payment intent."""
    del params
    return store.get(account, "payment_intent", intent, param="intent")


def retrieve_charge(account: Account, params: Object, charge: str) -> Object:
    """Return a charge."""
    del params
    return store.get(account, "charge", charge)


def _charge(account: Account, intent: Object, method: Object, **fields: Any) -> Object:
    kind = method["type"]
    charge = blanks.new(
        "charge",
        id=store.new_id(account, "ch"),
        amount=intent["amount"],
        created=account.now(),
        currency=intent["currency"],
        customer=intent["customer"],
        description=intent["description"],
        metadata=dict(intent["metadata"]),
        payment_intent=intent["id"],
        payment_method=method["id"],
        payment_method_details={"type": kind, kind: _details(method)},
        **fields,
    )
    charge["billing_details"]["email"] = method["billing_details"]["email"]
    store.add(account, charge)
    intent["latest_charge"] = charge["id"]
    return charge


def _details(method: Object) -> Object:
    if method["type"] != "card":
        hidden = ("financial_connections_account", "networks", "status_details")
        bank = method[method["type"]]
        return {name: value for name, value in bank.items() if name not in hidden}
    names = ("brand", "checks", "country", "exp_month", "exp_year", "fingerprint", "funding")
    card = {name: method["card"][name] for name in (*names, "last4", "regulated_status")}
    return card | {"mandate": None, "network": method["card"]["brand"], "wallet": None}


def _capture(account: Account, charge: Object, intent: Object) -> None:
    charge |= {"status": "succeeded", "paid": True, "amount_captured": charge["amount"]}
    charge["outcome"] = {
        "advice_code": None,
        "network_advice_code": None,
        "network_decline_code": None,
        "network_status": "approved_by_network",
        "reason": None,
        "seller_message": "Payment complete.",
        "type": "authorized",
    }
    charge["receipt_url"] = f"{account.base_url}/receipts/{charge['id']}"
    events.emit(account, "charge.succeeded", charge)
    intent |= {"status": "succeeded", "amount_received": intent["amount"]}
    intent |= {"last_payment_error": None, "next_action": None}
    events.emit(account, "payment_intent.succeeded", intent)


def _succeed(account: Account, intent: Object, method: Object) -> str:
    charge = _charge(account, intent, method, status="pending")
    _capture(account, charge, intent)
    if cards.card_of(account, method).disputed:
        store.schedule(account, account.now(), "dispute", charge["id"])
    return "succeeded"


def _process(account: Account, intent: Object, method: Object) -> str:
    charge = _charge(account, intent, method, status="pending")
    events.emit(account, "charge.pending", charge)
    intent["status"] = "processing"
    events.emit(account, "payment_intent.processing", intent)
    store.schedule(account, account.now() + SETTLING_SECONDS, "settle_payment", intent["id"])
    return "processing"


def _fail(
    account: Account,
    intent: Object,
    method: Object | None,
    failure: Object,
    *,
    charged: bool = True,
) -> str:
    if method is not None and charged:
        code = failure["code"]
        charge = _charge(account, intent, method, status="failed", captured=False)
        charge |= {"failure_code": code, "failure_message": failure["message"]}
        events.emit(account, "charge.failed", charge)
        failure = failure | {"charge": charge["id"]}
    _refuse(account, intent, method, failure)
    return "requires_payment_method"


def _refuse(account: Account, intent: Object, method: Object | None, failure: Object) -> None:
    known = {name: value for name, value in failure.items() if value is not None}
    if known.get("code") == "missing":
        del known["code"]
    if method is not None:
        known["payment_method"] = dict(method)
    intent["last_payment_error"] = {"type": "card_error"} | known
    intent |= {"status": "requires_payment_method", "payment_method": None, "next_action": None}
    events.emit(account, "payment_intent.payment_failed", intent)
