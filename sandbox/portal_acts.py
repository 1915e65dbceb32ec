"""What a customer does in the portal: cancel, resume, change the card, change the plan."""

from sandbox import cards, changes, errors, events, portal, store, subscriptions
from sandbox.errors import Object
from sandbox.store import Account


def of_customer(account: Account, customer: str) -> list[Object]:
    """Return a customer's live subscriptions, newest first."""
    return [
        subscription
        for subscription in reversed(store.table(account, "subscription").values())
        if subscription["customer"] == customer
        and subscription["status"] not in subscriptions.ENDED
    ]


def cancel(account: Account, session: Object, subscription: Object) -> None:
    """Cancel a subscription as the configuration says: at its period's end, or now.

    The portal sets `cancel_at`, not `cancel_at_period_end`.
    """
    feature = portal.configuration_of(account, session)["features"]["subscription_cancel"]
    if not feature["enabled"] or subscription["schedule"] is not None:
        raise errors.invalid_request("The portal cannot cancel this subscription.")
    if feature["mode"] == "immediately":
        subscriptions.end(account, subscription, reason="cancellation_requested")
        return
    period_end = subscriptions.item_of(subscription)["current_period_end"]
    with events.change(account, subscription, "customer.subscription.updated"):
        subscriptions.set_cancellation(account, subscription, period_end)


def resume(account: Account, subscription: Object) -> None:
    """Let a subscription go on that was to be cancelled."""
    with events.change(account, subscription, "customer.subscription.updated"):
        subscriptions.set_cancellation(account, subscription, None)


def change_card(account: Account, customer: Object, number: str) -> Object:
    """Charge another card from now on; the customer has authenticated it where it asks."""
    method = cards.create(account, number=number, customer=customer["id"], email=customer["email"])
    cards.set_up(account, method)
    with events.change(account, customer, "customer.updated"):
        customer["invoice_settings"]["default_payment_method"] = method["id"]
    for subscription in of_customer(account, customer["id"]):
        with events.change(account, subscription, "customer.subscription.updated"):
            subscription["default_payment_method"] = method["id"]
    return method


def change_plan(account: Account, session: Object, subscription: Object, price: str) -> None:
    """Change to a price that the configuration offers."""
    feature = portal.configuration_of(account, session)["features"]["subscription_update"]
    if price not in offered(account, session):
        raise errors.invalid_request("The portal does not offer this price.")
    item = subscriptions.item_of(subscription)
    params: Object = {
        "items": [{"id": item["id"], "price": price}],
        "proration_behavior": feature["proration_behavior"],
    }
    changes.update(account, params, subscription["id"])


def offered(account: Account, session: Object) -> list[str]:
    """Return the prices that a customer may change to: none when that is turned off."""
    feature = portal.configuration_of(account, session)["features"]["subscription_update"]
    if not feature["enabled"] or "price" not in feature["default_allowed_updates"]:
        return []
    return [price for product in feature["products"] for price in product["prices"]]
