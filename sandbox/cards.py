"""Payment methods: Stripe's test cards and test bank accounts, and how each of them behaves."""

from dataclasses import dataclass
from typing import Literal

from sandbox import blanks, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

Verdict = Literal["succeeded", "requires_action", "processing", "declined"]

EXPIRY_MONTH = 12
EXPIRY_YEAR = 2099
LIST: forms.Shape = forms.PAGE | {"customer": forms.text, "type": forms.text}


@dataclass(frozen=True)
class Card:
    """How a test number behaves.

    `authentication` is asked for on every payment, or unless the card was set up before;
    `refund` is what becomes of a refund: it succeeds, succeeds later, or fails later.
    """

    brand: str = "visa"
    code: str | None = None
    decline_code: str | None = None
    message: str = ""
    authentication: Literal["never", "unless_set_up", "always"] = "never"
    refund: Literal["succeeds", "succeeds_later", "fails_later"] = "succeeds"
    disputed: bool = False


@dataclass(frozen=True)
class Bank:
    """How a test bank account behaves when the money is due."""

    pays: bool
    code: str | None = None
    message: str = ""


_DECLINED = "Your card was declined."
CARDS = {
    "4242424242424242": Card(),
    "5555555555554444": Card(brand="mastercard"),
    "4000000000000002": Card(
        code="card_declined", decline_code="generic_decline", message=_DECLINED
    ),
    "4000000000000341": Card(
        code="card_declined", decline_code="generic_decline", message=_DECLINED
    ),
    "4000000000009995": Card(
        code="card_declined",
        decline_code="insufficient_funds",
        message="Your card has insufficient funds.",
    ),
    "4000000000000069": Card(code="expired_card", message="Your card has expired."),
    "4000002500003155": Card(authentication="unless_set_up"),
    "4000002760003184": Card(authentication="always"),
    "4000000000007726": Card(refund="succeeds_later"),
    "4000000000005126": Card(refund="fails_later"),
    "4000000000000259": Card(disputed=True),
}
REFUSED_WHEN_ATTACHED = ("4000000000000002", "4000000000009995", "4000000000000069")
BANKS = {
    "000123456789": Bank(pays=True),
    "000111111116": Bank(
        pays=False,
        code="payment_method_bank_account_blocked",
        message="The customer's bank account could not be debited.",
    ),
    "000222222227": Bank(
        pays=False,
        code="insufficient_funds",
        message="The customer's account has insufficient funds to cover this payment.",
    ),
}
BANK_TYPES = {"usd": "us_bank_account", "eur": "sepa_debit", "gbp": "bacs_debit"}


def is_card(number: str) -> bool:
    """Tell whether a number is one of the test cards."""
    return number in CARDS


def is_bank(number: str) -> bool:
    """Tell whether a number is one of the test bank accounts."""
    return number in BANKS


def create(
    account: Account, *, number: str, customer: str | None, kind: str = "card", email: str | None
) -> Object:
    """Create the payment method of a test number; attached when there is a customer."""
    method = blanks.new(
        "payment_method",
        id=store.new_id(account, "pm"),
        created=account.now(),
        type=kind,
        **{kind: _card(number) if kind == "card" else _bank(kind, number)},
    )
    method["billing_details"]["email"] = email
    store.add(account, method)
    store.secret(account, method["id"]).update(number=number, set_up=False)
    if customer is not None:
        attach(account, method, customer)
    return method


def attach(account: Account, method: Object, customer: str) -> None:
    """Attach a payment method to a customer."""
    method["customer"] = customer
    events.emit(account, "payment_method.attached", method)


def card_of(account: Account, method: Object) -> Card:
    """Return how a payment method's card behaves."""
    return CARDS[number_of(account, method)]


def bank_of(account: Account, method: Object) -> Bank:
    """Return how a payment method's bank account behaves."""
    return BANKS[number_of(account, method)]


def number_of(account: Account, method: Object) -> str:
    """Return the number that a payment method was made from."""
    return str(store.secret(account, method["id"])["number"])


def set_up(account: Account, method: Object) -> None:
    """Remember that the customer has authenticated a card for later payments."""
    store.secret(account, method["id"])["set_up"] = True


def verdict(account: Account, method: Object, *, authenticated: bool = False) -> Verdict:
    """Return what would become of a payment with this method, now."""
    if method["type"] != "card":
        return "processing"
    card = card_of(account, method)
    if card.code is not None:
        return "declined"
    if card.authentication == "never" or authenticated:
        return "succeeded"
    if card.authentication == "unless_set_up" and store.secret(account, method["id"])["set_up"]:
        return "succeeded"
    return "requires_action"


def retrieve(account: Account, params: Object, payment_method: str) -> Object:
    """Return a payment method."""
    del params
    return store.get(account, "payment_method", payment_method, param="payment_method")


def listing(account: Account, params: Object, customer: str | None = None) -> Object:
    """List the payment methods of a customer, newest first."""
    owner = customer or params.get("customer")
    url = f"/v1/customers/{customer}/payment_methods" if customer else "/v1/payment_methods"
    return lists.page(
        account,
        "payment_method",
        params,
        url,
        matches=lambda method: (
            method["customer"] is not None
            and method["customer"] == (owner or method["customer"])
            and method["type"] == params.get("type", method["type"])
        ),
    )


def _card(number: str) -> Object:
    brand = CARDS[number].brand
    return {
        "brand": brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None}
        | {"cvc_check": "pass"},
        "country": "US",
        "display_brand": brand,
        "exp_month": EXPIRY_MONTH,
        "exp_year": EXPIRY_YEAR,
        "fingerprint": f"sandbox{number[-4:]}",
        "funding": "credit",
        "generated_from": None,
        "last4": number[-4:],
        "networks": {"available": [brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def _bank(kind: str, number: str) -> Object:
    shared: Object = {"fingerprint": f"sandbox{number[-4:]}", "last4": number[-4:]}
    if kind == "us_bank_account":
        return shared | {
            "account_holder_type": "company",
            "account_type": "checking",
            "bank_name": "STRIPE TEST BANK",
            "financial_connections_account": None,
            "networks": {"preferred": "ach", "supported": ["ach"]},
            "routing_number": "110000000",
            "status_details": None,
        }
    if kind == "sepa_debit":
        return shared | {"bank_code": "37040044", "branch_code": "", "country": "DE"}
    return shared | {"sort_code": "108800"}
