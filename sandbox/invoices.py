"""Invoices: drafted, finalised, paid or voided, and the payments made towards them."""

from typing import Any

from sandbox import blanks, catalog, errors, events, forms, invoice_items, lists, payments, store
from sandbox.errors import Object
from sandbox.proration import Charge
from sandbox.store import Account

CHARGE_MINIMUM = 50

LIST: forms.Shape = forms.PAGE | {
    "created": forms.MOMENT,
    "customer": forms.text,
    "status": forms.choice("draft", "open", "paid", "uncollectible", "void"),
    "subscription": forms.text,
}
PAYMENT_LIST: forms.Shape = forms.PAGE | {
    "created": forms.MOMENT,
    "invoice": forms.text,
    "payment": forms.nested(
        {"payment_intent": forms.text, "type": forms.Required(forms.choice("payment_intent"))}
    ),
    "status": forms.choice("canceled", "open", "paid"),
}


def build(
    account: Account,
    subscription: Object,
    *,
    reason: str,
    charges: tuple[Charge, ...],
    start: int,
    end: int,
    name: str = "",
) -> Object:
    """Return a draft with a line a charge, and one for each item that waits; it is kept nowhere."""
    name = name or store.new_id(account, "in")
    customer = store.get(account, "customer", subscription["customer"])
    rows = [_line(account, subscription, charge, name) for charge in charges]
    rows += [
        invoice_items.line(account, item, invoice=name)
        for item in invoice_items.waiting(account, subscription)
    ]
    total = sum(row["amount"] for row in rows)
    details: Object = {
        "metadata": dict(subscription["metadata"]),
        "subscription": subscription["id"],
    }
    if prorations := [charge.start for charge in charges if charge.proration]:
        details["subscription_proration_date"] = prorations[0]
    invoice = blanks.new(
        "invoice",
        id=name,
        billing_reason=reason,
        created=account.now(),
        currency=subscription["currency"],
        customer=customer["id"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        lines=lists.whole(rows, f"/v1/invoices/{name}/lines"),
        parent={
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        },
        period_start=start,
        period_end=end,
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
    )
    _balance(invoice, customer["balance"])
    return invoice


def draft(account: Account, subscription: Object, **fields: Any) -> Object:
    """Create an invoice of a subscription; it may still change."""
    invoice = store.add(account, build(account, subscription, **fields))
    for item in invoice_items.waiting(account, subscription):
        item["invoice"] = invoice["id"]
    subscription["latest_invoice"] = invoice["id"]
    lines = invoice["lines"]["data"]
    billed = [line for line in lines if recurs(line) and line["amount"] >= 0]
    if billed:
        store.secret(account, subscription["id"])["credited"] = {
            "invoice": invoice["id"],
            "invoice_line_items": [billed[-1]["id"]],
        }
    events.emit(account, "invoice.created", invoice)
    return invoice


def finalize(account: Account, invoice: Object) -> None:
    """Fix an invoice: it gets its number, its page and its payment intent."""
    customer = store.get(account, "customer", invoice["customer"])
    now = account.now()
    _balance(invoice, customer["balance"])
    invoice |= {"status": "open", "effective_at": now}
    invoice["number"] = f"{customer['invoice_prefix']}-{customer['next_invoice_sequence']:04d}"
    invoice["status_transitions"]["finalized_at"] = now
    invoice["automatically_finalizes_at"] = None
    key = store.new_id(account, "test")
    store.secret(account, invoice["id"])["key"] = key
    invoice["hosted_invoice_url"] = f"{account.base_url}/i/{key}"
    invoice["invoice_pdf"] = f"{account.base_url}/i/{key}/pdf"
    customer["next_invoice_sequence"] += 1
    if customer["balance"] != invoice["ending_balance"]:
        with events.change(account, customer, "customer.updated"):
            customer["balance"] = invoice["ending_balance"]
    if invoice["amount_due"] > 0:
        _request_payment(account, invoice)
    events.emit(account, "invoice.finalized", invoice)


def mark_paid(account: Account, invoice: Object) -> None:
    """Note that an invoice is paid in full."""
    now = account.now()
    for payment in payments_of(account, invoice):
        payment |= {"status": "paid", "amount_paid": payment["amount_requested"]}
        payment["status_transitions"]["paid_at"] = now
        events.emit(account, "invoice_payment.paid", payment)
    with events.change(account, invoice, "invoice.updated"):
        invoice |= {"status": "paid", "attempted": True, "auto_advance": False}
        invoice |= {"amount_paid": invoice["amount_due"], "amount_remaining": 0}
        invoice["next_payment_attempt"] = None
        invoice["status_transitions"]["paid_at"] = now
    events.emit(account, "invoice.paid", invoice)
    events.emit(account, "invoice.payment_succeeded", invoice)


def void(account: Account, invoice: Object) -> None:
    """Take back an open invoice."""
    for payment in payments_of(account, invoice):
        payment["status"] = "canceled"
        payment["status_transitions"]["canceled_at"] = account.now()
    if (intent := intent_of(account, invoice)) is not None:
        payments.cancel(account, intent, "void_invoice")
    invoice |= {"status": "void", "auto_advance": False, "next_payment_attempt": None}
    invoice["status_transitions"]["voided_at"] = account.now()
    events.emit(account, "invoice.voided", invoice)


def payments_of(account: Account, invoice: Object) -> list[Object]:
    """Return the payments towards an invoice."""
    kept = store.table(account, "invoice_payment").values()
    return [payment for payment in kept if payment["invoice"] == invoice["id"]]


def intent_of(account: Account, invoice: Object) -> Object | None:
    """Return the payment intent of an invoice; None when nothing is due."""
    name = store.secret(account, invoice["id"]).get("intent")
    return None if name is None else store.get(account, "payment_intent", name)


def subscription_of(account: Account, invoice: Object) -> Object:
    """Return the subscription that an invoice is for."""
    name = invoice["parent"]["subscription_details"]["subscription"]
    return store.get(account, "subscription", name)


def by_key(account: Account, key: str) -> Object | None:
    """Return the invoice that a hosted page is of."""
    for invoice in store.table(account, "invoice").values():
        if store.secret(account, invoice["id"]).get("key") == key:
            return invoice
    return None


def recurs(line: Object) -> bool:
    """Tell whether a line is of what a subscription is for, and not added by hand."""
    return bool(line["parent"]["type"] == "subscription_item_details")


def retrieve(account: Account, params: Object, invoice: str) -> Object:
    """Return an invoice."""
    del params
    return store.get(account, "invoice", invoice, param="invoice")


def listing(account: Account, params: Object) -> Object:
    """List invoices, newest first."""

    def matches(invoice: Object) -> bool:
        name = invoice["parent"]["subscription_details"]["subscription"]
        if params.get("subscription", name) != name:
            return False
        return all(
            invoice[name] == params[name] for name in ("customer", "status") if name in params
        )

    return lists.page(account, "invoice", params, "/v1/invoices", matches=matches)


def list_lines(account: Account, params: Object, invoice: str) -> Object:
    """List the lines of an invoice."""
    found = store.get(account, "invoice", invoice, param="invoice")
    return lists.cut(found["lines"]["data"], params, f"/v1/invoices/{invoice}/lines")


def list_payments(account: Account, params: Object) -> Object:
    """List invoice payments, newest first: which payment intent paid which invoice."""
    intent = params.get("payment", {}).get("payment_intent")

    def matches(payment: Object) -> bool:
        if intent not in (None, payment["payment"]["payment_intent"]):
            return False
        names = ("invoice", "status")
        return all(payment[name] == params[name] for name in names if name in params)

    return lists.page(account, "invoice_payment", params, "/v1/invoice_payments", matches=matches)


def retrieve_payment(account: Account, params: Object, invoice_payment: str) -> Object:
    """Return an invoice payment."""
    del params
    return store.get(account, "invoice_payment", invoice_payment)


def void_by_request(account: Account, params: Object, invoice: str) -> Object:
    """Void an invoice that a caller names."""
    del params
    found = store.get(account, "invoice", invoice, param="invoice")
    if found["status"] != "open":
        message = f"You can only pass in open invoices. This invoice isn't open: {invoice}"
        raise errors.invalid_request(message)
    void(account, found)
    return found


def _balance(invoice: Object, starting: int) -> None:
    """Set what is due: the total plus what the customer owes or has to its credit.

    What is too little to charge is carried over to the next invoice.
    """
    due = int(invoice["total"]) + starting
    charged = due if due >= CHARGE_MINIMUM else 0
    invoice |= {"amount_due": charged, "amount_remaining": charged}
    invoice |= {"starting_balance": starting, "ending_balance": due - charged}


def _request_payment(account: Account, invoice: Object) -> None:
    intent = payments.create(
        account,
        amount=invoice["amount_due"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description="Subscription update"
        if invoice["billing_reason"] == "subscription_update"
        else "Subscription creation",
        setup_future_usage="off_session",
    )
    store.secret(account, invoice["id"])["intent"] = intent["id"]
    store.secret(account, intent["id"])["invoice"] = invoice["id"]
    payment = blanks.new(
        "invoice_payment",
        id=store.new_id(account, "inpay"),
        amount_requested=invoice["amount_due"],
        created=account.now(),
        currency=invoice["currency"],
        invoice=invoice["id"],
        payment={"payment_intent": intent["id"], "type": "payment_intent"},
    )
    store.add(account, payment)


def _line(account: Account, subscription: Object, charge: Charge, invoice: str) -> Object:
    details: Object = {
        "invoice_item": store.new_id(account, "ii") if charge.proration else None,
        "proration": charge.proration,
        "proration_details": {"credited_items": None},
        "subscription": subscription["id"],
        "subscription_item": subscription["items"]["data"][0]["id"],
    }
    if charge.amount < 0:
        credited = store.secret(account, subscription["id"]).get("credited")
        details["proration_details"] = {"credited_items": credited}
    temporary = invoice.startswith("upcoming")
    return blanks.new(
        "line_item",
        id=store.new_id(account, "il_tmp" if temporary else "il"),
        amount=charge.amount,
        currency=subscription["currency"],
        description=_describe(account, charge),
        discountable=not charge.proration,
        invoice=invoice,
        parent={
            "invoice_item_details": None,
            "subscription_item_details": details,
            "type": "subscription_item_details",
        },
        period={"start": charge.start, "end": charge.end},
        pricing={
            "price_details": {"price": charge.price["id"], "product": charge.price["product"]},
            "type": "price_details",
            "unit_amount_decimal": charge.price["unit_amount_decimal"],
        },
        quantity=charge.quantity,
        quantity_decimal=str(charge.quantity),
        subscription=subscription["id"],
        subtotal=charge.amount,
    )


def _describe(account: Account, charge: Charge) -> str:
    product = catalog.product_name(account, charge.price)
    if charge.proration:
        return f"{'Unused' if charge.amount < 0 else 'Remaining'} time on {product}"
    recurring = charge.price["recurring"]
    every = f"every {recurring['interval_count']} {recurring['interval']}s"
    rhythm = recurring["interval"] if recurring["interval_count"] == 1 else every
    return f"{charge.quantity} \N{MULTIPLICATION SIGN} {product} (per {rhythm})"
