"""The Checkout page: pay by card or bank, authenticate, or go back."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox import cards, checkout, payments, purchases, store
from sandbox.errors import Object, StripeError
from sandbox.pages import rendering
from sandbox.pages.rendering import escape, money
from sandbox.store import Account

INVALID_CARD = "Your card number is invalid. Use one of the test numbers below."
INVALID_BANK = "Your account number is invalid. Use one of the test numbers below."


def show(
    account: Account, session: Object, *, alert: str | None = None, status: int = 200
) -> Response:
    """Return the page of a session: its form, or why there is none any more."""
    if session["status"] != "open":
        words = {"complete": "This order is complete.", "expired": "This page has expired."}
        words_now = words[session["status"]]
        return rendering.page("Checkout", _back(session), alert=words_now, status=status)
    items = checkout.items_of(account, session)
    currency = session["currency"]
    bank = session["payment_method_types"][1:]
    content = rendering.fill(
        "checkout",
        action=escape(f"/c/pay/{session['id']}"),
        rows="".join(_row(item) for item in items),
        total=money(session["amount_total"], currency),
        quantities="".join(_quantity(item) for item in items),
        email="" if session["customer"] else _email(session),
        methods=_methods() if bank else "",
        card=rendering.fill("card", number="", required="" if bank else " required"),
        bank=_account_number() if bank else "",
        verb=f"Subscribe for {money(session['amount_total'], currency)}"
        if session["mode"] == "subscription"
        else f"Pay {money(session['amount_total'], currency)}",
        back=_back(session),
        numbers=numbers(banks=bool(bank)),
    )
    return rendering.page("Checkout", content, alert=alert, status=status)


async def pay(account: Account, session: Object, request: Request) -> Response:
    """Take the posted form: pay, ask for authentication, or say what is wrong."""
    form = await rendering.form_of(request)
    if session["status"] != "open":
        return show(account, session, status=409)
    try:
        for item in checkout.items_of(account, session):
            given = form.get(f"quantity_{item['id']}", "")
            if given.isdigit():
                checkout.set_quantity(account, session, item, int(given))
    except StripeError as refusal:
        return show(account, session, alert=str(refusal), status=422)
    by_bank = form.get("method") == "bank" and len(session["payment_method_types"]) > 1
    kind = session["payment_method_types"][1] if by_bank else "card"
    field = "account_number" if by_bank else "card_number"
    number = form.get(field, "").replace(" ", "")
    if not (cards.is_bank(number) if by_bank else cards.is_card(number)):
        alert = INVALID_BANK if by_bank else INVALID_CARD
        return show(account, session, alert=alert, status=422)

    email = session["customer_email"] or form.get("email") or None
    method = cards.create(account, number=number, customer=None, kind=kind, email=email)
    result = purchases.pay(account, session, method)
    if result == "requires_action":
        return RedirectResponse(f"/c/pay/{session['id']}/authenticate", 303)
    if result == "requires_payment_method":
        alert = cards.card_of(account, method).message
        return show(account, session, alert=alert, status=402)
    return _leave(session)


def ask(session: Object) -> Response:
    """Return the page on which a bank asks its customer."""
    content = rendering.fill(
        "authenticate",
        action=escape(f"/c/pay/{session['id']}/authenticate"),
        amount=money(session["amount_total"], session["currency"]),
    )
    return rendering.page("3-D Secure", content)


async def authenticate(account: Account, session: Object, request: Request) -> Response:
    """Take the answer that the customer gave the bank."""
    form = await rendering.form_of(request)
    if session["status"] != "open" or "method" not in store.secret(account, session["id"]):
        return show(account, session, status=409)
    succeeds = form.get("outcome") == "complete"
    if purchases.authenticate(account, session, succeeds=succeeds) == "succeeded":
        return _leave(session)
    return show(account, session, alert=payments.AUTHENTICATION_FAILED, status=402)


def numbers(*, banks: bool) -> str:
    """Return the table of test numbers."""
    rows = (
        "<tr><td>000123456789 (bank)</td><td>is paid days later</td></tr>\n"
        "<tr><td>000111111116 (bank)</td><td>fails days later</td></tr>\n"
    )
    return rendering.fill("numbers", banks=rows if banks else "")


def _leave(session: Object) -> Response:
    target = session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])
    return RedirectResponse(target, 303)


def _row(item: Object) -> str:
    return (
        f"<tr><td>{escape(item['description'])}</td><td>{item['quantity']}</td>"
        f'<td class="amount">{money(item["amount_total"], item["currency"])}</td></tr>\n'
    )


def _quantity(item: Object) -> str:
    limits = item["adjustable_quantity"]
    if limits is None:
        return ""
    return (
        f"<label>Quantity of {escape(item['description'])}\n"
        f'<input type="number" name="quantity_{item["id"]}" value="{item["quantity"]}"'
        f' min="{limits["minimum"]}" max="{limits["maximum"]}" required></label>\n'
    )


def _email(session: Object) -> str:
    given = escape(session["customer_email"] or "")
    return (
        "<label>Email\n"
        f'<input type="email" name="email" autocomplete="email" value="{given}"></label>\n'
    )


def _methods() -> str:
    return (
        "<fieldset><legend>Pay by</legend>\n"
        '<label class="choice"><input type="radio" name="method" value="card" checked> Card'
        "</label>\n"
        '<label class="choice"><input type="radio" name="method" value="bank"> Bank debit'
        " (is paid days later)</label>\n</fieldset>\n"
    )


def _account_number() -> str:
    return (
        "<label>Bank account number\n"
        '<input name="account_number" inputmode="numeric" placeholder="000123456789"></label>\n'
    )


def _back(session: Object) -> str:
    if not session["cancel_url"]:
        return ""
    return f'<p><a href="{escape(session["cancel_url"])}">Back</a></p>\n'
