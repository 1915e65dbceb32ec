"""Disputes: a customer's bank takes the money back; the dispute is won or lost."""

from typing import Literal

from sandbox import blanks, errors, events, forms, lists, store
from sandbox.errors import Object
from sandbox.store import Account

EVIDENCE_SECONDS = 7 * 24 * 3600
LIST: forms.Shape = forms.PAGE | {
    "charge": forms.text,
    "created": forms.MOMENT,
    "payment_intent": forms.text,
}


def open_dispute(account: Account, charge: Object) -> Object:
    """Dispute a charge: what is left of it is withdrawn at once."""
    if charge["disputed"] or charge["status"] != "succeeded":
        message = f"The charge {charge['id']} cannot be disputed."
        raise errors.invalid_request(message)
    now = account.now()
    dispute = blanks.new(
        "dispute",
        id=store.new_id(account, "du"),
        amount=charge["amount"] - charge["amount_refunded"],
        charge=charge["id"],
        created=now,
        currency=charge["currency"],
        evidence_details={
            "due_by": now + EVIDENCE_SECONDS,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        payment_intent=charge["payment_intent"],
    )
    card = charge["payment_method_details"].get("card")
    if card is not None:
        dispute["payment_method_details"] = {
            "card": {"brand": card["brand"], "case_type": "chargeback"}
            | {"network": card["network"], "network_reason_code": "10.4"},
            "type": "card",
        }
    store.add(account, dispute)
    with events.change(account, charge, "charge.updated"):
        charge["disputed"] = True
    events.emit(account, "charge.dispute.created", dispute)
    _move(account, dispute, -dispute["amount"])
    events.emit(account, "charge.dispute.funds_withdrawn", dispute)
    return dispute


def close(account: Account, dispute: Object, outcome: Literal["won", "lost"]) -> None:
    """Decide a dispute: if it is won, the money comes back."""
    if dispute["status"] in ("won", "lost"):
        raise errors.invalid_request(f"The dispute {dispute['id']} is {dispute['status']}.")
    dispute["status"] = outcome
    if outcome == "won":
        _move(account, dispute, dispute["amount"])
        events.emit(account, "charge.dispute.funds_reinstated", dispute)
    events.emit(account, "charge.dispute.closed", dispute)


def listing(account: Account, params: Object) -> Object:
    """List disputes, newest first."""

    def matches(dispute: Object) -> bool:
        names = ("charge", "payment_intent")
        return all(dispute[name] == params[name] for name in names if name in params)

    return lists.page(account, "dispute", params, "/v1/disputes", matches=matches)


def retrieve(account: Account, params: Object, dispute: str) -> Object:
    """Return a dispute."""
    del params
    return store.get(account, "dispute", dispute)


def _move(account: Account, dispute: Object, amount: int) -> None:
    transaction = blanks.new(
        "balance_transaction",
        id=store.new_id(account, "txn"),
        amount=amount,
        available_on=account.now(),
        created=account.now(),
        currency=dispute["currency"],
        description=f"Chargeback {'withdrawal' if amount < 0 else 'reversal'}",
        net=amount,
        source=dispute["id"],
    )
    dispute["balance_transactions"].append(transaction)
