"""What is to come of a subscription at the provider: undone for another choice, and put back.

A schedule changes the price at the end of a period, a cancellation ends it then or at a date; an
update waits for the cardholder. Each call is made once for its claim, whoever goes on with it.
What a switch replaces is kept with its quote: it comes again if the switch is never paid.
"""

from datetime import datetime
from uuid import UUID

from billing import errands, holding, ownership, quotes, settlement
from billing.errands import Errand
from billing.errors import PaymentsRefused
from billing.idempotency import Claim
from billing.payments import Payments, SubscriptionProgress, SubscriptionState
from billing.quotes import NOTHING, Quote
from billing.settlement import Story
from models.database import Database, Session


async def replaced(errand: Errand, state: SubscriptionState) -> str | None:
    """Return what a switch of the subscription replaces, as its quote keeps it."""
    if state.cancels_at is not None:
        return NOTHING
    if state.schedule_id is None:
        return None
    change = await errand.payments.schedule(state.schedule_id)
    return change.price_id if change.is_live else None


async def undone(errand: Errand, claim: Claim, state: SubscriptionState) -> SubscriptionState:
    """Undo what is to come of a subscription; return it as it then is."""
    payments = errand.payments
    state = await released(errand, claim, state)
    if state.cancels_at is None:
        return state

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return found if found.cancels_at is None else None

    return await errands.called(
        errand,
        claim,
        "keep",
        call=lambda key: payments.keep(state.subscription_id, idempotency_key=key),
        happened=happened,
    )


async def released(errand: Errand, claim: Claim, state: SubscriptionState) -> SubscriptionState:
    """Release the subscription's schedule, if it has one; return it as it then is."""
    payments = errand.payments
    schedule_id = state.schedule_id
    if schedule_id is None:
        return state

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return found if found.schedule_id is None else None

    async def release(key: str) -> SubscriptionState:
        await payments.release_schedule(schedule_id, idempotency_key=key)
        return await payments.subscription(state.subscription_id)

    return await errands.called(
        errand, claim, f"release {schedule_id}", call=release, happened=happened
    )


async def without_update(
    errand: Errand, claim: Claim, state: SubscriptionState
) -> SubscriptionState:
    """Give up a switch that waits for its payment, for another choice; return what is then."""
    payments = errand.payments
    if not state.has_pending_update:
        return state

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return None if found.has_pending_update else found

    return await errands.called(
        errand,
        claim,
        f"drop {state.latest_invoice_id}",
        call=lambda key: payments.drop_update(state.subscription_id, idempotency_key=key),
        happened=happened,
    )


async def put_back(errand: Errand, claim: Claim, quote: Quote, *, subscription_id: str) -> None:
    """Let come again what was to come before a switch that is not made.

    A schedule and a cancellation are undone for a switch before it can be declined.
    """
    replaces = quote.replaces
    if replaces is None:
        return
    payments = errand.payments
    state = await payments.subscription(subscription_id)
    if not await _lacks(payments, state, replaces):
        return

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return None if await _lacks(payments, found, replaces) else found

    async def again(key: str) -> SubscriptionState:
        # An attempt that failed half way has left a schedule, which the next one goes on with.
        found = await payments.subscription(state.subscription_id)
        await _call_again(payments, found, replaces, key=key)
        return await payments.subscription(state.subscription_id)

    state = await errands.called(errand, claim, "put back", call=again, happened=happened)
    change = None if state.schedule_id is None else await payments.schedule(state.schedule_id)
    async with errand.database.write() as session:
        story = Story(subscription=state, change=change)
        await settlement.settle_if_clear(session, story, now=errand.now)


async def come_again(
    database: Database,
    payments: Payments,
    state: SubscriptionState,
    *,
    attempt: UUID,
    now: datetime,
) -> bool:
    """Let come again what a switch has replaced that nobody has paid in its time.

    The cardholder was to confirm it, or whoever made it has died. True when the subscription is
    another one now. Each `attempt` looks at the subscription first, under a mark that keeps every
    other switch away. Raises PaymentsUnavailable; and PaymentsRefused once, as what the provider
    does not take, a price that is not sold any more, is given up.
    """
    if state.has_pending_update and state.cancels_at is None and state.schedule_id is None:
        return False
    async with database.write() as session:
        quote = await _unpaid(session, state, now=now)
    if quote is None or quote.replaces is None:
        return False

    comes, may_come_later = False, True
    try:
        found = await payments.subscription(state.subscription_id)
        is_lacking = await _lacks(payments, found, quote.replaces)
        comes = is_lacking and not found.has_pending_update and found.price_id != quote.price_id
        if comes:
            key = f"put back:{quote.id}:{attempt}"
            await _call_again(payments, found, quote.replaces, key=key)
        may_come_later = is_lacking and found.has_pending_update
    except PaymentsRefused:
        may_come_later = False
        raise
    finally:
        async with database.write() as session:
            await quotes.end(session, quote, is_unpaid=may_come_later)
    return comes


async def _unpaid(session: Session, state: SubscriptionState, *, now: datetime) -> Quote | None:
    """Return the quote whose switch has replaced something of the subscription, marked as ours.

    None if there is none, or somebody else is at work by it; one that is made is done with.
    """
    workspace_id = await ownership.owner(session, stripe_id=state.subscription_id)
    if workspace_id is None:
        return None
    if await quotes.replacing(session, workspace_id=workspace_id) is None:
        return None
    await holding.locked(session, workspace_id=workspace_id)
    quote = await quotes.replacing(session, workspace_id=workspace_id)
    if quote is None or quote.subscription_id != state.subscription_id:
        return None
    if await quotes.is_under_way(session, workspace_id=workspace_id, now=now):
        return None
    if state.price_id == quote.price_id:
        await quotes.forget_replaced(session, workspace_id=workspace_id)
        return None
    await quotes.begin(session, quote, replaces=quote.replaces, now=now)
    return quote


async def _lacks(payments: Payments, state: SubscriptionState, replaces: str) -> bool:
    """Tell whether nothing is to come of a subscription, where a switch has replaced something.

    A schedule that changes nothing is one that was begun and not finished.
    """
    if state.progress is SubscriptionProgress.ENDED or state.cancels_at is not None:
        return False
    if state.schedule_id is None:
        return True
    if replaces == NOTHING:
        return False
    change = await payments.schedule(state.schedule_id)
    return not change.is_live or change.price_id in (None, state.price_id)


async def _call_again(
    payments: Payments, state: SubscriptionState, replaces: str, *, key: str
) -> None:
    if replaces == NOTHING:
        await payments.cancel_at_period_end(state.subscription_id, idempotency_key=key)
    else:
        await payments.switch_later(state, price_id=replaces, idempotency_key=key)
