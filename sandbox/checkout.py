"""Checkout sessions: what is sold, and what becomes of a session that is paid or is not."""

from sandbox import (
    blanks,
    cards,
    catalog,
    customers,
    errors,
    events,
    forms,
    lists,
    payments,
    store,
)
from sandbox.errors import Object
from sandbox.store import Account

LIFETIME_SECONDS = 24 * 3600
LIFETIME_MINIMUM_SECONDS = 30 * 60
AMOUNT_MAXIMUM = 99_999_999
AMOUNT_MINIMUM = 50
LINE_ITEMS_MAXIMUM = 100

_ADJUSTABLE: forms.Shape = {
    "enabled": forms.Required(forms.boolean),
    "maximum": forms.integer,
    "minimum": forms.integer,
}
_LINE_ITEM: forms.Shape = {
    "adjustable_quantity": forms.nested(_ADJUSTABLE),
    "metadata": forms.metadata,
    "price": forms.Required(forms.text),
    "quantity": forms.integer,
}
CREATE: forms.Shape = forms.EXPAND | {
    "allowed_payment_method_types": forms.listed(
        forms.choice("card", "us_bank_account", "sepa_debit", "bacs_debit")
    ),
    "billing_address_collection": forms.choice("auto", "required"),
    "cancel_url": forms.url,
    "client_reference_id": forms.text,
    "customer": forms.text,
    "customer_creation": forms.choice("always", "if_required"),
    "customer_email": forms.text,
    "expires_at": forms.integer,
    "line_items": forms.Required(forms.listed(forms.nested(_LINE_ITEM))),
    "locale": forms.text,
    "metadata": forms.metadata,
    "mode": forms.Required(forms.choice("payment", "subscription")),
    "payment_intent_data": forms.nested(
        {
            "description": forms.text,
            "metadata": forms.metadata,
            "receipt_email": forms.text,
            "setup_future_usage": forms.choice("off_session", "on_session"),
        }
    ),
    "submit_type": forms.choice("auto", "book", "donate", "pay", "subscribe"),
    "subscription_data": forms.nested({"description": forms.text, "metadata": forms.metadata}),
    "success_url": forms.Required(forms.url),
    "ui_mode": forms.choice("hosted_page"),
}
LIST: forms.Shape = forms.PAGE | {
    "created": forms.MOMENT,
    "customer": forms.text,
    "payment_intent": forms.text,
    "status": forms.choice("complete", "expired", "open"),
    "subscription": forms.text,
}
_DIRECT = (
    *("billing_address_collection", "cancel_url", "client_reference_id", "customer"),
    *("customer_email", "locale", "mode", "submit_type", "success_url"),
)


def create(account: Account, params: Object) -> Object:
    """Create a session with a page of its own; nothing is sold before it is paid."""
    mode = params["mode"]
    _guard(account, params)
    items = [
        _line_item(account, row, f"line_items[{index}]", mode)
        for index, row in enumerate(params["line_items"])
    ]
    currency = items[0]["currency"]
    if any(item["currency"] != currency for item in items):
        raise errors.invalid_request("All line items must have one currency.", param="line_items")
    total = sum(item["amount_total"] for item in items)
    _within_limits(total, currency)

    now = account.now()
    name = store.new_id(account, "cs_test", length=58)
    session = blanks.new(
        "checkout.session",
        id=name,
        amount_subtotal=total,
        amount_total=total,
        created=now,
        currency=currency,
        expires_at=params.get("expires_at", now + LIFETIME_SECONDS),
        payment_method_types=_method_types(params, currency),
        url=f"{account.base_url}/c/pay/{name}",
        **{name: params[name] for name in _DIRECT if name in params},
    )
    session["metadata"] = forms.merged({}, params.get("metadata", {}))
    if mode == "payment":
        session["customer_creation"] = params.get("customer_creation", "if_required")
        session["invoice_creation"] = _no_invoice()
    else:
        session["payment_method_collection"] = "always"
    store.add(account, session)
    store.secret(account, name).update(
        items=items,
        intent_fields=params.get("payment_intent_data", {}),
        subscription_fields=params.get("subscription_data", {}),
    )
    store.schedule(account, session["expires_at"], "expire_session", name)
    return session


def retrieve(account: Account, params: Object, session: str) -> Object:
    """Return a session."""
    del params
    return store.get(account, "checkout.session", session, param="session")


def listing(account: Account, params: Object) -> Object:
    """List sessions, newest first."""

    def matches(session: Object) -> bool:
        names = ("customer", "payment_intent", "status", "subscription")
        return all(session[name] == params[name] for name in names if name in params)

    return lists.page(account, "checkout.session", params, "/v1/checkout/sessions", matches=matches)


def list_line_items(account: Account, params: Object, session: str) -> Object:
    """List what a session sells."""
    found = store.get(account, "checkout.session", session, param="session")
    url = f"/v1/checkout/sessions/{session}/line_items"
    return lists.cut(items_of(account, found), params, url)


def expire(account: Account, params: Object, session: str) -> Object:
    """Close an open session."""
    del params
    found = store.get(account, "checkout.session", session, param="session")
    if found["status"] != "open":
        message = 'Only Checkout Sessions with a status in ["open"] can be expired.'
        message += f" This Checkout Session has a status of `{found['status']}`."
        raise errors.invalid_request(message, param="session")
    close(account, found)
    return found


