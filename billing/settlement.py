"""What the provider's objects mean for a workspace: one function for webhooks and mutations.

`fetch` asks the provider for an object and for those that tell what it means, outside of any
transaction; `settle` writes what follows from them, in one. It is done once whoever does it, and
however often: the ledger knows its sources, and what is mirrored is never overwritten by a fetch
that began earlier. `checkout` and `subscription` settle what a caller has in hand.
"""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from billing import holding, invoices, mirror, one_time, ownership, purchases, reversals
from billing.brought import Brings
from billing.holding import Held
from billing.payments import (
    CheckoutState,
    InvoiceState,
    Payments,
    PaymentState,
    ScheduledChange,
    SubscriptionState,
)
from billing.unsettled import SubscriptionUnknown, Unsettled
from models.database import Session


class Subject(StrEnum):
    """The kinds of objects whose state is settled."""

    CHECKOUT = "CHECKOUT"
    SUBSCRIPTION = "SUBSCRIPTION"
    INVOICE = "INVOICE"
    PAYMENT = "PAYMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the provider has said of an object, and of others that tell what it means.

    `object_id` and `asked_at`, when the asking began, make that of a later asking prevail. Of a
    payment the reversals are settled if it is the object.
    """

    checkout: CheckoutState | None = None
    subscription: SubscriptionState | None = None
    change: ScheduledChange | None = None
    invoice: InvoiceState | None = None
    payment: PaymentState | None = None
    object_id: str | None = None
    asked_at: datetime | None = None


async def checkout(session: Session, state: CheckoutState, *, now: datetime) -> UUID | None:
    """Settle a checkout page; raises what `settle` raises."""
    return await settle(session, Story(checkout=state), now=now)


async def subscription(
    session: Session,
    state: SubscriptionState,
    *,
    change: ScheduledChange | None = None,
    now: datetime,
) -> UUID | None:
    """Settle a subscription; without the `change` of its schedule, what that does stays unknown.

    Raises what `settle` raises.
    """
    return await settle(session, Story(subscription=state, change=change), now=now)


async def fetch(
    payments: Payments, subject: Subject, object_id: str, *, asked_at: datetime
) -> Story:
    """Ask the provider for an object and what belongs to it.

    Raises PaymentsUnavailable and PaymentsRefused.
    """
    match subject:
        case Subject.CHECKOUT:
            return await _checkout_story(payments, object_id, asked_at=asked_at)
        case Subject.SUBSCRIPTION:
            state, change = await _subscription(payments, object_id)
            return Story(subscription=state, change=change, object_id=object_id, asked_at=asked_at)
        case Subject.INVOICE:
            billed = await payments.invoice(object_id)
            state, change = await _subscription(payments, billed.subscription_id)
            return Story(
                invoice=billed,
                subscription=state,
                change=change,
                object_id=object_id,
                asked_at=asked_at,
            )
        case Subject.PAYMENT:
            return await _payment_story(payments, object_id, asked_at=asked_at)


async def settle(session: Session, story: Story, *, now: datetime) -> UUID | None:
    """Write what follows from a story; return the workspace, None if it is about none of ours.

    Raises Unsettled: nothing may be committed then.
    """
    workspace_id = await ownership.claim(
        session, stripe_ids=_ids(story), hints=_hints(story), now=now
    )
    if workspace_id is None:
        return None
    if story.object_id is not None and story.asked_at is not None:
        is_newer = await ownership.is_newer(
            session, stripe_id=story.object_id, fetched_at=story.asked_at
        )
        if not is_newer:
            return workspace_id

    held = await holding.locked(session, workspace_id=workspace_id)
    for customer_id in _customers(story):
        await mirror.link_customer(session, workspace_id=workspace_id, customer_id=customer_id)
    brings: Brings = {}
    if story.checkout is not None:
        receipt_url = None if story.payment is None else story.payment.receipt_url
        brings = await purchases.settle(
            session, held, story.checkout, receipt_url=receipt_url, now=now
        )
    if story.subscription is not None:
        brings = await _settle_subscription(session, held, story, now=now) or brings
    elif story.invoice is not None and story.invoice.subscription_id is not None:
        brings = await _settle_invoice(session, held, story.invoice, now=now)
    if story.payment is not None and story.payment.payment_id == story.object_id:
        await reversals.settle(
            session,
            workspace_id=workspace_id,
            payment=story.payment,
            brings=brings,
            now=now,
        )
        if story.checkout is not None:
            held = await holding.locked(session, workspace_id=workspace_id)
            await one_time.settle_reversal(session, held, story.checkout, story.payment, now=now)
    return workspace_id


async def settle_if_clear(session: Session, story: Story, *, now: datetime) -> None:
    """Settle the story of a change that the provider has made, or else write nothing of it.

    The change is made, whatever it means: the provider's own notice of it stays visible then.
    """
    with suppress(Unsettled):
        async with session.begin_nested():
            await settle(session, story, now=now)


async def _checkout_story(payments: Payments, session_id: str, *, asked_at: datetime) -> Story:
    page = await payments.checkout(session_id)
    state, change = await _subscription(payments, page.subscription_id)
    return Story(
        checkout=page,
        subscription=state,
        change=change,
        payment=None if page.payment_id is None else await payments.payment(page.payment_id),
        object_id=session_id,
        asked_at=asked_at,
    )


async def _payment_story(payments: Payments, payment_id: str, *, asked_at: datetime) -> Story:
    """Tell of a payment, and of what it was for: that is settled before what went back."""
    paid = await payments.payment(payment_id)
    page = billed = state = change = None
    if paid.invoice_id is None:
        page = await payments.checkout_of_payment(payment_id)
    else:
        billed = await payments.invoice(paid.invoice_id)
        state, change = await _subscription(payments, billed.subscription_id)
    return Story(
        checkout=page,
        subscription=state,
        change=change,
        invoice=billed,
        payment=paid,
        object_id=payment_id,
        asked_at=asked_at,
    )


async def _subscription(
    payments: Payments, subscription_id: str | None
) -> tuple[SubscriptionState | None, ScheduledChange | None]:
    """Return a subscription and what its schedule changes."""
    if subscription_id is None:
        return None, None
    state = await payments.subscription(subscription_id)
    if state.schedule_id is None:
        return state, None
    return state, await payments.schedule(state.schedule_id)


async def _settle_subscription(
    session: Session, live: Held, story: Story, *, now: datetime
) -> Brings:
    """Settle a subscription, and the invoice of it that is told of; return what that brings."""
    state = story.subscription
    assert state is not None
    held = await mirror.held_by(session, live, state, now=now)
    is_paid = story.invoice is not None and story.invoice.is_paid
    if held is None:
        if is_paid:
            raise SubscriptionUnknown(state.subscription_id)
        return {}
    if held.was_refused and story.checkout is not None:
        raise mirror.refused(live, state)
    brings: Brings = {}
    if story.invoice is not None and is_paid:
        follows = await mirror.pending(session, held, state, change=story.change)
        brings = await invoices.settle(session, held, story.invoice, pending=follows, now=now)
        held = await holding.of_subscription(
            session,
            workspace_id=live.workspace_id,
            stripe_subscription_id=state.subscription_id,
        )
        assert held is not None
    await mirror.reflect(session, held, state, change=story.change, now=now)
    return brings


async def _settle_invoice(
    session: Session, live: Held, state: InvoiceState, *, now: datetime
) -> Brings:
    """Settle an invoice of a subscription that is held already. Raises SubscriptionUnknown."""
    assert state.subscription_id is not None
    held = await holding.of_subscription(
        session,
        workspace_id=live.workspace_id,
        stripe_subscription_id=state.subscription_id,
    )
    if held is None:
        raise SubscriptionUnknown(state.subscription_id)
    if not state.is_paid:
        return {}
    return await invoices.settle(session, held, state, pending=held.pending, now=now)


def _ids(story: Story) -> Iterable[str | None]:
    """Yield every object that is told of: all of them are one workspace's."""
    yield story.object_id
    yield from _customers(story)
    if story.checkout is not None:
        yield story.checkout.session_id
        yield story.checkout.subscription_id
        yield story.checkout.payment_id
    if story.subscription is not None:
        yield story.subscription.subscription_id
    if story.invoice is not None:
        yield story.invoice.invoice_id
        yield story.invoice.subscription_id
    if story.payment is not None:
        yield story.payment.payment_id


def _hints(story: Story) -> Iterable[UUID | None]:
    told = (story.checkout, story.subscription, story.invoice, story.payment)
    return (state.workspace_id for state in told if state is not None)


def _customers(story: Story) -> Iterable[str]:
    told = (story.checkout, story.subscription, story.invoice, story.payment)
    found = (state.customer_id for state in told if state is not None)
    return sorted({customer_id for customer_id in found if customer_id is not None})
