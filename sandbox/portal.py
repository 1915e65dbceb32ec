"""The billing portal's sessions and configurations."""

import copy

from sandbox import blanks, customers, errors, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

CONFIGURATION = "billing_portal.configuration"

_FIXED_QUANTITY = {"enabled": False, "maximum": None, "minimum": 1}
_BEHAVIOR = forms.choice("always_invoice", "create_prorations", "none")
_FEATURES: forms.Shape = {
    "customer_update": forms.nested(
        {
            "allowed_updates": forms.listed(
                forms.choice("address", "email", "name", "phone", "shipping", "tax_id")
            ),
            "enabled": forms.boolean,
        }
    ),
    "invoice_history": forms.nested({"enabled": forms.Required(forms.boolean)}),
    "payment_method_update": forms.nested({"enabled": forms.Required(forms.boolean)}),
    "subscription_cancel": forms.nested(
        {
            "cancellation_reason": forms.nested(
                {
                    "enabled": forms.Required(forms.boolean),
                    "options": forms.listed(forms.text),
                }
            ),
            "enabled": forms.boolean,
            "mode": forms.choice("at_period_end", "immediately"),
            "proration_behavior": _BEHAVIOR,
        }
    ),
    "subscription_update": forms.nested(
        {
            "default_allowed_updates": forms.listed(
                forms.choice("price", "promotion_code", "quantity")
            ),
            "enabled": forms.boolean,
            "products": forms.listed(
                forms.nested(
                    {
                        "prices": forms.Required(forms.listed(forms.text)),
                        "product": forms.Required(forms.text),
                    }
                )
            ),
            "proration_behavior": _BEHAVIOR,
        }
    ),
}
_PROFILE: forms.Shape = {
    "headline": forms.blankable(forms.text),
    "privacy_policy_url": forms.blankable(forms.url),
    "terms_of_service_url": forms.blankable(forms.url),
}
CREATE: forms.Shape = forms.EXPAND | {
    "business_profile": forms.nested(_PROFILE),
    "default_return_url": forms.blankable(forms.url),
    "features": forms.Required(forms.nested(_FEATURES)),
    "login_page": forms.nested({"enabled": forms.Required(forms.boolean)}),
    "metadata": forms.metadata,
    "name": forms.blankable(forms.text),
}
UPDATE: forms.Shape = CREATE | {"active": forms.boolean, "features": forms.nested(_FEATURES)}
LIST: forms.Shape = forms.PAGE | {"active": forms.boolean, "is_default": forms.boolean}
SESSION: forms.Shape = forms.EXPAND | {
    "configuration": forms.text,
    "customer": forms.Required(forms.text),
    "locale": forms.text,
    "return_url": forms.url,
}


def create(account: Account, params: Object) -> Object:
    """Create a configuration: what customers may do in the portal."""
    now = account.now()
    configuration = blanks.new(
        CONFIGURATION, id=store.new_id(account, "bpc"), created=now, updated=now
    )
    _write(configuration, params)
    store.add(account, configuration)
    events.emit(account, f"{CONFIGURATION}.created", configuration)
    return configuration


def update(account: Account, params: Object, configuration: str) -> Object:
    """Change a configuration."""
    found = store.get(account, CONFIGURATION, configuration)
    with events.change(account, found, f"{CONFIGURATION}.updated"):
        _write(found, params)
        found["updated"] = account.now()
    return found


def retrieve(account: Account, params: Object, configuration: str) -> Object:
    """Return a configuration."""
    del params
    return store.get(account, CONFIGURATION, configuration)


def listing(account: Account, params: Object) -> Object:
    """List configurations, newest first."""

    def matches(configuration: Object) -> bool:
        names = ("active", "is_default")
        return all(configuration[name] == params[name] for name in names if name in params)

    url = "/v1/billing_portal/configurations"
    return lists.page(account, CONFIGURATION, params, url, matches=matches)


def open_session(account: Account, params: Object) -> Object:
    """Open the portal for a customer, with the default configuration if none is named."""
    customer = customers.get(account, params["customer"], param="customer")
    if "configuration" in params:
        name = params["configuration"]
        configuration = store.get(account, CONFIGURATION, name, param="configuration")
    else:
        configuration = _default(account)
    if not configuration["active"]:
        message = "The portal configuration is inactive."
        raise errors.invalid_request(message, param="configuration")

    name = store.new_id(account, "bps")
    key = store.new_id(account, "test")
    session = blanks.new(
        "billing_portal.session",
        id=name,
        configuration=configuration["id"],
        created=account.now(),
        customer=customer["id"],
        locale=params.get("locale"),
        return_url=params.get("return_url", configuration["default_return_url"]),
        url=f"{account.base_url}/p/session/{key}",
    )
    store.add(account, session)
    store.secret(account, name)["key"] = key
    events.emit(account, "billing_portal.session.created", session)
    return session


def by_key(account: Account, key: str) -> Object | None:
    """Return the session that a page is of."""
    for session in store.table(account, "billing_portal.session").values():
        if store.secret(account, session["id"])["key"] == key:
            return session
    return None


def configuration_of(account: Account, session: Object) -> Object:
    """Return what the customer of a session may do."""
    return store.get(account, CONFIGURATION, session["configuration"])


def _default(account: Account) -> Object:
    for configuration in store.table(account, CONFIGURATION).values():
        if configuration["is_default"]:
            return configuration
    message = (
        "You can't create a portal session in test mode until you save your customer portal"
        " settings in test mode, or pass a configuration."
    )
    raise errors.invalid_request(message)


def _write(configuration: Object, params: Object) -> None:
    for name, value in params.items():
        if name == "metadata":
            configuration[name] = forms.merged(configuration[name], value)
        elif name in ("business_profile", "login_page"):
            configuration[name] |= value
        elif name == "features":
            for feature, settings in value.items():
                for product in settings.get("products", []):
                    product["adjustable_quantity"] = dict(_FIXED_QUANTITY)
                configuration["features"][feature] |= copy.deepcopy(settings)
        elif name != "expand":
            configuration[name] = value
