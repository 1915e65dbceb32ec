"""The page of an invoice: pay it, or authenticate its payment."""

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from sandbox import cards, collection, invoices, payments
from sandbox.errors import Object
from sandbox.pages import checkout, rendering
from sandbox.pages.rendering import escape, money
from sandbox.store import Account


def show(
    account: Account, invoice: Object, *, alert: str | None = None, status: int = 200
) -> Response:
    """Return the page of an invoice."""
    currency = invoice["currency"]
    rows = "".join(
        f"<tr><td>{escape(line['description'])}</td>"
        f'<td class="amount">{money(line["amount"], currency)}</td></tr>\n'
        for line in invoice["lines"]["data"]
    )
    content = rendering.fill(
        "invoice",
        number=escape(f"Invoice {invoice['number']}"),
        status=escape(invoice["status"]),
        rows=rows,
        due=money(invoice["amount_due"], currency),
        form=_form(account, invoice),
    )
    return rendering.page("Invoice", content, alert=alert, status=status)


async def pay(account: Account, invoice: Object, request: Request) -> Response:
    """Pay with the card of the posted form."""
    form = await rendering.form_of(request)
    number = form.get("card_number", "").replace(" ", "")
    if invoice["status"] != "open" or collection.is_processing(account, invoice):
        return show(account, invoice, status=409)
    if not cards.is_card(number):
        return show(account, invoice, alert=checkout.INVALID_CARD, status=422)
    method = cards.create(
        account,
        number=number,
        customer=invoice["customer"],
        email=invoice["customer_email"],
    )
    if collection.collect(account, invoice, method=method) == "requires_payment_method":
        return show(account, invoice, alert=cards.card_of(account, method).message, status=402)
    return _again(request)


async def authenticate(account: Account, invoice: Object, request: Request) -> Response:
    """Take the answer that the customer gave the bank."""
    form = await rendering.form_of(request)
    intent = invoices.intent_of(account, invoice)
    if intent is None or intent["status"] != "requires_action":
        return show(account, invoice, status=409)
    succeeds = form.get("outcome") == "complete"
    status = payments.authenticate(account, intent, succeeds=succeeds)
    collection.conclude(account, invoice, status)
    if status != "succeeded":
        return show(account, invoice, alert=payments.AUTHENTICATION_FAILED, status=402)
    return _again(request)


def _again(request: Request) -> Response:
    return RedirectResponse(f"/i/{request.path_params['key']}", 303)


def _form(account: Account, invoice: Object) -> str:
    intent = invoices.intent_of(account, invoice)
    if invoice["status"] != "open" or intent is None:
        return ""
    path = invoice["hosted_invoice_url"].removeprefix(account.base_url)
    if intent["status"] == "requires_action":
        amount = money(invoice["amount_due"], invoice["currency"])
        action = escape(f"{path}/authenticate")
        return rendering.fill("authenticate", action=action, amount=amount)
    if intent["status"] == "processing":
        return "<p>The payment is on its way.</p>\n"
    card = rendering.fill("card", number="", required=" required")
    return (
        f'<form class="card" method="post" action="{escape(path)}/pay" aria-label="Payment">\n'
        f'{card}<button type="submit">Pay</button>\n</form>\n{checkout.numbers(banks=False)}'
    )
