"""Plans, prices, the credit pack, and what choosing a plan would do."""

import strawberry

from billing import catalog
from billing.catalog import PackOffer, PlanOffer
from billing.switching import Choice
from resolvers import ids
from resolvers.context import Info
from resolvers.types.enums import BillingCycle, PlanKind, SwitchAction, SwitchReason
from resolvers.types.node import Node
from resolvers.types.scalars import BigInt, Money


@strawberry.type(description="What a plan costs in a billing cycle.")
class PlanPrice:
    """What a plan costs."""

    billing_cycle: BillingCycle = strawberry.field(description="How often it is paid.")
    price: Money = strawberry.field(description="What is paid each time.")
    monthly_equivalent: Money = strawberry.field(
        description="The price of a month, rounded to a whole minor unit."
    )


@strawberry.type(description="A plan that a workspace can be on.")
class Plan(Node):
    """A plan."""

    name: str = strawberry.field(description="What it is called.")
    description: str = strawberry.field(description="What it is for, in a sentence.")
    rank: int = strawberry.field(description="Its place among the plans: higher offers more.")
    kind: PlanKind = strawberry.field(description="How it is paid.")
    features: list[str] = strawberry.field(description="What it offers, a phrase each.")
    credits_per_refresh: BigInt = strawberry.field(
        description="The credits of one package: `refreshes` says when packages come."
    )
    refreshes: bool = strawberry.field(
        description="Whether a package comes each month. If not, a paid plan brings one for each"
        " period that is paid, and Free brings one to new workspaces alone."
    )
    prices: list[PlanPrice] = strawberry.field(description="What it costs; empty for Free.")

    @classmethod
    def of(cls, offer: PlanOffer) -> "Plan":
        """Return the GraphQL value of a plan."""
        return cls(
            id=strawberry.ID(ids.encode("Plan", offer.id)),
            name=offer.name,
            description=offer.description,
            rank=offer.rank,
            kind=offer.kind,
            features=list(offer.features),
            credits_per_refresh=BigInt(offer.credits_per_refresh),
            refreshes=offer.refreshes,
            prices=[
                PlanPrice(
                    billing_cycle=price.billing_cycle,
                    price=Money.of(price.price),
                    monthly_equivalent=Money.of(catalog.monthly_equivalent(offer, price)),
                )
                for price in offer.prices
            ],
        )


@strawberry.type(description="The credit pack that is sold; credits and price are of one pack.")
class CreditPack:
    """The credit pack that is sold."""

    name: str = strawberry.field(description="What it is called.")
    credits: BigInt = strawberry.field(description="The credits of one pack.")
    price: Money = strawberry.field(description="The price of one pack.")
    quantity_max: int = strawberry.field(description="The most packs of one purchase.")

    @classmethod
    def of(cls, offer: PackOffer) -> "CreditPack":
        """Return the GraphQL value of a pack."""
        return cls(
            name=offer.name,
            credits=BigInt(offer.credits),
            price=Money.of(offer.price),
            quantity_max=offer.quantity_max,
        )


@strawberry.type(description="A plan and billing cycle, and what choosing it would do.")
class PlanOption:
    """A plan and cycle to choose."""

    plan: Plan = strawberry.field(description="The plan.")
    billing_cycle: BillingCycle | None = strawberry.field(
        description="How often it is paid; null for Free."
    )
    price: Money | None = strawberry.field(description="What is paid each time; null for Free.")
    action: SwitchAction = strawberry.field(description="What choosing it does.")
    requires_confirmation: bool = strawberry.field(
        description="Whether a preview is to be confirmed first."
    )
    reason: SwitchReason | None = strawberry.field(
        description="Why it can't be chosen; null when it can."
    )

    @classmethod
    def of(cls, choice: Choice) -> "PlanOption":
        """Return the GraphQL value of a choice."""
        return cls(
            plan=Plan.of(choice.plan),
            billing_cycle=choice.billing_cycle,
            price=None if choice.price is None else Money.of(choice.price),
            action=choice.action,
            requires_confirmation=choice.requires_confirmation,
            reason=choice.reason,
        )


async def plan_named(info: Info, plan_id: str) -> Plan | None:
    """Return the plan, archived or not; None when the catalogue never had it."""
    offers = await info.context.loaders.plans
    return next((Plan.of(offer) for offer in offers if offer.id == plan_id), None)
