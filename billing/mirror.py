"""The provider's subscription as the plan that a workspace holds.

What is mirrored is the plan, whether it is paid, and what is to come. Not the period: the provider
moves that on before the renewal is paid, and ours is what is paid, which an invoice says.
A fetch that began before the one that was mirrored last changes nothing.
"""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import update

from billing import holding, prices, refresh, rows
from billing.holding import Beginning, Held, Pending
from billing.payments import ScheduledChange, SubscriptionProgress, SubscriptionState
from billing.unsettled import Purchase, PurchaseRefused
from models.database import Session
from models.subscription import SubscriptionStatus
from models.workspace import Workspace

STATUSES = {
    SubscriptionProgress.INCOMPLETE: SubscriptionStatus.PAST_DUE,
    SubscriptionProgress.ACTIVE: SubscriptionStatus.ACTIVE,
    SubscriptionProgress.PAST_DUE: SubscriptionStatus.PAST_DUE,
}
"""What the status of a subscription is called here."""


async def link_customer(session: Session, *, workspace_id: UUID, customer_id: str) -> None:
    """Remember who a workspace is to the provider, if that is not known yet."""
    await session.execute(
        update(_WORKSPACES)
        .where(_WORKSPACES.c.id == workspace_id, _WORKSPACES.c.stripe_customer_id.is_(None))
        .values(stripe_customer_id=customer_id)
    )


async def held_by(
    session: Session, live: Held, state: SubscriptionState, *, now: datetime
) -> Held | None:
    """Return what is held by a subscription, begun now if it is new; None before it is paid.

    `live` is what the workspace holds, under its lock. Raises PriceUnknown, and PurchaseRefused
    for a subscription beside another one that is live.
    """
    if live.stripe_subscription_id == state.subscription_id:
        return live
    known = await holding.of_subscription(
        session,
        workspace_id=live.workspace_id,
        stripe_subscription_id=state.subscription_id,
    )
    is_over = state.progress is SubscriptionProgress.ENDED
    if known is None and state.progress is SubscriptionProgress.INCOMPLETE:
        return None
    if known is not None and (is_over or not known.was_refused):
        return known
    is_second = known is not None or live.stripe_subscription_id is not None
    if is_second and not is_over:
        raise refused(live, state)

    beginning = await _beginning(session, state)
    if not is_second:
        return await holding.begin(
            session, workspace_id=live.workspace_id, beginning=beginning, now=now
        )
    return await holding.add_ended(
        session,
        workspace_id=live.workspace_id,
        beginning=beginning,
        ended_at=max(state.ended_at or now, state.period_start + _INSTANT),
        now=now,
    )


def refused(live: Held, state: SubscriptionState) -> PurchaseRefused:
    """Return that a subscription is a second one, which is not held."""
    purchase = Purchase(
        workspace_id=live.workspace_id,
        in_the_way=live.stripe_subscription_id,
        subscription_id=state.subscription_id,
        invoice_id=state.latest_invoice_id,
    )
    return PurchaseRefused(purchase, f"{state.subscription_id} is a second subscription")


async def refuse(session: Session, live: Held, state: SubscriptionState, *, now: datetime) -> None:
    """Note that a second subscription is never held, whatever becomes of it at the provider.

    Raises PriceUnknown.
    """
    known = await holding.of_subscription(
        session,
        workspace_id=live.workspace_id,
        stripe_subscription_id=state.subscription_id,
    )
    if known is None:
        await holding.add_ended(
            session,
            workspace_id=live.workspace_id,
            beginning=await _beginning(session, state),
            ended_at=state.period_start,
            now=now,
        )


async def reflect(
    session: Session,
    held: Held,
    state: SubscriptionState,
    *,
    change: ScheduledChange | None,
    now: datetime,
) -> None:
    """Write a subscription's state to what is held by it, unless a newer one is there.

    `change` is what its schedule does; without it, what is to come by a schedule stays as it is.
    Raises PriceUnknown.
    """
    is_old = held.mirrored_at is not None and state.fetched_at <= held.mirrored_at
    if is_old or held.ended_at is not None:
        return
    if state.progress is SubscriptionProgress.ENDED:
        await holding.change(session, held, mirrored_at=state.fetched_at)
        await refresh.end_plan(
            session,
            held,
            source_key=f"sub_end:{state.subscription_id}",
            at=max(state.ended_at or now, held.period_start + _INSTANT),
            now=now,
        )
        return

    plan, billing_cycle = await prices.plan(session, state.price_id)
    await holding.change(
        session,
        held,
        plan_id=plan.id,
        billing_cycle=billing_cycle,
        status=STATUSES[state.progress],
        stripe_schedule_id=state.schedule_id,
        pending=await pending(session, held, state, change=change),
        mirrored_at=state.fetched_at,
    )


async def pending(
    session: Session,
    held: Held,
    state: SubscriptionState,
    *,
    change: ScheduledChange | None,
) -> Pending | None:
    """Return what follows the plan that a subscription is for. Raises PriceUnknown."""
    if state.cancels_at is not None:
        free = await holding.free_plan(session)
        return Pending(plan_id=free.id, billing_cycle=None, at=state.cancels_at)
    if state.schedule_id is None:
        return None
    if change is None:
        return None if held.is_cancelled else held.pending
    if not change.is_live or change.starts_at is None or change.price_id == state.price_id:
        return None
    plan, billing_cycle = await prices.plan(session, change.price_id)
    return Pending(plan_id=plan.id, billing_cycle=billing_cycle, at=change.starts_at)


async def _beginning(session: Session, state: SubscriptionState) -> Beginning:
    """Return the plan that a subscription begins; nothing of it is known to be paid."""
    plan, billing_cycle = await prices.plan(session, state.price_id)
    return Beginning(
        plan=plan,
        billing_cycle=billing_cycle,
        period_start=state.period_start,
        period_end=state.period_end,
        refresh=None,
        stripe_subscription_id=state.subscription_id,
    )


_INSTANT = timedelta(microseconds=1)

_WORKSPACES = rows.table(Workspace)
