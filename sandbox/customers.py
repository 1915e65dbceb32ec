"""Customers; one that is deleted is remembered by its id and has no part in anything."""

from sandbox import blanks, errors, events, forms, lists, store, subscriptions
from sandbox.errors import Object
from sandbox.store import Account

_ADDRESS = forms.nested(
    dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), forms.text)
)
UPDATE: forms.Shape = forms.EXPAND | {
    "address": forms.blankable(_ADDRESS),
    "balance": forms.integer,
    "description": forms.blankable(forms.text),
    "email": forms.blankable(forms.text),
    "invoice_settings": forms.nested({"default_payment_method": forms.blankable(forms.text)}),
    "metadata": forms.metadata,
    "name": forms.blankable(forms.text),
    "phone": forms.blankable(forms.text),
    "preferred_locales": forms.listed(forms.text),
}
CREATE: forms.Shape = UPDATE | {"test_clock": forms.text}
LIST: forms.Shape = forms.PAGE | {"created": forms.MOMENT, "email": forms.text}


def create(account: Account, params: Object) -> Object:
    """Create a customer."""
    if "test_clock" in params:
        store.get(account, "test_helpers.test_clock", params["test_clock"], param="test_clock")

    name = store.new_id(account, "cus", length=14)
    customer = blanks.new(
        "customer", id=name, created=account.now(), invoice_prefix=name[-8:].upper()
    )
    _write(account, customer, params)
    store.add(account, customer)
    events.emit(account, "customer.created", customer)
    return customer


def update(account: Account, params: Object, customer: str) -> Object:
    """Change a customer."""
    found = get(account, customer)
    with events.change(account, found, "customer.updated"):
        _write(account, found, params)
    return found


def retrieve(account: Account, params: Object, customer: str) -> Object:
    """Return a customer; of one that is deleted, that it is."""
    del params
    found = store.get(account, "customer", customer)
    return _deleted(customer) if _is_deleted(account, customer) else found


def delete(account: Account, params: Object, customer: str) -> Object:
    """Delete a customer for good, and end what they subscribe to now."""
    del params
    found = get(account, customer)
    for subscription in store.table(account, "subscription").values():
        is_theirs = subscription["customer"] == customer
        if is_theirs and subscription["status"] not in subscriptions.ENDED:
            subscriptions.end(account, subscription, reason="cancellation_requested")
    store.secret(account, customer)["deleted"] = True
    events.emit(account, "customer.deleted", found)
    return _deleted(customer)


def get(account: Account, customer: str, *, param: str = "id") -> Object:
    """Return a customer; raises the 404 that names `param` when there is none any more."""
    found = store.get(account, "customer", customer, param=param)
    if _is_deleted(account, customer):
        raise errors.missing_resource("customer", customer, param=param)
    return found


def listing(account: Account, params: Object) -> Object:
    """List customers, newest first."""
    return lists.page(
        account,
        "customer",
        params,
        "/v1/customers",
        matches=lambda customer: (
            customer["email"] == params.get("email", customer["email"])
            and not _is_deleted(account, customer["id"])
        ),
    )


def _is_deleted(account: Account, customer: str) -> bool:
    return bool(store.secret(account, customer).get("deleted"))


def _deleted(customer: str) -> Object:
    return {"id": customer, "object": "customer", "deleted": True}


def _write(account: Account, customer: Object, params: Object) -> None:
    for name, value in params.items():
        if name == "metadata":
            customer[name] = forms.merged(customer[name], value)
        elif name == "address" and value is not None:
            fields = ("city", "country", "line1", "line2", "postal_code", "state")
            customer[name] = dict.fromkeys(fields) | value
        elif name == "invoice_settings":
            method = value.get("default_payment_method")
            if method:
                store.get(account, "payment_method", method, param="invoice_settings")
            customer[name] |= value
        elif name != "expand":
            customer[name] = value
