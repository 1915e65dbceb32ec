"""Stripe's endpoints: method, path, the parameters they take, and what does the work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox import (
    cards,
    catalog,
    changes,
    checkout,
    clock,
    collection,
    customers,
    disputes,
    events,
    forms,
    invoice_items,
    invoices,
    payments,
    portal,
    previews,
    refunds,
    schedules,
    subscriptions,
    webhooks,
)
from sandbox.errors import Object


@dataclass(frozen=True)
class Endpoint:
    """One endpoint; `work` takes the account, the parameters and what the path names."""

    method: str
    path: str
    shape: forms.Shape
    work: Callable[..., Object]


def _resource(
    path: str, name: str, retrieve: Any, listing: Any, shape: forms.Shape
) -> tuple[Endpoint, Endpoint]:
    return (
        Endpoint("GET", path, shape, listing),
        Endpoint("GET", f"{path}/{{{name}}}", forms.EXPAND, retrieve),
    )


_CHECKOUT = "/v1/checkout/sessions"
_CLOCKS = "/v1/test_helpers/test_clocks"
_CONFIGURATIONS = "/v1/billing_portal/configurations"
_SCHEDULES = "/v1/subscription_schedules"
_HOOKS = "/v1/webhook_endpoints"

ENDPOINTS: tuple[Endpoint, ...] = (
    *_resource(
        "/v1/products",
        "product",
        catalog.retrieve_product,
        catalog.list_products,
        catalog.PRODUCT_LIST,
    ),
    Endpoint("POST", "/v1/products", catalog.PRODUCT_CREATE, catalog.create_product),
    Endpoint("POST", "/v1/products/{product}", catalog.PRODUCT_UPDATE, catalog.update_product),
    *_resource(
        "/v1/prices", "price", catalog.retrieve_price, catalog.list_prices, catalog.PRICE_LIST
    ),
    Endpoint("POST", "/v1/prices", catalog.PRICE_CREATE, catalog.create_price),
    Endpoint("POST", "/v1/prices/{price}", catalog.PRICE_UPDATE, catalog.update_price),
    *_resource("/v1/customers", "customer", customers.retrieve, customers.listing, customers.LIST),
    Endpoint("POST", "/v1/customers", customers.CREATE, customers.create),
    Endpoint("POST", "/v1/customers/{customer}", customers.UPDATE, customers.update),
    Endpoint("DELETE", "/v1/customers/{customer}", {}, customers.delete),
    Endpoint("GET", "/v1/customers/{customer}/payment_methods", cards.LIST, cards.listing),
    *_resource("/v1/payment_methods", "payment_method", cards.retrieve, cards.listing, cards.LIST),
    *_resource(_CHECKOUT, "session", checkout.retrieve, checkout.listing, checkout.LIST),
    Endpoint("POST", _CHECKOUT, checkout.CREATE, checkout.create),
    Endpoint("POST", f"{_CHECKOUT}/{{session}}/expire", forms.EXPAND, checkout.expire),
    Endpoint("GET", f"{_CHECKOUT}/{{session}}/line_items", forms.PAGE, checkout.list_line_items),
    *_resource(
        "/v1/payment_intents",
        "intent",
        payments.retrieve_intent,
        payments.list_intents,
        payments.INTENT_LIST,
    ),
    *_resource(
        "/v1/charges",
        "charge",
        payments.retrieve_charge,
        payments.list_charges,
        payments.CHARGE_LIST,
    ),
    *_resource("/v1/refunds", "refund", refunds.retrieve, refunds.listing, refunds.LIST),
    Endpoint("POST", "/v1/refunds", refunds.CREATE, refunds.create),
    *_resource("/v1/disputes", "dispute", disputes.retrieve, disputes.listing, disputes.LIST),
    *_resource(
        "/v1/subscriptions",
        "subscription",
        subscriptions.retrieve,
        subscriptions.listing,
        subscriptions.LIST,
    ),
    Endpoint("POST", "/v1/subscriptions/{subscription}", changes.UPDATE, changes.update),
    Endpoint(
        "DELETE", "/v1/subscriptions/{subscription}", subscriptions.CANCEL, subscriptions.cancel
    ),
    *_resource(_SCHEDULES, "schedule", schedules.retrieve, schedules.listing, schedules.LIST),
    Endpoint("POST", _SCHEDULES, schedules.CREATE, schedules.create),
    Endpoint("POST", f"{_SCHEDULES}/{{schedule}}", schedules.UPDATE, schedules.update),
    Endpoint("POST", f"{_SCHEDULES}/{{schedule}}/release", forms.EXPAND, schedules.release),
    Endpoint("POST", f"{_SCHEDULES}/{{schedule}}/cancel", forms.EXPAND, schedules.cancel),
    Endpoint("POST", "/v1/invoices/create_preview", previews.CREATE, previews.create),
    *_resource("/v1/invoices", "invoice", invoices.retrieve, invoices.listing, invoices.LIST),
    Endpoint("POST", "/v1/invoices/{invoice}/pay", collection.PAY, collection.pay),
    Endpoint("POST", "/v1/invoices/{invoice}/void", forms.EXPAND, invoices.void_by_request),
    Endpoint("GET", "/v1/invoices/{invoice}/lines", forms.PAGE, invoices.list_lines),
    *_resource(
        "/v1/invoiceitems",
        "invoiceitem",
        invoice_items.retrieve,
        invoice_items.listing,
        invoice_items.LIST,
    ),
    Endpoint("POST", "/v1/invoiceitems", invoice_items.CREATE, invoice_items.create),
    *_resource(
        "/v1/invoice_payments",
        "invoice_payment",
        invoices.retrieve_payment,
        invoices.list_payments,
        invoices.PAYMENT_LIST,
    ),
    Endpoint("POST", "/v1/billing_portal/sessions", portal.SESSION, portal.open_session),
    *_resource(_CONFIGURATIONS, "configuration", portal.retrieve, portal.listing, portal.LIST),
    Endpoint("POST", _CONFIGURATIONS, portal.CREATE, portal.create),
    Endpoint("POST", f"{_CONFIGURATIONS}/{{configuration}}", portal.UPDATE, portal.update),
    *_resource("/v1/events", "event", events.retrieve, events.listing, events.LIST),
    *_resource(_HOOKS, "webhook_endpoint", webhooks.retrieve, webhooks.listing, webhooks.LIST),
    Endpoint("POST", _HOOKS, webhooks.CREATE, webhooks.create),
    Endpoint("POST", f"{_HOOKS}/{{webhook_endpoint}}", webhooks.UPDATE, webhooks.update),
    Endpoint("DELETE", f"{_HOOKS}/{{webhook_endpoint}}", {}, webhooks.delete),
    *_resource(_CLOCKS, "test_clock", clock.retrieve, clock.listing, forms.PAGE),
    Endpoint("POST", _CLOCKS, clock.CREATE, clock.create),
    Endpoint("POST", f"{_CLOCKS}/{{test_clock}}/advance", clock.ADVANCE, clock.advance),
)
