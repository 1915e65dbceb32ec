"""Previews: the invoice that a change of a subscription, or its renewal, would make."""

from sandbox import changes, errors, forms, invoices, periods, renewals, store, subscriptions
from sandbox.errors import Object
from sandbox.proration import Charge
from sandbox.store import Account

CREATE: forms.Shape = forms.EXPAND | {
    "customer": forms.text,
    "subscription": forms.Required(forms.text),
    "subscription_details": forms.nested(
        {
            "billing_cycle_anchor": changes.ANCHOR,
            "cancel_at_period_end": forms.boolean,
            "items": forms.listed(forms.nested(changes.ITEM)),
            "proration_behavior": changes.BEHAVIOR,
            "proration_date": forms.integer,
        }
    ),
}


def create(account: Account, params: Object) -> Object:
    """Return the next invoice of a subscription as if it were changed; nothing is kept.

    With `always_invoice`, or where a new period would begin, it is the invoice of the change
    itself; else it is the renewal's, with the prorations that would wait for it.
    """
    name = params["subscription"]
    subscription = store.get(account, "subscription", name, param="subscription")
    details = params.get("subscription_details", {})
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        message = f"The subscription {name} does not belong to the customer."
        raise errors.invalid_request(message, param="customer")
    if subscription["status"] in subscriptions.ENDED or details.get("cancel_at_period_end"):
        message = "No upcoming invoices for customer"
        raise errors.invalid_request(message, code="invoice_upcoming_none")

    change = changes.intended(account, subscription, details)
    immediate = change.begins_anew or details.get("proration_behavior") == "always_invoice"
    charges = change.charges
    if not (charges and immediate):
        until = periods.following(change.anchor, change.price["recurring"], change.end)
        amount = change.price["unit_amount"] * change.quantity
        charges += (
            *renewals.waiting(account, subscription),
            Charge(change.price, change.quantity, amount, change.end, until, proration=False),
        )
    return invoices.build(
        account,
        subscription,
        reason="upcoming",
        charges=charges,
        start=change.start,
        end=change.end,
        name=store.new_id(account, "upcoming_in"),
    )
