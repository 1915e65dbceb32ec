"""What is to come of a subscription at the provider: undone for another choice, and put back.

A schedule changes the price at the end of a period, a cancellation ends it then or at a date; an
update waits for the cardholder. Each call is made once for its claim, whoever goes on with it.
"""

from billing import errands, settlement
from billing.errands import Errand
from billing.idempotency import Answer, Claim
from billing.payments import SubscriptionProgress, SubscriptionState

_FOLLOWS = "follows"
"""What a claim keeps of it: the price that a schedule changes to, or `_NOTHING` for an end."""

_NOTHING = ""


async def noted(errand: Errand, state: SubscriptionState) -> Answer:
    """Return what is to come of a subscription, as a claim keeps it."""
    if state.cancels_at is not None:
        return {_FOLLOWS: _NOTHING}
    if state.schedule_id is None:
        return {}
    change = await errand.payments.schedule(state.schedule_id)
    return {_FOLLOWS: change.price_id} if change.is_live and change.price_id else {}


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


async def put_back(errand: Errand, claim: Claim, *, subscription_id: str) -> None:
    """Let come again what was to come before a switch that is not made.

    A schedule and a cancellation are undone for a switch before it can be declined.
    """
    follows = claim.progress.get(_FOLLOWS)
    if follows is None:
        return
    payments = errand.payments
    state = await payments.subscription(subscription_id)
    is_over = state.progress is SubscriptionProgress.ENDED
    if is_over or state.cancels_at is not None or state.schedule_id is not None:
        return

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return found if found.cancels_at is not None or found.schedule_id is not None else None

    async def again(key: str) -> SubscriptionState:
        if follows == _NOTHING:
            return await payments.cancel_at_period_end(state.subscription_id, idempotency_key=key)
        await payments.switch_later(state, price_id=follows, idempotency_key=key)
        return await payments.subscription(state.subscription_id)

    state = await errands.called(errand, claim, "put back", call=again, happened=happened)
    change = None if state.schedule_id is None else await payments.schedule(state.schedule_id)
    async with errand.database.write() as session:
        await settlement.subscription(session, state, change=change, now=errand.now)
