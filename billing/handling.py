"""Settling what the inbox holds: an object at a time, as it is now, not as it was told.

An event is a hint. Its object is fetched again and settled in one transaction with its events, so
that a crash anywhere leaves them waiting, and whoever does it again finds what is done.
"""

from dataclasses import dataclass
from datetime import datetime

from billing import events, holding, mirror, pending_changes, purchases, settlement
from billing.clock import Clock, shared_time
from billing.events import Lease, LeaseLost
from billing.payments import CheckoutState, Payments, SubscriptionProgress, SubscriptionState
from billing.settlement import Story, Subject
from billing.unsettled import Purchase, PurchaseRefused
from models.database import Database
from models.stripe import StripeEventStatus


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a lease; with an `error`, nothing was granted."""

    lease: Lease
    status: StripeEventStatus
    error: Exception | None = None


async def run_next(database: Database, payments: Payments, *, clock: Clock) -> Outcome | None:
    """Settle the object whose event is due for the longest; None when nothing is due.

    What goes wrong is kept with the events and returned: the inbox goes on.
    """
    async with database.write() as session:
        lease = await events.claim(session, at=clock.real())
    if lease is None:
        return None
    try:
        try:
            return await _apply(database, payments, lease, clock=clock)
        except PurchaseRefused as refused:
            return await _undo(database, payments, lease, refused, clock=clock)
    except LeaseLost as error:
        return Outcome(lease, StripeEventStatus.PENDING, error)
    except Exception as error:  # noqa: BLE001 - whatever an event fails of, the others are settled
        async with database.write() as session:
            await events.rest(session, lease, error, at=clock.real())
        return Outcome(lease, StripeEventStatus.FAILED, error)


async def _apply(database: Database, payments: Payments, lease: Lease, *, clock: Clock) -> Outcome:
    """Fetch the object, then settle it and its events in one transaction."""
    story = await _fetch(database, payments, lease, clock=clock)
    async with database.write() as session:
        await events.finish(session, lease, StripeEventStatus.DONE, at=clock.real())
        if await settlement.settle(session, story, now=clock.now()) is None:
            foreign = StripeEventStatus.UNAPPLIED
            await events.mark(session, lease, foreign, "It is about no workspace of ours")
            return Outcome(lease, foreign)
    return Outcome(lease, StripeEventStatus.DONE)


async def _fetch(database: Database, payments: Payments, lease: Lease, *, clock: Clock) -> Story:
    """Fetch the object, after what should come again of it does."""
    time = shared_time(database)
    story = await settlement.fetch(payments, lease.subject, lease.object_id, asked_at=await time())
    if story.subscription is not None and await pending_changes.come_again(
        database, payments, story.subscription, attempt=lease.token, now=clock.now()
    ):
        asked_at = await time()
        story = await settlement.fetch(payments, lease.subject, lease.object_id, asked_at=asked_at)
    return story


async def _undo(
    database: Database,
    payments: Payments,
    lease: Lease,
    refused: PurchaseRefused,
    *,
    clock: Clock,
) -> Outcome:
    """Pay back what cannot be honoured, and end it, unless what is in the way has ended.

    Paid back first: as long as it has not ended, who does this again after a crash finds it.
    """
    purchase = refused.purchase
    if purchase.in_the_way is not None:
        asked_at = await shared_time(database)()
        other = await settlement.fetch(
            payments, Subject.SUBSCRIPTION, purchase.in_the_way, asked_at=asked_at
        )
        async with database.write() as session:
            await settlement.settle(session, other, now=clock.now())
        if _is_over(other):
            return await _apply(database, payments, lease, clock=clock)

    await _pay_back(database, payments, lease, purchase, clock=clock)
    async with database.write() as session:
        unapplied = StripeEventStatus.UNAPPLIED
        await events.finish(session, lease, unapplied, at=clock.real())
        await events.mark(session, lease, unapplied, f"{refused}: ended and paid back")
    return Outcome(lease, unapplied, refused)


async def _pay_back(
    database: Database, payments: Payments, lease: Lease, purchase: Purchase, *, clock: Clock
) -> None:
    """Note the refusal, pay back, end. Another attempt has other keys: each step is harmless."""
    page = state = None
    if lease.subject is Subject.CHECKOUT:
        page = await payments.checkout(lease.object_id)
    if purchase.subscription_id is not None:
        state = await payments.subscription(purchase.subscription_id)
    await _note(database, purchase, page, state, now=clock.now())

    if purchase.invoice_id is not None:
        key = f"undo:{purchase.invoice_id}:{lease.attempts}"
        await payments.refund_invoice(purchase.invoice_id, idempotency_key=key)
    if purchase.payment_id is not None:
        key = f"undo:{purchase.payment_id}:{lease.attempts}"
        await payments.refund(purchase.payment_id, idempotency_key=key)
    if purchase.subscription_id is not None:
        key = f"undo:{purchase.subscription_id}:{lease.attempts}"
        await payments.cancel_now(purchase.subscription_id, idempotency_key=key)


async def _note(
    database: Database,
    purchase: Purchase,
    page: CheckoutState | None,
    state: SubscriptionState | None,
    *,
    now: datetime,
) -> None:
    """Note that a purchase is never honoured, so that it is not when nothing is in its way."""
    async with database.write() as session:
        live = await holding.locked(session, workspace_id=purchase.workspace_id)
        if state is not None:
            await mirror.refuse(session, live, state, now=now)
        if page is not None:
            await purchases.refuse(session, live, page, now=now)


def _is_over(story: Story) -> bool:
    state = story.subscription
    return state is not None and state.progress is SubscriptionProgress.ENDED
