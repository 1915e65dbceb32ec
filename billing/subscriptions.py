"""The plan that a workspace holds: reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import select

from billing.catalog import PlanOffer
from models.database import Snapshot
from models.plan import BillingCycle, PlanKind
from models.subscription import Subscription, SubscriptionStatus


@dataclass(frozen=True, slots=True)
class PendingChange:
    """A plan change that takes effect at a later time; no cycle when the plan is Free."""

    plan_id: str
    billing_cycle: BillingCycle | None
    effective_at: datetime


@dataclass(frozen=True, slots=True)
class LiveSubscription:
    """The plan that a workspace holds now, Free included; periods are half-open."""

    workspace_id: UUID
    plan_id: str
    billing_cycle: BillingCycle | None
    status: SubscriptionStatus
    period_start: datetime
    period_end: datetime | None
    refresh_period_end: datetime | None
    pending: PendingChange | None


@dataclass(frozen=True, slots=True)
class Refresh:
    """The next package of recurring credits: how many, and when."""

    at: datetime
    amount: int


async def live(
    snapshot: Snapshot, *, workspace_ids: Sequence[UUID]
) -> dict[UUID, LiveSubscription]:
    """Return the live subscription of each workspace, by workspace id."""
    rows = await snapshot.all(_LIVE.where(Subscription.workspace_id.in_(workspace_ids)))
    return {
        row.workspace_id: LiveSubscription(
            workspace_id=row.workspace_id,
            plan_id=row.plan_id,
            billing_cycle=row.billing_cycle,
            status=row.status,
            period_start=row.period_start,
            period_end=row.period_end,
            refresh_period_end=row.refresh_period_end,
            pending=None
            if row.pending_at is None
            else PendingChange(row.pending_plan_id, row.pending_billing_cycle, row.pending_at),
        )
        for row in rows
    }


def next_refresh(
    subscription: LiveSubscription, plans: Sequence[PlanOffer], *, now: datetime
) -> Refresh | None:
    """Return the next package, of the plan that will be held then.

    None when none will come, and while one is late: it comes when it is paid.
    """
    at = subscription.refresh_period_end
    if at is None or at <= now:
        return None
    held = next(plan for plan in plans if plan.id == subscription.plan_id)
    if subscription.pending is not None and subscription.pending.effective_at <= at:
        held = next(plan for plan in plans if plan.id == subscription.pending.plan_id)
    elif held.kind is PlanKind.ONE_TIME and subscription.period_end == at:
        held = next(plan for plan in plans if plan.kind is PlanKind.FREE and not plan.archived)
    # A one-time plan brings a package for each time that it was bought, even if it never refreshes.
    is_none = not held.refreshes and held.kind is not PlanKind.ONE_TIME
    if is_none or held.credits_per_refresh == 0:
        return None
    return Refresh(at, held.credits_per_refresh)


_LIVE = select(*Subscription.__table__.c).where(Subscription.ended_at.is_(None))
