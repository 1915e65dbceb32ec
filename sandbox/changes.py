"""Updating a subscription: its price now or when it is paid, its cancellation, its metadata."""

from dataclasses import asdict

from sandbox import (
    collection,
    errors,
    events,
    forms,
    invoices,
    proration,
    schedules,
    store,
    subscriptions,
)
from sandbox.errors import Object
from sandbox.proration import Change
from sandbox.store import Account

PENDING_SECONDS = 23 * 3600

ITEM: forms.Shape = {"id": forms.text, "price": forms.text, "quantity": forms.integer}
ANCHOR = forms.nested({"type": forms.Required(forms.choice("now", "unchanged"))})
BEHAVIOR = forms.choice("always_invoice", "create_prorations", "none")
UPDATE: forms.Shape = forms.EXPAND | {
    "billing_cycle_anchor": ANCHOR,
    "cancel_at": forms.blankable(
        forms.either(forms.choice("max_period_end", "min_period_end"), forms.integer)
    ),
    "cancel_at_period_end": forms.boolean,
    "cancellation_details": forms.nested({"comment": forms.blankable(forms.text)}),
    "default_payment_method": forms.text,
    "description": forms.blankable(forms.text),
    "items": forms.listed(forms.nested(ITEM)),
    "metadata": forms.metadata,
    "off_session": forms.boolean,
    "payment_behavior": forms.choice(
        *("allow_incomplete", "default_incomplete"),
        *("error_if_incomplete", "pending_if_incomplete"),
    ),
    "proration_behavior": BEHAVIOR,
    "proration_date": forms.integer,
}
_CANCELLATIONS = ("cancel_at", "cancel_at_period_end")
_PENDABLE = {
    *("billing_cycle_anchor", "expand", "items", "metadata", "payment_behavior"),
    *("proration_behavior", "proration_date"),
}
_ENDED = {"metadata", "cancellation_details", "expand"}


def update(account: Account, params: Object, subscription: str) -> Object:
    """Change a subscription; with `pending_if_incomplete` only if the change gets paid."""
    found = store.get(account, "subscription", subscription)
    _guard(account, found, params)
    _guard_pending(account, found, params)
    change = intended(account, found, params)
    behavior = params.get("payment_behavior", "allow_incomplete")
    if change.charges and behavior == "error_if_incomplete":
        _refuse_unpayable(account, found, change)

    if change.charges or change.price["id"] != subscriptions.item_of(found)["price"]["id"]:
        subscriptions.drop_pending_update(account, found)
    immediate = change.begins_anew or params.get("proration_behavior") == "always_invoice"
    if change.charges and immediate and behavior == "pending_if_incomplete":
        _change_when_paid(account, found, change, params)
        return found
    with events.change(account, found, "customer.subscription.updated"):
        _write(account, found, params)
        subscriptions.apply(account, found, change)
        schedules.follow(account, found)
        invoice = _bill(account, found, change) if change.charges and immediate else None
    if change.charges and not immediate:
        pending = store.secret(account, subscription).setdefault("charges", [])
        pending.extend(_kept(charge) for charge in change.charges)
    if invoice is not None and behavior != "default_incomplete":
        collection.collect(account, invoice)
    return found


def intended(account: Account, subscription: Object, params: Object) -> Change:
    """Return what an update or a preview would make of a subscription."""
    item = subscriptions.item_of(subscription)
    now = account.now()
    wanted = _wanted(item, params)
    price = store.get(account, "price", wanted.get("price", item["price"]["id"]), param="items")
    if price["recurring"] is None:
        message = f"The price `{price['id']}` is not a recurring price."
        raise errors.invalid_request(message, param="items[0][price]")
    if not price["active"] and price["id"] != item["price"]["id"]:
        message = f"The price specified is inactive: {price['id']}."
        raise errors.invalid_request(message, param="items[0][price]")
    if price["currency"] != subscription["currency"]:
        message = "The price's currency must be the subscription's."
        raise errors.invalid_request(message, param="items[0][price]")
    at = params.get("proration_date", now)
    if not item["current_period_start"] <= at <= item["current_period_end"]:
        message = "`proration_date` must be within the current period of the subscription."
        raise errors.invalid_request(message, param="proration_date")
    return proration.change(
        subscription,
        price=price,
        quantity=wanted["quantity"] if "quantity" in wanted else item["quantity"],
        at=at,
        now=now,
        prorated=params.get("proration_behavior") != "none",
        anew=params.get("billing_cycle_anchor", {}).get("type") == "now",
    )


