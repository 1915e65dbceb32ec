"""`expand[]`: ids are replaced by the objects they name, and hidden lists are shown."""

import copy
from collections.abc import Callable
from typing import Any

from sandbox import checkout, errors, invoices, lists, store
from sandbox.errors import Object
from sandbox.store import Account

DEPTH_MAXIMUM = 4


def expand(account: Account, answer: Object, paths: list[str]) -> Object:
    """Return a copy of an answer with the named fields expanded."""
    answer = copy.deepcopy(answer)
    for path in paths:
        steps = path.split(".")
        if len(steps) > DEPTH_MAXIMUM + (steps[0] == "data"):
            message = f"You cannot expand more than {DEPTH_MAXIMUM} levels of a property."
            raise errors.invalid_request(message, param="expand", executed=False)
        _expand(account, answer, steps, path)
    return answer


def _expand(account: Account, node: Any, steps: list[str], path: str) -> None:
    if isinstance(node, list):
        for child in node:
            _expand(account, child, steps, path)
        return
    if not isinstance(node, dict) or not steps:
        return
    name, *rest = steps
    hidden = _HIDDEN.get((node.get("object", ""), name))
    if hidden is not None and name not in node:
        node[name] = copy.deepcopy(hidden(account, node))
    if name not in node:
        message = f"This property cannot be expanded ({path})."
        raise errors.invalid_request(message, param="expand", executed=False)
    if isinstance(node[name], str):
        found = store.find(account, node[name])
        if found is None:
            message = f"This property cannot be expanded ({path})."
            raise errors.invalid_request(message, param="expand", executed=False)
        node[name] = copy.deepcopy(found)
    _expand(account, node[name], rest, path)


def _line_items(account: Account, session: Object) -> Object:
    rows = checkout.items_of(account, session)
    return lists.whole(rows, f"/v1/checkout/sessions/{session['id']}/line_items")


def _payments(account: Account, invoice: Object) -> Object:
    return lists.whole(invoices.payments_of(account, invoice), "/v1/invoice_payments")


def _confirmation_secret(account: Account, invoice: Object) -> Object | None:
    intent = invoices.intent_of(account, invoice)
    if intent is None:
        return None
    return {"client_secret": intent["client_secret"], "type": "payment_intent"}


def _refunds(account: Account, charge: Object) -> Object:
    kept = store.table(account, "refund").values()
    rows = [refund for refund in reversed(kept) if refund["charge"] == charge["id"]]
    return lists.whole(rows, f"/v1/charges/{charge['id']}/refunds")


def _subscriptions(account: Account, customer: Object) -> Object:
    rows = [
        subscription
        for subscription in reversed(store.table(account, "subscription").values())
        if subscription["customer"] == customer["id"] and subscription["status"] != "canceled"
    ]
    return lists.whole(rows, f"/v1/customers/{customer['id']}/subscriptions")


_HIDDEN: dict[tuple[str, str], Callable[[Account, Object], Any]] = {
    ("checkout.session", "line_items"): _line_items,
    ("invoice", "payments"): _payments,
    ("invoice", "confirmation_secret"): _confirmation_secret,
    ("charge", "refunds"): _refunds,
    ("customer", "subscriptions"): _subscriptions,
}
