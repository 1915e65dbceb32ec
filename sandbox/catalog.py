"""Products and prices."""

from sandbox import blanks, errors, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

_RECURRING: forms.Shape = {
    "interval": forms.Required(forms.choice("day", "month", "week", "year")),
    "interval_count": forms.integer,
    "usage_type": forms.choice("licensed", "metered"),
}
PRODUCT_UPDATE: forms.Shape = forms.EXPAND | {
    "active": forms.boolean,
    "default_price": forms.text,
    "description": forms.blankable(forms.text),
    "images": forms.listed(forms.url),
    "marketing_features": forms.listed(forms.nested({"name": forms.Required(forms.text)})),
    "metadata": forms.metadata,
    "name": forms.text,
    "statement_descriptor": forms.text,
    "tax_code": forms.blankable(forms.text),
    "unit_label": forms.blankable(forms.text),
    "url": forms.blankable(forms.url),
}
PRODUCT_CREATE: forms.Shape = {
    name: reader for name, reader in PRODUCT_UPDATE.items() if name != "default_price"
} | {"id": forms.text, "name": forms.Required(forms.text)}
PRODUCT_LIST: forms.Shape = forms.PAGE | {
    "active": forms.boolean,
    "created": forms.MOMENT,
    "ids": forms.listed(forms.text),
}
PRICE_UPDATE: forms.Shape = forms.EXPAND | {
    "active": forms.boolean,
    "lookup_key": forms.text,
    "metadata": forms.metadata,
    "nickname": forms.blankable(forms.text),
    "tax_behavior": forms.choice("exclusive", "inclusive", "unspecified"),
    "transfer_lookup_key": forms.boolean,
}
PRICE_CREATE: forms.Shape = PRICE_UPDATE | {
    "currency": forms.Required(forms.text),
    "product": forms.Required(forms.text),
    "recurring": forms.nested(_RECURRING),
    "unit_amount": forms.Required(forms.integer),
}
PRICE_LIST: forms.Shape = forms.PAGE | {
    "active": forms.boolean,
    "created": forms.MOMENT,
    "currency": forms.text,
    "lookup_keys": forms.listed(forms.text),
    "product": forms.text,
    "type": forms.choice("one_time", "recurring"),
}
_DIRECT = ("active", "currency", "product", "type")


def create_product(account: Account, params: Object) -> Object:
    """Create a product, under the caller's own id if one is given."""
    name = params.pop("id", None) or store.new_id(account, "prod", length=14)
    if name in store.table(account, "product"):
        message = "Product already exists."
        raise errors.invalid_request(message, param="id", code="resource_already_exists")

    now = account.now()
    product = blanks.new("product", id=name, created=now, updated=now)
    _write(product, params)
    store.add(account, product)
    events.emit(account, "product.created", product)
    return product


def update_product(account: Account, params: Object, product: str) -> Object:
    """Change a product."""
    found = store.get(account, "product", product)
    if "default_price" in params:
        store.get(account, "price", params["default_price"], param="default_price")

    with events.change(account, found, "product.updated"):
        _write(found, params)
        found["updated"] = account.now()
    return found


def list_products(account: Account, params: Object) -> Object:
    """List products, newest first."""

    def matches(product: Object) -> bool:
        wanted = "ids" not in params or product["id"] in params["ids"]
        return wanted and _matches(product, params)

    return lists.page(account, "product", params, "/v1/products", matches=matches)


def create_price(account: Account, params: Object) -> Object:
    """Create a price of a product; its amount never changes."""
    store.get(account, "product", params["product"], param="product")
    if params["unit_amount"] < 0:
        raise errors.invalid_request("Invalid non-negative integer", param="unit_amount")
    recurring = params.pop("recurring", None)
    transfer = params.pop("transfer_lookup_key", False)
    _free_lookup_key(account, params.get("lookup_key"), transfer=transfer)

    price = blanks.new(
        "price",
        id=store.new_id(account, "price"),
        created=account.now(),
        unit_amount_decimal=str(params["unit_amount"]),
        type="recurring" if recurring else "one_time",
    )
    if recurring:
        defaults = {"interval_count": 1, "usage_type": "licensed"}
        price["recurring"] = {"meter": None, "trial_period_days": None} | defaults | recurring
    _write(price, params | {"currency": params["currency"].lower()})
    store.add(account, price)
    events.emit(account, "price.created", price)
    return price


def update_price(account: Account, params: Object, price: str) -> Object:
    """Change what may change of a price: whether it is sold, its lookup key, its names."""
    found = store.get(account, "price", price)
    transfer = params.pop("transfer_lookup_key", False)
    if params.get("lookup_key") != found["lookup_key"]:
        _free_lookup_key(account, params.get("lookup_key"), transfer=transfer)

    with events.change(account, found, "price.updated"):
        _write(found, params)
    return found


def list_prices(account: Account, params: Object) -> Object:
    """List prices, newest first."""

    def matches(price: Object) -> bool:
        wanted = "lookup_keys" not in params or price["lookup_key"] in params["lookup_keys"]
        return wanted and _matches(price, params)

    return lists.page(account, "price", params, "/v1/prices", matches=matches)


def retrieve_product(account: Account, params: Object, product: str) -> Object:
    """Return a product."""
    del params
    return store.get(account, "product", product)


def retrieve_price(account: Account, params: Object, price: str) -> Object:
    """Return a price."""
    del params
    return store.get(account, "price", price)


def product_name(account: Account, price: Object) -> str:
    """Return the name of what a price is for."""
    return str(store.get(account, "product", price["product"])["name"])


def _write(thing: Object, params: Object) -> None:
    for name, value in params.items():
        if name == "metadata":
            thing[name] = forms.merged(thing[name], value)
        elif name != "expand":
            thing[name] = None if name == "lookup_key" and value == "" else value


def _matches(thing: Object, params: Object) -> bool:
    return all(thing[name] == params[name] for name in _DIRECT if name in params)


def _free_lookup_key(account: Account, key: str | None, *, transfer: bool) -> None:
    if not key:
        return
    for price in store.table(account, "price").values():
        if price["lookup_key"] == key:
            if not transfer:
                message = f"A price (`{price['id']}`) already uses that lookup key."
                raise errors.invalid_request(message, param="lookup_key")
            with events.change(account, price, "price.updated"):
                price["lookup_key"] = None
