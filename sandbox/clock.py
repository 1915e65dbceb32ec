"""The clock: one for the whole account, and everything that is due when it moves."""

import heapq
from collections.abc import Callable

from sandbox import (
    blanks,
    cards,
    checkout,
    disputes,
    errors,
    events,
    forms,
    lists,
    refunds,
    renewals,
    schedules,
    settlement,
    store,
    subscriptions,
)
from sandbox.errors import Object
from sandbox.store import Account

KIND = "test_helpers.test_clock"
LIFETIME_SECONDS = 30 * 24 * 3600

CREATE: forms.Shape = forms.EXPAND | {
    "frozen_time": forms.Required(forms.integer),
    "name": forms.text,
}
ADVANCE: forms.Shape = forms.EXPAND | {"frozen_time": forms.Required(forms.integer)}


def create(account: Account, params: Object) -> Object:
    """Create a test clock: it sets the time of the whole sandbox, which has only one.

    Time may go back only as long as there is nothing whose time could be missed.
    """
    at = params["frozen_time"]
    if at < account.now() and account.jobs:
        message = "The sandbox has one clock, and something is due on it: it only moves ahead."
        raise errors.invalid_request(message, param="frozen_time")

    move(account, at)
    clock = blanks.new(
        KIND,
        id=store.new_id(account, "clock"),
        created=at,
        deletes_after=at + LIFETIME_SECONDS,
        frozen_time=at,
        name=params.get("name"),
    )
    store.add(account, clock)
    events.emit(account, f"{KIND}.created", clock)
    return clock


def advance(account: Account, params: Object, test_clock: str) -> Object:
    """Move the time of the sandbox ahead and do everything that falls due, in order."""
    clock = store.get(account, KIND, test_clock)
    if params["frozen_time"] <= account.now():
        message = "The time to advance to must be later than the time of the sandbox."
        raise errors.invalid_request(message, param="frozen_time")

    move(account, params["frozen_time"])
    clock["frozen_time"] = params["frozen_time"]
    events.emit(account, f"{KIND}.ready", clock)
    return clock


def retrieve(account: Account, params: Object, test_clock: str) -> Object:
    """Return a test clock."""
    del params
    return store.get(account, KIND, test_clock)


def listing(account: Account, params: Object) -> Object:
    """List test clocks, newest first."""
    return lists.page(account, KIND, params, "/v1/test_helpers/test_clocks")


def move(account: Account, at: int) -> None:
    """Set the time, having done what falls due until then; a frozen clock stays frozen."""
    catch_up(account, until=at)
    if account.frozen_at is not None:
        account.frozen_at = at
        return
    account.offset_seconds = 0
    account.offset_seconds = at - account.now()


def freeze(account: Account, *, frozen: bool) -> None:
    """Stop the time, or let it flow on from where it stopped."""
    now = account.now()
    account.frozen_at = now if frozen else None
    if not frozen:
        account.offset_seconds = 0
        account.offset_seconds = now - account.now()


def catch_up(account: Account, *, until: int | None = None) -> None:
    """Do what is due, each thing at its own time."""
    limit = account.now() if until is None else until
    kept = account.frozen_at
    try:
        while account.jobs and account.jobs[0][0] <= limit:
            at, _, kind, name = heapq.heappop(account.jobs)
            account.frozen_at = at
            _JOBS[kind](account, name)
    finally:
        account.frozen_at = kept


def _expire_session(account: Account, name: str) -> None:
    session = store.get(account, "checkout.session", name)
    if session["status"] == "open":
        checkout.close(account, session)


def _settle_payment(account: Account, name: str) -> None:
    intent = store.get(account, "payment_intent", name)
    if intent["status"] == "processing":
        method = store.get(account, "payment_method", intent["payment_method"])
        settlement.settle(account, intent, succeeds=cards.bank_of(account, method).pays)


def _end_period(account: Account, name: str) -> None:
    renewals.end_period(account, store.get(account, "subscription", name))


def _end_schedule(account: Account, name: str) -> None:
    schedules.end_if_due(account, store.get(account, "subscription_schedule", name))


def _cancel(account: Account, name: str) -> None:
    renewals.end_if_due(account, store.get(account, "subscription", name))


def _finalize_invoice(account: Account, name: str) -> None:
    renewals.finalize(account, store.get(account, "invoice", name))


def _retry_invoice(account: Account, name: str) -> None:
    renewals.retry(account, store.get(account, "invoice", name))


def _expire_update(account: Account, name: str) -> None:
    subscription = store.get(account, "subscription", name)
    pending = subscription["pending_update"]
    if pending is not None and pending["expires_at"] == account.now():
        subscriptions.drop_pending_update(account, subscription)


def _settle_refund(account: Account, name: str) -> None:
    refunds.conclude(account, store.get(account, "refund", name))


def _dispute(account: Account, name: str) -> None:
    disputes.open_dispute(account, store.get(account, "charge", name))


_JOBS: dict[str, Callable[[Account, str], None]] = {
    "cancel": _cancel,
    "dispute": _dispute,
    "end_period": _end_period,
    "end_schedule": _end_schedule,
    "expire_session": _expire_session,
    "expire_update": _expire_update,
    "finalize_invoice": _finalize_invoice,
    "retry_invoice": _retry_invoice,
    "settle_payment": _settle_payment,
    "settle_refund": _settle_refund,
}
