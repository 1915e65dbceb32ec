"""What a plan switch would do, to be confirmed."""

from datetime import datetime

import strawberry

from billing import access, plan_changes
from billing.access import WorkspaceAccess
from billing.quotes import Quote
from resolvers.context import Info
from resolvers.errands import errand
from resolvers.fields import resolved
from resolvers.types.enums import BillingCycle, SwitchAction
from resolvers.types.plan import Plan, plan_named
from resolvers.types.scalars import BigInt, Money


@strawberry.type(description="What a plan switch would do: confirmed, it does just that.")
class PlanSwitchPreview:
    """What a switch would do."""

    quote: strawberry.Private[Quote]
    token: str = strawberry.field(
        description="Confirms it: the `previewToken` of `switchPlan`. Opaque."
    )
    action: SwitchAction = strawberry.field(description="`UPGRADE_NOW` or `SWITCH_AT_PERIOD_END`.")
    billing_cycle: BillingCycle = strawberry.field(description="The cycle from then on.")
    amount_due: Money = strawberry.field(
        description="What is charged at once, after the unused part of what was paid is deducted;"
        " 0 for a switch at the end of the period."
    )
    credits: BigInt = strawberry.field(
        description="The credits that it brings at once, or takes away if negative."
    )
    effective_at: datetime = strawberry.field(description="When the switch takes effect.")
    expires_at: datetime = strawberry.field(
        description="Until when it can be confirmed; sooner if the subscription changes."
    )

    @classmethod
    def of(cls, quote: Quote) -> "PlanSwitchPreview":
        """Return the GraphQL value of a quote."""
        return cls(
            quote=quote,
            token=quote.id.hex,
            action=quote.action,
            billing_cycle=quote.billing_cycle,
            amount_due=Money.of(quote.due),
            credits=BigInt(quote.credits),
            effective_at=quote.effective_at,
            expires_at=quote.expires_at,
        )

    @resolved("The plan to switch to.")
    async def plan(self, info: Info) -> Plan:
        """Return the plan."""
        plan = await plan_named(info, self.quote.plan_id)
        assert plan is not None, "a foreign key holds the plan"
        return plan


async def preview(
    info: Info, found: WorkspaceAccess, *, plan_id: str, billing_cycle: BillingCycle
) -> PlanSwitchPreview:
    """Return what switching to a plan would do, for the owner."""
    access.person(info.context.viewer)
    owned = access.owner(found, workspace_id=found.workspace_id)
    async with errand(info, owned) as wanted:
        quote = await plan_changes.preview(wanted, plan_id=plan_id, billing_cycle=billing_cycle)
    return PlanSwitchPreview.of(quote)
