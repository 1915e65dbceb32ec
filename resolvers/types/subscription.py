"""The plan that a workspace holds."""

from datetime import datetime

import strawberry

from billing.subscriptions import LiveSubscription, PendingChange
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types.enums import BillingCycle, PlanKind, SubscriptionStatus
from resolvers.types.plan import Plan, plan_named


async def _plan(info: Info, plan_id: str) -> Plan:
    plan = await plan_named(info, plan_id)
    assert plan is not None, "a foreign key holds the plan"
    return plan


@strawberry.type(description="A plan change that takes effect later; the owner can undo it.")
class PendingPlanChange:
    """A plan change to come."""

    pending: strawberry.Private[PendingChange]
    billing_cycle: BillingCycle | None = strawberry.field(
        description="The cycle from then on; null when the plan is Free."
    )
    effective_at: datetime = strawberry.field(description="When it takes effect.")

    @classmethod
    def of(cls, pending: PendingChange) -> "PendingPlanChange":
        """Return the GraphQL value of a pending change."""
        return cls(
            pending=pending,
            billing_cycle=pending.billing_cycle,
            effective_at=pending.effective_at,
        )

    @resolved("The plan from then on.")
    async def plan(self, info: Info) -> Plan:
        """Return the plan from then on."""
        return await _plan(info, self.pending.plan_id)


@strawberry.type(description="The plan that a workspace holds, Free included.")
class Subscription:
    """The plan that a workspace holds."""

    held: strawberry.Private[LiveSubscription]
    billing_cycle: BillingCycle | None = strawberry.field(
        description="How often it is paid; null for Free."
    )
    status: SubscriptionStatus = strawberry.field(description="Whether it is paid.")
    current_period_start: datetime = strawberry.field(
        description="When the current paid period began; on Free, since when it is Free."
    )
    current_period_end: datetime | None = strawberry.field(
        description="When the paid period ends; null for Free."
    )
    pending_change: PendingPlanChange | None = strawberry.field(
        description="The change to come, if one is scheduled."
    )

    @classmethod
    def of(cls, held: LiveSubscription) -> "Subscription":
        """Return the GraphQL value of a subscription."""
        pending = held.pending
        return cls(
            held=held,
            billing_cycle=held.billing_cycle,
            status=held.status,
            current_period_start=held.period_start,
            current_period_end=held.period_end,
            pending_change=None if pending is None else PendingPlanChange.of(pending),
        )

    @resolved("The plan.")
    async def plan(self, info: Info) -> Plan:
        """Return the plan."""
        return await _plan(info, self.held.plan_id)

    @resolved("How the plan is paid.")
    async def kind(self, info: Info) -> PlanKind:
        """Return how the plan is paid."""
        return (await _plan(info, self.held.plan_id)).kind