def _guard(account: Account, subscription: Object, params: Object) -> None:
    if subscription["status"] in subscriptions.ENDED and set(params) - _ENDED:
        message = "A canceled subscription can only update its cancellation_details and metadata."
        raise errors.invalid_request(message)
    if subscription["schedule"] is not None and any(name in params for name in _CANCELLATIONS):
        message = (
            "The subscription is managed by the subscription schedule"
            f" `{subscription['schedule']}`, and updating any cancelation behavior directly is"
            " not allowed. Please update the schedule instead."
        )
        raise errors.invalid_request(message)
    if "cancel_at" in params and "cancel_at_period_end" in params:
        message = "You may only specify one of these parameters: cancel_at, cancel_at_period_end."
        raise errors.invalid_request(message, param="cancel_at")
    at = params.get("cancel_at")
    if isinstance(at, int) and at <= account.now():
        message = "`cancel_at` must be a timestamp in the future."
        raise errors.invalid_request(message, param="cancel_at")
    if "default_payment_method" in params:
        name = params["default_payment_method"]
        method = store.get(account, "payment_method", name, param="default_payment_method")
        if method["customer"] != subscription["customer"]:
            message = f"The payment method {name} does not belong to the customer."
            raise errors.invalid_request(message, param="default_payment_method")


def _guard_pending(account: Account, subscription: Object, params: Object) -> None:
    """Refuse an update that would wait for a payment which takes days: Stripe has none."""
    if params.get("payment_behavior") != "pending_if_incomplete":
        return
    if others := set(params) - _PENDABLE:
        name = min(others)
        message = f"`{name}` can't be passed with `payment_behavior` `pending_if_incomplete`."
        raise errors.invalid_request(message, param=name)
    method = collection.method_of(account, subscription)
    if method is not None and method["type"] != "card":
        message = "Pending updates are not supported for subscriptions paid by bank debits."
        raise errors.invalid_request(message, param="payment_behavior")


def _wanted(item: Object, params: Object) -> Object:
    rows = params.get("items", [])
    if not rows:
        return {}
    if len(rows) > 1 or "id" not in rows[0]:
        message = "A subscription of the sandbox has one item: pass items[0][id]."
        raise errors.invalid_request(message, param="items")
    if rows[0]["id"] != item["id"]:
        raise errors.missing_resource("subscription item", rows[0]["id"], param="items[0][id]")
    wanted: Object = rows[0]
    return wanted


def _refuse_unpayable(account: Account, subscription: Object, change: Change) -> None:
    """Raise the 402 of a change that could not be paid: nothing has happened then."""
    preview = invoices.build(
        account,
        subscription,
        reason="subscription_update",
        charges=change.charges,
        start=change.start,
        end=change.end,
    )
    if preview["amount_due"] == 0:
        return
    refusal = collection.refusal_beforehand(account, collection.method_of(account, subscription))
    if refusal is not None:
        raise refusal


def _change_when_paid(
    account: Account, subscription: Object, change: Change, params: Object
) -> None:
    """Bill a change and put it into effect only if the invoice is paid at once."""
    with events.change(account, subscription, "customer.subscription.updated"):
        invoice = _bill(account, subscription, change)
    secret = store.secret(account, subscription["id"])
    secret["pending"] = {
        "invoice": invoice["id"],
        "metadata": params.get("metadata", {}),
        "change": asdict(change) | {"price": change.price["id"], "charges": []},
    }
    collection.collect(account, invoice)
    if "pending" not in secret:
        return
    with events.change(account, subscription, "customer.subscription.updated"):
        subscription["pending_update"] = _pending_update(account, subscription, change, params)
    expires_at = subscription["pending_update"]["expires_at"]
    store.schedule(account, expires_at, "expire_update", subscription["id"])


def _pending_update(
    account: Account, subscription: Object, change: Change, params: Object
) -> Object:
    item = subscriptions.item_of(subscription)
    plan = subscriptions.plan_of(change.price)
    changed = {"price": dict(change.price), "plan": plan, "quantity": change.quantity}
    pending: Object = {
        "billing_cycle_anchor": change.anchor if change.begins_anew else None,
        "expires_at": min(account.now() + PENDING_SECONDS, item["current_period_end"]),
        "subscription_items": [dict(item) | changed],
        "trial_end": None,
        "trial_from_plan": None,
    }
    return pending | ({"metadata": params["metadata"]} if "metadata" in params else {})


def _bill(account: Account, subscription: Object, change: Change) -> Object:
    invoice = invoices.draft(
        account,
        subscription,
        reason="subscription_update",
        charges=change.charges,
        start=change.start,
        end=change.end,
    )
    invoices.finalize(account, invoice)
    return invoice


def _kept(charge: proration.Charge) -> Object:
    return asdict(charge) | {"price": charge.price["id"]}


def _write(account: Account, subscription: Object, params: Object) -> None:
    for name in ("default_payment_method", "description"):
        if name in params:
            subscription[name] = params[name] or None
    if "metadata" in params:
        subscription["metadata"] = forms.merged(subscription["metadata"], params["metadata"])
    subscription["cancellation_details"] |= params.get("cancellation_details", {})
    period_end = subscriptions.item_of(subscription)["current_period_end"]
    if "cancel_at" in params:
        at = params["cancel_at"]
        subscriptions.set_cancellation(
            account, subscription, period_end if isinstance(at, str) else at
        )
    elif "cancel_at_period_end" in params:
        wanted = params["cancel_at_period_end"]
        if wanted != subscription["cancel_at_period_end"]:
            subscriptions.set_cancellation(account, subscription, period_end if wanted else None)
            subscription["cancel_at_period_end"] = wanted
