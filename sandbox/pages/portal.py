"""The portal page: cancel, resume, change the card or the plan, see invoices, go back."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox import cards, catalog, payments, portal, portal_acts, store, subscriptions
from sandbox.errors import Object, StripeError
from sandbox.pages import checkout, rendering
from sandbox.pages.rendering import date, escape, money
from sandbox.store import Account

REFUSED = "Your card was declined."


def show(
    account: Account, session: Object, *, alert: str | None = None, status: int = 200
) -> Response:
    """Return the page of a portal session."""
    features = portal.configuration_of(account, session)["features"]
    path = session["url"].removeprefix(account.base_url)
    rows = portal_acts.of_customer(account, session["customer"])
    content = rendering.fill(
        "portal",
        subscriptions="".join(_subscription(account, session, row, path) for row in rows)
        or "<section><p>You have no subscription.</p></section>\n",
        method=_card(path) if features["payment_method_update"]["enabled"] else "",
        invoices=_invoices(account, session)
        if features["invoice_history"]["enabled"]
        else "<p>There is nothing to show.</p>\n",
        back=f'<p><a href="{escape(session["return_url"])}">Return</a></p>\n'
        if session["return_url"]
        else "",
    )
    return rendering.page("Billing portal", content, alert=alert, status=status)


async def act(account: Account, session: Object, request: Request) -> Response:
    """Cancel or resume a subscription, or change its plan, as the posted form says."""
    form = await rendering.form_of(request)
    name, verb = request.path_params["subscription"], request.path_params["verb"]
    subscription = store.table(account, "subscription").get(name)
    if subscription is None or subscription["customer"] != session["customer"]:
        return show(account, session, alert="There is no such subscription.", status=404)
    try:
        if verb == "cancel":
            portal_acts.cancel(account, session, subscription)
        elif verb == "resume":
            portal_acts.resume(account, subscription)
        elif verb == "plan":
            portal_acts.change_plan(account, session, subscription, form.get("price", ""))
    except StripeError as refusal:
        return show(account, session, alert=str(refusal), status=409)
    return _again(request)


async def change_card(account: Account, session: Object, request: Request) -> Response:
    """Take another card: it is refused, asks for authentication, or is charged from now on."""
    form = await rendering.form_of(request)
    features = portal.configuration_of(account, session)["features"]
    number = form.get("card_number", "").replace(" ", "")
    if not features["payment_method_update"]["enabled"]:
        return show(account, session, alert="Cards cannot be changed here.", status=409)
    if not cards.is_card(number):
        return show(account, session, alert=checkout.INVALID_CARD, status=422)
    if number in cards.REFUSED_WHEN_ATTACHED:
        return show(account, session, alert=REFUSED, status=402)
    if cards.CARDS[number].authentication != "never":
        store.secret(account, session["id"])["number"] = number
        return RedirectResponse(f"/p/session/{request.path_params['key']}/authenticate", 303)
    customer = store.get(account, "customer", session["customer"])
    portal_acts.change_card(account, customer, number)
    return _again(request)


def ask(account: Account, session: Object) -> Response:
    """Return the page on which a bank asks its customer before a card is saved."""
    path = session["url"].removeprefix(account.base_url)
    content = rendering.fill(
        "authenticate", action=escape(f"{path}/authenticate"), amount=money(0, "usd")
    )
    return rendering.page("3-D Secure", content)


async def authenticate(account: Account, session: Object, request: Request) -> Response:
    """Take the answer that the customer gave the bank about a new card."""
    form = await rendering.form_of(request)
    number = store.secret(account, session["id"]).pop("number", None)
    if number is None or form.get("outcome") != "complete":
        return show(account, session, alert=payments.AUTHENTICATION_FAILED, status=402)
    customer = store.get(account, "customer", session["customer"])
    portal_acts.change_card(account, customer, number)
    return _again(request)


def _again(request: Request) -> Response:
    return RedirectResponse(f"/p/session/{request.path_params['key']}", 303)


def _subscription(account: Account, session: Object, subscription: Object, path: str) -> str:
    features = portal.configuration_of(account, session)["features"]
    item = subscriptions.item_of(subscription)
    price = item["price"]
    amount = money(price["unit_amount"] * item["quantity"], price["currency"])
    ends = subscription["cancel_at"]
    action = escape(f"{path}/subscriptions/{subscription['id']}")
    forms = ""
    if ends is not None:
        forms += _button(f"{action}/resume", "Don't cancel subscription")
    elif features["subscription_cancel"]["enabled"] and subscription["schedule"] is None:
        forms += _button(f"{action}/cancel", "Cancel subscription")
    forms += _plans(account, session, price["id"], f"{action}/plan")
    until = date(ends if ends is not None else item["current_period_end"])
    return (
        f'<section aria-labelledby="{subscription["id"]}">\n'
        f'<h2 id="{subscription["id"]}">{escape(catalog.product_name(account, price))}</h2>\n'
        f"<p>{amount} per {escape(price['recurring']['interval'])}</p>\n"
        f'<p class="soft">Status: {escape(subscription["status"])}.'
        f" {'Ends' if ends is not None else 'Renews'} on {until}.</p>\n"
        f'<div class="row">{forms}</div>\n</section>\n'
    )


def _plans(account: Account, session: Object, current: str, action: str) -> str:
    choices = ""
    for name in portal_acts.offered(account, session):
        price = store.get(account, "price", name)
        label = escape(catalog.product_name(account, price))
        amount = money(price["unit_amount"], price["currency"])
        checked = " checked" if name == current else ""
        choices += (
            f'<label class="choice"><input type="radio" name="price" value="{name}"{checked}>'
            f" {label}, {amount} per {escape(price['recurring']['interval'])}</label>\n"
        )
    if not choices:
        return ""
    return (
        f'<form method="post" action="{action}" aria-label="Plan">\n'
        f"<fieldset><legend>Plan</legend>\n{choices}</fieldset>\n"
        '<button type="submit" class="quiet">Update plan</button>\n</form>\n'
    )


def _button(action: str, words: str) -> str:
    return (
        f'<form method="post" action="{action}">'
        f'<button type="submit" class="quiet">{escape(words)}</button></form>\n'
    )


def _card(path: str) -> str:
    card = rendering.fill("card", number="", required=" required")
    return (
        f'<form class="card" method="post" action="{escape(path)}/card"'
        f' aria-label="Payment method">\n<h2>Payment method</h2>\n{card}'
        '<button type="submit">Update card</button>\n</form>\n'
    )


def _invoices(account: Account, session: Object) -> str:
    rows = "".join(
        f'<tr><td><a href="{escape(invoice["hosted_invoice_url"])}">'
        f"{escape(invoice['number'])}</a></td><td>{date(invoice['created'])}</td>"
        f"<td>{escape(invoice['status'])}</td>"
        f'<td class="amount">{money(invoice["total"], invoice["currency"])}</td></tr>\n'
        for invoice in reversed(store.table(account, "invoice").values())
        if invoice["customer"] == session["customer"] and invoice["number"] is not None
    )
    if not rows:
        return "<p>There are no invoices yet.</p>\n"
    head = "".join(f'<th scope="col">{word}</th>' for word in ("Number", "Date", "Status"))
    head += '<th scope="col" class="amount">Total</th>'
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
