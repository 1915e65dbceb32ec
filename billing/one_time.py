"""One-time plans: what a payment begins or extends, and what goes when all of it goes back.

Whoever buys such a plan again has its months after those that they have; another one-time plan
follows the one that is held. A refund or a dispute of the whole payment takes its months away,
since there is no subscription that could be cancelled instead; one that is undone gives them again.
"""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import update

from billing import holding, prices, referrals, refresh, rows
from billing.calendar import add_months
from billing.catalog import MONTHS_A_YEAR
from billing.details import ReferralStage
from billing.holding import Held, Pending, PlanTerms
from billing.payments import CheckoutMode, CheckoutState, PaymentState
from billing.unsettled import Purchase, PurchaseRefused
from models.database import Session
from models.plan import BillingCycle, PlanKind
from models.subscription import Checkout, CheckoutKind, CheckoutStatus


async def begin(session: Session, held: Held, state: CheckoutState, *, now: datetime) -> None:
    """Begin a one-time plan, extend the one that is held, or let it follow another one.

    What is held may be over before the clock has noticed, and something else may follow it.
    Raises PriceUnknown and PurchaseRefused.
    """
    plan, _ = await prices.plan(session, state.price_id)
    held = await refresh.caught_up(session, held, now=now)
    if held.plan.kind is PlanKind.RECURRING:
        raise _refused(held, state, f"{held.plan.name} has not ended")
    if held.plan.kind is PlanKind.FREE:
        await refresh.begin_one_time(
            session,
            workspace_id=held.workspace_id,
            plan=plan,
            at=now,
            source=f"checkout:{state.session_id}",
            now=now,
        )
    elif held.pending is None or plan.id == held.plan.id or _follows(held, plan):
        await _add(session, held, plan)
    else:
        raise _refused(held, state, f"another plan follows {held.plan.name} already")
    if state.paid.amount_minor:
        await referrals.enqueue(
            session,
            workspace_id=held.workspace_id,
            stage=ReferralStage.FIRST_PAID_PLAN,
            now=now,
        )


async def settle_reversal(
    session: Session, held: Held, state: CheckoutState, payment: PaymentState, *, now: datetime
) -> None:
    """Take the months of a payment away once all of it has gone back, or give them again.

    Raises PriceUnknown.
    """
    if state.mode is not CheckoutMode.PAYMENT or payment.paid_minor == 0:
        return
    is_reversed = payment.refunded_minor + payment.disputed_minor >= payment.paid_minor
    bought_at = await _mark(session, held, state, reversed_at=now if is_reversed else None)
    if bought_at is None:
        return
    plan, _ = await prices.plan(session, state.price_id)
    held = await refresh.caught_up(session, held, now=now)
    if is_reversed:
        await _take(session, held, plan, state, bought_at=bought_at, now=now)
    else:
        await _give_again(session, held, plan, bought_at=bought_at, now=now)


async def _mark(
    session: Session, held: Held, state: CheckoutState, *, reversed_at: datetime | None
) -> datetime | None:
    """Note whether the payment of a plan has gone back; return when it was made, None if known."""
    was_reversed = _C.reversed_at.is_not(None)
    marked = await session.execute(
        update(_CHECKOUTS)
        .where(
            _C.workspace_id == held.workspace_id,
            _C.stripe_session_id == state.session_id,
            _C.kind == CheckoutKind.PLAN,
            _C.status == CheckoutStatus.COMPLETED,
            was_reversed if reversed_at is None else ~was_reversed,
        )
        .values(reversed_at=reversed_at)
        .returning(_C.completed_at)
    )
    bought_at: datetime | None = marked.scalar_one_or_none()
    return bought_at


async def _add(session: Session, held: Held, plan: PlanTerms) -> None:
    """Add a plan's months to a one-time plan that is held, or let the plan follow it."""
    assert held.period_end is not None
    if plan.id == held.plan.id:
        await _last_until(session, held, _end(held, more_months=_months(plan)))
        return
    following = Pending(plan_id=plan.id, billing_cycle=BillingCycle.ONE_TIME, at=held.period_end)
    await holding.change(session, held, pending=following)


async def _take(
    session: Session,
    held: Held,
    plan: PlanTerms,
    state: CheckoutState,
    *,
    bought_at: datetime,
    now: datetime,
) -> None:
    """Take a plan's months from what is held or follows; of what is over there is nothing left."""
    if await _is_of(session, held, plan, bought_at=bought_at):
        end = _end(held, more_months=-_months(plan))
        if end > now:
            await _last_until(session, held, end)
            return
        source_key = f"checkout_end:{state.session_id}:{now.isoformat()}"
        await refresh.end_plan(session, held, source_key=source_key, at=now, now=now)
    elif _follows(held, plan) and not await refresh.times_bought(session, held):
        await holding.change(session, held, pending=None)


async def _give_again(
    session: Session, held: Held, plan: PlanTerms, *, bought_at: datetime, now: datetime
) -> None:
    """Let a plan last as long as before, or go on; beside another plan there is no place for it."""
    if await _is_of(session, held, plan, bought_at=bought_at):
        await _last_until(session, held, _end(held, more_months=_months(plan)))
    elif held.plan.kind is PlanKind.ONE_TIME:
        if held.pending is None and bought_at >= held.created_at:
            await _add(session, held, plan)
    elif held.plan.kind is PlanKind.FREE:
        before = await holding.before(session, held)
        if before is not None and await _is_of(session, before, plan, bought_at=bought_at):
            resumed = await holding.resume(session, before, instead_of=held, ended_at=now)
            await refresh.caught_up(session, resumed, now=now)


async def _is_of(session: Session, held: Held, plan: PlanTerms, *, bought_at: datetime) -> bool:
    """Whether what was bought began or extended what is held, and not an earlier time of it."""
    if plan.id != held.plan.id:
        return False
    if bought_at >= held.created_at:
        return True
    before = await holding.before(session, held)
    return (
        before is not None
        and before.plan.kind is PlanKind.ONE_TIME
        and before.plan.id != plan.id
        and bought_at >= before.created_at
    )


async def _last_until(session: Session, held: Held, end: datetime) -> None:
    """Let a one-time plan last until then, and what follows it follow then."""
    following = held.pending and replace(held.pending, at=end)
    await holding.change(session, held, period_end=end, pending=following)


def _end(held: Held, *, more_months: int) -> datetime:
    """Return when a one-time plan ends with more months or less, counted from its start."""
    assert held.period_end is not None
    start, end = held.period_start, held.period_end
    months = (end.year - start.year) * MONTHS_A_YEAR + end.month - start.month
    return add_months(start, months + more_months)


def _months(plan: PlanTerms) -> int:
    assert plan.period_months is not None
    return plan.period_months


def _follows(held: Held, plan: PlanTerms) -> bool:
    return held.pending is not None and held.pending.plan_id == plan.id


def _refused(held: Held, state: CheckoutState, reason: str) -> PurchaseRefused:
    purchase = Purchase(
        workspace_id=held.workspace_id,
        in_the_way=held.stripe_subscription_id,
        payment_id=state.payment_id,
    )
    return PurchaseRefused(purchase, f"{state.session_id} buys what cannot begin: {reason}")


_CHECKOUTS = rows.table(Checkout)
_C = _CHECKOUTS.c