def close(account: Account, session: Object) -> None:
    """Expire a session: nobody can pay it any more."""
    session |= {"status": "expired", "url": None}
    name = store.secret(account, session["id"]).get("intent")
    if name is not None:
        payments.cancel(account, store.get(account, "payment_intent", name), "expired")
    events.emit(account, "checkout.session.expired", session)


def items_of(account: Account, session: Object) -> list[Object]:
    """Return what a session sells."""
    items: list[Object] = store.secret(account, session["id"])["items"]
    return items


def set_quantity(account: Account, session: Object, item: Object, quantity: int) -> None:
    """Change how many are bought of a line item; raises a 400 beyond its bounds."""
    limits = item["adjustable_quantity"]
    if quantity == item["quantity"]:
        return
    if limits is None or not limits["minimum"] <= quantity <= limits["maximum"]:
        raise errors.invalid_request("The quantity is out of bounds.", param="quantity")
    amount = item["price"]["unit_amount"] * quantity
    _within_limits(amount, item["currency"])
    item |= {"quantity": quantity, "amount_subtotal": amount, "amount_total": amount}
    total = sum(row["amount_total"] for row in items_of(account, session))
    session |= {"amount_subtotal": total, "amount_total": total}


def _guard(account: Account, params: Object) -> None:
    if "customer" in params:
        customers.get(account, params["customer"], param="customer")
        if "customer_email" in params:
            message = "You may only specify one of these parameters: customer, customer_email."
            raise errors.invalid_request(message, param="customer_email")
    if not 1 <= len(params["line_items"]) <= LINE_ITEMS_MAXIMUM:
        raise errors.invalid_request("Pass 1 to 100 line items.", param="line_items")
    if "expires_at" in params:
        ahead = params["expires_at"] - account.now()
        if not LIFETIME_MINIMUM_SECONDS <= ahead <= LIFETIME_SECONDS:
            message = "The `expires_at` timestamp must be 30 minutes to 24 hours from now."
            raise errors.invalid_request(message, param="expires_at")
    other = {"payment": "subscription_data", "subscription": "payment_intent_data"}
    if other[params["mode"]] in params:
        message = f"You can not pass `{other[params['mode']]}` in `{params['mode']}` mode."
        raise errors.invalid_request(message, param=other[params["mode"]])
    if params["mode"] == "subscription" and len(params["line_items"]) > 1:
        message = "A subscription of the sandbox has one item."
        raise errors.invalid_request(message, param="line_items")


def _line_item(account: Account, row: Object, path: str, mode: str) -> Object:
    price = store.get(account, "price", row["price"], param=f"{path}[price]")
    if not price["active"]:
        message = "The price specified is inactive. This field only accepts active prices."
        raise errors.invalid_request(message, param=f"{path}[price]")
    if mode == "payment" and price["recurring"] is not None:
        message = (
            "You specified `payment` mode but passed a recurring price. Either switch to"
            " `subscription` mode or use only one-time prices."
        )
        raise errors.invalid_request(message, param="mode")
    if mode == "subscription" and price["recurring"] is None:
        message = (
            "You must provide at least one recurring price in `subscription` mode when using"
            " prices."
        )
        raise errors.invalid_request(message, param="mode")
    quantity = row.get("quantity", 1)
    if quantity < 1:
        message = "This value must be greater than or equal to 1."
        raise errors.invalid_request(message, param=f"{path}[quantity]")
    limits = row.get("adjustable_quantity")
    if limits is not None and limits["enabled"]:
        limits = {"minimum": 1, "maximum": 99} | limits
    amount = price["unit_amount"] * quantity
    return blanks.new(
        "item",
        id=store.new_id(account, "li"),
        adjustable_quantity=limits if limits and limits["enabled"] else None,
        amount_subtotal=amount,
        amount_total=amount,
        currency=price["currency"],
        description=catalog.product_name(account, price),
        metadata=row.get("metadata", {}),
        price=dict(price),
        quantity=quantity,
    )


def _within_limits(total: int, currency: str) -> None:
    if total > AMOUNT_MAXIMUM:
        message = f"The Checkout Session's total amount must be no more than {AMOUNT_MAXIMUM}"
        message += f" {currency} in its smallest unit."
        raise errors.invalid_request(message, code="amount_too_large")
    if 0 < total < AMOUNT_MINIMUM:
        message = "The Checkout Session's total amount due must add up to at least $0.50 usd"
        raise errors.invalid_request(message, code="amount_too_small")


def _method_types(params: Object, currency: str) -> list[str]:
    bank = cards.BANK_TYPES.get(currency)
    offered = ["card"] if bank is None else ["card", bank]
    allowed = params.get("allowed_payment_method_types", offered)
    return [kind for kind in offered if kind in allowed] or ["card"]


def _no_invoice() -> Object:
    fields = ("account_tax_ids", "custom_fields", "description", "footer", "issuer")
    details = dict.fromkeys((*fields, "rendering_options"))
    return {"enabled": False, "invoice_data": details | {"metadata": {}}}
