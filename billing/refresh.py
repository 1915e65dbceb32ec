"""What the clock does: packages are refreshed, lots expire, one-time plans lapse.

It belongs to no request: a worker asks which workspaces are `due` and lets time catch up with each
in a transaction of its own (`catch_up`). Workers pass over what another one has under its lock,
and one that dies leaves nothing half done.

At the end of a paid period the clock grants nothing: a paid invoice does. Of periods that were
missed only the one that holds `now` has its package: those of the others have expired.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, Integer, Uuid, and_, bindparam, func, or_, select, union

from billing import calendar, holding, ledger, packages, reversals, rows
from billing.calendar import Period
from billing.holding import Beginning, Held, PlanTerms
from models.database import Session, Snapshot
from models.ledger import AdjustmentType, CreditLot, LotKind
from models.plan import BillingCycle, Plan, PlanKind
from models.subscription import Checkout, CheckoutKind, CheckoutStatus, Subscription

PAGE = 100
"""The most workspaces that are asked for at once."""


async def due(
    snapshot: Snapshot, *, after: UUID | None = None, limit: int = PAGE, now: datetime
) -> Sequence[UUID]:
    """Return workspaces for which the clock has something to do, in the order of their ids."""
    rows_found = await snapshot.all(_DUE, {"after": after or _FIRST, "page": limit, "due_by": now})
    return [row.workspace_id for row in rows_found]


async def catch_up(session: Session, *, workspace_id: UUID, now: datetime) -> bool:
    """Do what is due in a workspace; False when somebody else is at work there."""
    held = await holding.locked_if_free(session, workspace_id=workspace_id)
    if held is None:
        return False

    await caught_up(session, held, now=now)
    await ledger.expire(session, workspace_id=workspace_id, now=now)
    return True


async def caught_up(session: Session, held: Held, *, now: datetime) -> Held:
    """End what is over of what was held, and grant what is due; return what is held by now.

    Who changes a plan does this first, in case the clock is late. They hold the workspace's lock.
    """
    while _has_lapsed(held, now):
        assert held.period_end is not None
        held = await _follow(session, held, at=held.period_end, now=now)
    return await _refresh(session, held, now=now)


async def begin_free(
    session: Session, *, workspace_id: UUID, at: datetime, is_new: bool = False, now: datetime
) -> Held:
    """Let a workspace hold Free from `at` on, with the package that the catalogue gives it.

    A new workspace is granted Free's credits even where they come only once; such never expire.
    Raises FreePlanMissing.
    """
    free = await holding.free_plan(session)
    period = packages.refresh_period(free, None, start=at, end=None, now=now)
    beginning = Beginning(
        plan=free, billing_cycle=None, period_start=at, period_end=None, refresh=period
    )
    held = await holding.begin(session, workspace_id=workspace_id, beginning=beginning, now=now)
    first = AdjustmentType.FREE_WORKSPACE_GRANT if is_new else AdjustmentType.PACKAGE_RESET
    if period is not None:
        await packages.grant(session, held=held, refresh=period, type_=first, now=now)
    elif is_new:
        await packages.grant_for_good(session, held=held, now=now)
    return held


async def begin_one_time(
    session: Session,
    *,
    workspace_id: UUID,
    plan: PlanTerms,
    at: datetime,
    times: int = 1,
    source: str | None = None,
    now: datetime,
) -> Held:
    """Let a workspace hold a one-time plan from `at` on, for so many `times` its months.

    Its package is granted unless all of that has passed; `source` is its source key where that is
    not the package's own.
    """
    assert plan.period_months is not None
    end = calendar.add_months(at, plan.period_months * times)
    cycle = BillingCycle.ONE_TIME
    period = packages.refresh_period(plan, cycle, start=at, end=end, now=min(now, end))
    beginning = Beginning(
        plan=plan, billing_cycle=cycle, period_start=at, period_end=end, refresh=period
    )
    held = await holding.begin(session, workspace_id=workspace_id, beginning=beginning, now=now)
    assert period is not None
    if period.end > now:
        paid = AdjustmentType.SUBSCRIPTION_RENEWAL
        await packages.grant(session, held=held, refresh=period, type_=paid, source=source, now=now)
    return held


async def end_plan(
    session: Session, held: Held, *, source_key: str, at: datetime, now: datetime
) -> Held:
    """End a plan and begin what follows it: what is left of the plan's own lots expires.

    If nothing of it was ever paid, the plan before it goes on, and brings no package twice.
    """
    before = None if held.refresh else await holding.before(session, held)
    if before is not None:
        resumed = await holding.resume(session, before, instead_of=held, ended_at=at)
        return await caught_up(session, resumed, now=now)
    async with ledger.opened(session, workspace_id=held.workspace_id) as book:
        own = [
            lot.number
            for lot in book.lots
            if lot.kind is LotKind.RECURRING and lot.created_at >= held.created_at
        ]
        book.end(own, source_key=source_key, now=now)
    return await _follow(session, held, at=at, now=now)


async def times_bought(session: Session, held: Held) -> int:
    """Return how often the one-time plan that follows was bought while this one was held."""
    assert held.pending is not None
    bought = await session.execute(
        _TIMES_BOUGHT,
        {
            "of_workspace": held.workspace_id,
            "of_plan": held.pending.plan_id,
            "since": held.created_at,
        },
    )
    times: int = bought.scalar_one()
    return times


def _has_lapsed(held: Held, now: datetime) -> bool:
    return (
        held.billing_cycle is BillingCycle.ONE_TIME
        and held.period_end is not None
        and held.period_end <= now
    )


async def _follow(session: Session, held: Held, *, at: datetime, now: datetime) -> Held:
    """Begin what follows a plan that ends: a one-time plan that was bought to do so, or Free."""
    if held.pending is None or held.pending.billing_cycle is not BillingCycle.ONE_TIME:
        return await begin_free(session, workspace_id=held.workspace_id, at=at, now=now)

    plan = await holding.plan(session, plan_id=held.pending.plan_id)
    return await begin_one_time(
        session,
        workspace_id=held.workspace_id,
        plan=plan,
        at=at,
        times=max(1, await times_bought(session, held)),
        now=now,
    )


async def _refresh(session: Session, held: Held, *, now: datetime) -> Held:
    """Grant the package of the refresh period that holds `now`, inside what is paid.

    Free that did not refresh begins to once the catalogue says so; who had this month's package,
    by whatever grant, has no other.
    """
    if held.refresh is None and not (held.plan.kind is PlanKind.FREE and held.plan.refreshes):
        return held
    if held.refresh is not None and now < held.refresh.end:
        return held
    if held.period_end is not None and held.period_end <= now:
        return held
    period = packages.refresh_period(
        held.plan, held.billing_cycle, start=held.period_start, end=held.period_end, now=now
    )
    if held.refresh is not None and (period is None or period.start < held.refresh.end):
        # The catalogue has changed its mind: this plan does not refresh any more.
        rest = None if period is None else Period(held.refresh.start, period.end)
        await holding.change(session, held, refresh=rest)
        return replace(held, refresh=rest)

    assert period is not None
    await holding.change(session, held, refresh=period)
    await packages.grant(
        session, held=held, refresh=period, type_=AdjustmentType.PACKAGE_RESET, now=now
    )
    await reversals.settle_coming(
        session,
        workspace_id=held.workspace_id,
        source_key=packages.source_key(held, period),
        now=now,
    )
    return replace(held, refresh=period)


_SUBSCRIPTIONS = rows.table(Subscription).c
_LOTS = rows.table(CreditLot).c
_CHECKOUTS = rows.table(Checkout).c
_PLANS = rows.table(Plan).c
_NOW = bindparam("due_by", type_=DateTime(timezone=True))
_AFTER = bindparam("after", type_=Uuid())
_FIRST = UUID(int=0)

_REFRESHES = and_(
    _SUBSCRIPTIONS.refresh_period_end <= _NOW,
    or_(
        _SUBSCRIPTIONS.period_end.is_(None),
        and_(
            _SUBSCRIPTIONS.period_end > _NOW,
            _SUBSCRIPTIONS.refresh_period_end < _SUBSCRIPTIONS.period_end,
        ),
    ),
)
_FREE = select(_PLANS.id).where(_PLANS.kind == PlanKind.FREE, _PLANS.refreshes)
_BEGINS = and_(_SUBSCRIPTIONS.refresh_period_end.is_(None), _SUBSCRIPTIONS.plan_id.in_(_FREE))
_LAPSES = and_(
    _SUBSCRIPTIONS.billing_cycle == BillingCycle.ONE_TIME, _SUBSCRIPTIONS.period_end <= _NOW
)
_DUE = (
    union(
        select(_SUBSCRIPTIONS.workspace_id).where(
            _SUBSCRIPTIONS.ended_at.is_(None),
            _SUBSCRIPTIONS.workspace_id > _AFTER,
            or_(_REFRESHES, _BEGINS, _LAPSES),
        ),
        select(_LOTS.workspace_id).where(
            _LOTS.remaining > 0, _LOTS.expires_at <= _NOW, _LOTS.workspace_id > _AFTER
        ),
    )
    .order_by("workspace_id")
    .limit(bindparam("page", type_=Integer()))
)
_TIMES_BOUGHT = select(func.count()).where(
    _CHECKOUTS.workspace_id == bindparam("of_workspace", type_=Uuid()),
    _CHECKOUTS.kind == CheckoutKind.PLAN,
    _CHECKOUTS.status == CheckoutStatus.COMPLETED,
    _CHECKOUTS.plan_id == bindparam("of_plan"),
    _CHECKOUTS.billing_cycle == BillingCycle.ONE_TIME,
    _CHECKOUTS.completed_at >= bindparam("since", type_=DateTime(timezone=True)),
    _CHECKOUTS.reversed_at.is_(None),
)
