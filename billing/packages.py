"""The credits of a plan: when a package is due, and granting it once, whoever does it.

A paid period is divided into refresh periods, a month each, counted from its start; the last one
ends with it, so that a short month never makes room for another package. Free goes on for ever.
A paid plan that does not refresh brings one package for each period that was paid.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, Text, Uuid, bindparam, func, or_, select

from billing import calendar, ledger, rows
from billing.calendar import Period
from billing.catalog import MONTHS_A_YEAR
from billing.details import Package
from billing.entries import Adjustment, Grant
from billing.holding import Held, PlanTerms
from models.database import Session
from models.ledger import AdjustmentType, CreditAdjustment, LotKind
from models.plan import BillingCycle, CatalogTerm, PlanKind

RENEWAL_GRACE = timedelta(hours=24)
"""How long a package outlives the paid period that it ends with, unless the catalogue says else.

A renewal may come late.
"""


def refresh_period(
    plan: PlanTerms,
    billing_cycle: BillingCycle | None,
    *,
    start: datetime,
    end: datetime | None,
    now: datetime,
) -> Period | None:
    """Return the refresh period that holds `now`, of a plan held from `start` to before `end`.

    The first one before that time and the last one after it; None where no package comes.
    """
    now = max(now, start)
    if end is None:
        return calendar.refresh_period(start, now=now) if plan.refreshes else None
    months = _months(billing_cycle, start, end)
    # A one-time plan that was bought again has been paid more than once until its end.
    each = 1 if plan.refreshes else plan.period_months or months
    last = calendar.add_months(start, (months - 1) // each * each)
    if now >= last:
        return Period(last, end)
    return calendar.refresh_period(start, months=each, now=now)


def refresh_periods(
    plan: PlanTerms, billing_cycle: BillingCycle | None, *, start: datetime, end: datetime
) -> list[Period]:
    """Return the refresh periods of a paid period: each has its package."""
    periods: list[Period] = []
    while not periods or periods[-1].end < end:
        now = periods[-1].end if periods else start
        period = refresh_period(plan, billing_cycle, start=start, end=end, now=now)
        assert period is not None
        periods.append(period)
    return periods


def source_key(held: Held, refresh: Period) -> str:
    """Return the source of the package of a refresh period, whoever grants it."""
    return f"package:{held.id}:{refresh.start.isoformat()}"


async def grant(
    session: Session,
    *,
    held: Held,
    refresh: Period,
    type_: AdjustmentType,
    source: str | None = None,
    now: datetime,
) -> Adjustment | None:
    """Grant the package of a refresh period, unless that is done; None when the plan has none.

    `source` is its source key where it is not its own. A paid renewal ends the periods before it.
    """
    if not held.plan.credits_per_refresh:
        return None

    is_renewal = type_ is AdjustmentType.SUBSCRIPTION_RENEWAL
    package = Grant(
        source_key=source or source_key(held, refresh),
        type=type_,
        credits=held.plan.credits_per_refresh,
        kind=LotKind.RECURRING,
        period_end=refresh.end,
        expires_at=await expires_at(session, held, refresh),
        renews_at=refresh.start if is_renewal else None,
        detail=Package(held.plan.id, held.billing_cycle),
        description=f"{held.plan.name} package",
    )
    return await ledger.grant(session, workspace_id=held.workspace_id, grant=package, now=now)


async def complete(
    session: Session, *, held: Held, refresh: Period, source: str, now: datetime
) -> None:
    """Grant what is missing of the package of a refresh period that began on another plan."""
    key = source_key(held, refresh)
    asked = {"of_workspace": held.workspace_id, "of_package": key, "beginning": f"{key}:"}
    granted = int((await session.execute(_GRANTED, asked)).scalar_one())
    missing = held.plan.credits_per_refresh - granted
    if missing <= 0 or not held.plan.refreshes:
        return

    rest = Grant(
        source_key=_rest_key(held, refresh, source),
        type=AdjustmentType.PACKAGE_RESET,
        credits=missing,
        kind=LotKind.RECURRING,
        period_end=refresh.end,
        expires_at=await expires_at(session, held, refresh),
        detail=Package(held.plan.id, held.billing_cycle),
        description=f"Rest of the {held.plan.name} package",
    )
    await ledger.grant(session, workspace_id=held.workspace_id, grant=rest, now=now)


async def source_keys(
    session: Session, *, held: Held, refreshes: Sequence[Period], source: str
) -> list[str]:
    """Return the sources of what a paid switch adds to packages: its own where it completed one."""
    rests = {_rest_key(held, each, source): each for each in refreshes}
    asked = {"of_workspace": held.workspace_id, "of_rests": [*rests]}
    completed = {row.source_key for row in (await session.execute(_COMPLETED, asked)).all()}
    return [rest if rest in completed else source_key(held, each) for rest, each in rests.items()]


async def grant_for_good(session: Session, *, held: Held, now: datetime) -> None:
    """Grant the credits of a Free plan that does not refresh: they come once and never expire."""
    if not held.plan.credits_per_refresh:
        return

    gift = Grant(
        source_key=f"package:{held.id}:{held.period_start.isoformat()}",
        type=AdjustmentType.FREE_WORKSPACE_GRANT,
        credits=held.plan.credits_per_refresh,
        kind=LotKind.GRANTED,
        detail=Package(held.plan.id, held.billing_cycle),
        description=f"{held.plan.name} package",
    )
    await ledger.grant(session, workspace_id=held.workspace_id, grant=gift, now=now)


async def expires_at(session: Session, held: Held, refresh: Period) -> datetime:
    """Return when the lot of a refresh period expires: with a grace where a renewal follows.

    It never outlives a plan that has ended before.
    """
    if held.ended_at is not None:
        return min(refresh.end, held.ended_at)
    renews = (
        held.plan.kind is PlanKind.RECURRING
        and refresh.end == held.period_end
        and not held.is_cancelled
    )
    return refresh.end + await _grace(session) if renews else refresh.end


def _rest_key(held: Held, refresh: Period, source: str) -> str:
    return f"{source_key(held, refresh)}:{source}"


async def _grace(session: Session) -> timedelta:
    hours = (await session.execute(_GRACE)).scalar_one_or_none()
    return RENEWAL_GRACE if hours is None else timedelta(hours=hours)


def _months(billing_cycle: BillingCycle | None, start: datetime, end: datetime) -> int:
    """Return how many months a paid period has: what its cycle says, if it is that long."""
    whole = (end.year - start.year) * MONTHS_A_YEAR + end.month - start.month
    return max(1, min(whole, _MONTHS.get(billing_cycle, whole)))


_MONTHS: Mapping[BillingCycle | None, int] = {
    BillingCycle.MONTHLY: 1,
    BillingCycle.YEARLY: MONTHS_A_YEAR,
}

_ADJUSTMENTS = rows.table(CreditAdjustment).c
_GRANTED = select(func.coalesce(func.sum(_ADJUSTMENTS.amount), 0)).where(
    _ADJUSTMENTS.workspace_id == bindparam("of_workspace", type_=Uuid()),
    or_(
        _ADJUSTMENTS.source_key == bindparam("of_package", type_=Text()),
        func.starts_with(_ADJUSTMENTS.source_key, bindparam("beginning", type_=Text())),
    ),
)
_COMPLETED = select(_ADJUSTMENTS.source_key).where(
    _ADJUSTMENTS.workspace_id == bindparam("of_workspace", type_=Uuid()),
    _ADJUSTMENTS.source_key == func.any(bindparam("of_rests", type_=ARRAY(Text))),
)
_TERMS = rows.table(CatalogTerm).c
_GRACE = select(_TERMS.value).where(_TERMS.name == "RENEWAL_GRACE_HOURS")
