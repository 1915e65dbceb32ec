"""Invoice items: what is added by hand to a customer's next invoice, beside what recurs."""

from sandbox import blanks, catalog, errors, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

CREATE: forms.Shape = forms.EXPAND | {
    "amount": forms.integer,
    "currency": forms.text,
    "customer": forms.Required(forms.text),
    "description": forms.text,
    "metadata": forms.metadata,
    "pricing": forms.nested({"price": forms.Required(forms.text)}),
    "quantity": forms.integer,
    "subscription": forms.text,
}
LIST: forms.Shape = forms.PAGE | {
    "created": forms.MOMENT,
    "customer": forms.text,
    "invoice": forms.text,
    "pending": forms.boolean,
}


def create(account: Account, params: Object) -> Object:
    """Add an item to the next invoice of a customer, or of one subscription of theirs."""
    customer = store.get(account, "customer", params["customer"], param="customer")
    subscription = params.get("subscription")
    if subscription is not None:
        store.get(account, "subscription", subscription, param="subscription")
    if ("amount" in params) == ("pricing" in params):
        message = "You must pass one of these parameters: amount, pricing."
        raise errors.invalid_request(message, param="amount")

    price = _price(account, params, currency=customer["currency"] or "usd")
    quantity, now = params.get("quantity", 1), account.now()
    amount = price["unit_amount"] * quantity
    item = blanks.new(
        "invoiceitem",
        id=store.new_id(account, "ii"),
        amount=amount,
        currency=price["currency"],
        customer=customer["id"],
        date=now,
        description=params.get("description") or catalog.product_name(account, price),
        metadata=forms.merged({}, params.get("metadata", {})),
        net_amount=amount,
        parent=_parent(subscription),
        period={"start": now, "end": now},
        pricing=_pricing(price),
        quantity=quantity,
        quantity_decimal=str(quantity),
    )
    store.add(account, item)
    events.emit(account, "invoiceitem.created", item)
    return item


def waiting(account: Account, subscription: Object) -> list[Object]:
    """Return the items that the next invoice of a subscription takes up, the oldest first."""
    return [
        item
        for item in store.table(account, "invoiceitem").values()
        if item["invoice"] is None
        and item["customer"] == subscription["customer"]
        and item["currency"] == subscription["currency"]
        and _subscription_of(item) in (None, subscription["id"])
    ]


def line(account: Account, item: Object, *, invoice: str) -> Object:
    """Return the line that an item is on an invoice."""
    temporary = invoice.startswith("upcoming")
    return blanks.new(
        "line_item",
        id=store.new_id(account, "il_tmp" if temporary else "il"),
        amount=item["amount"],
        currency=item["currency"],
        description=item["description"],
        invoice=invoice,
        metadata=dict(item["metadata"]),
        parent={
            "invoice_item_details": {
                "invoice_item": item["id"],
                "proration": False,
                "proration_details": {"credited_items": None},
                "subscription": _subscription_of(item),
            },
            "subscription_item_details": None,
            "type": "invoice_item_details",
        },
        period=dict(item["period"]),
        pricing=dict(item["pricing"]),
        quantity=item["quantity"],
        quantity_decimal=item["quantity_decimal"],
        subscription=_subscription_of(item),
        subtotal=item["amount"],
    )


def retrieve(account: Account, params: Object, invoiceitem: str) -> Object:
    """Return an invoice item."""
    del params
    return store.get(account, "invoiceitem", invoiceitem)


def listing(account: Account, params: Object) -> Object:
    """List invoice items, newest first; `pending` ones are on no invoice yet."""

    def matches(item: Object) -> bool:
        is_pending = item["invoice"] is None
        return params.get("pending", is_pending) == is_pending and all(
            item[name] == params[name] for name in ("customer", "invoice") if name in params
        )

    return lists.page(account, "invoiceitem", params, "/v1/invoiceitems", matches=matches)


def _price(account: Account, params: Object, *, currency: str) -> Object:
    """Return the price of an item; an amount alone gets one that nobody else can buy."""
    if "pricing" in params:
        name = params["pricing"]["price"]
        price = store.get(account, "price", name, param="pricing[price]")
        if price["recurring"] is not None:
            message = f"The price specified is set to `type=recurring`: {name}."
            raise errors.invalid_request(message, param="pricing[price]")
        return price
    now = account.now()
    product = blanks.new(
        "product",
        id=store.new_id(account, "prod", length=14),
        active=False,
        created=now,
        name=params.get("description", "Invoice item"),
        updated=now,
    )
    return store.add(
        account,
        blanks.new(
            "price",
            id=store.new_id(account, "price"),
            active=False,
            created=now,
            currency=params.get("currency", currency).lower(),
            product=store.add(account, product)["id"],
            type="one_time",
            unit_amount=params["amount"],
            unit_amount_decimal=str(params["amount"]),
        ),
    )


def _parent(subscription: str | None) -> Object | None:
    if subscription is None:
        return None
    details = {"subscription": subscription, "subscription_item": None}
    return {"subscription_details": details, "type": "subscription_details"}


def _pricing(price: Object) -> Object:
    return {
        "price_details": {"price": price["id"], "product": price["product"]},
        "type": "price_details",
        "unit_amount_decimal": price["unit_amount_decimal"],
    }


def _subscription_of(item: Object) -> str | None:
    parent = item["parent"]
    return None if parent is None else str(parent["subscription_details"]["subscription"])
