"""The catalogue: plans, prices and the credit pack that is sold; reads."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from models.database import Snapshot
from models.plan import BillingCycle, CreditPack, Plan, PlanKind, PlanPrice

MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class Money:
    """Whole minor units (such as cents) of a currency (ISO 4217)."""

    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class PriceOffer:
    """What a plan costs a billing cycle; `price_id` is the provider's, None while it has none."""

    billing_cycle: BillingCycle
    price: Money
    price_id: str | None = None


@dataclass(frozen=True, slots=True)
class PlanOffer:
    """A plan of the catalogue with its prices, monthly first.

    `period_months` is how long a one-time plan lasts; `archived` plans are held, not sold.
    """

    id: str
    name: str
    description: str
    rank: int
    kind: PlanKind
    features: Sequence[str]
    credits_per_refresh: int
    refreshes: bool
    period_months: int | None
    archived: bool
    prices: Sequence[PriceOffer]

    def offer(self, billing_cycle: BillingCycle | None) -> PriceOffer | None:
        """Return what the plan costs in a billing cycle, None if it is not sold in that."""
        return next((each for each in self.prices if each.billing_cycle is billing_cycle), None)


@dataclass(frozen=True, slots=True)
class PackOffer:
    """The credit pack that is sold: credits and price are of one pack.

    `price_id` is the provider's, None while it has none.
    """

    id: str
    name: str
    credits: int
    price: Money
    quantity_max: int
    price_id: str | None = None


async def plans(snapshot: Snapshot) -> list[PlanOffer]:
    """Return every plan in rank order, archived ones included: workspaces may still hold them."""
    prices: dict[str, list[PriceOffer]] = {}
    rows = await snapshot.all(_PLANS)
    for row in rows:
        offers = prices.setdefault(row.id, [])
        if row.billing_cycle is not None:
            price = Money(row.amount_minor, row.currency)
            offers.append(PriceOffer(row.billing_cycle, price, row.stripe_price_id))
    plans_by_id = {row.id: row for row in rows}
    return [
        PlanOffer(
            id=row.id,
            name=row.name,
            description=row.description,
            rank=row.rank,
            kind=row.kind,
            features=row.features,
            credits_per_refresh=row.credits_per_refresh,
            refreshes=row.refreshes,
            period_months=row.period_months,
            archived=row.archived_at is not None,
            prices=prices[row.id],
        )
        for row in plans_by_id.values()
    ]


async def pack(snapshot: Snapshot) -> PackOffer | None:
    """Return the credit pack that is sold, if any is."""
    row = await snapshot.first(_PACK)
    if row is None:
        return None
    return PackOffer(
        id=row.id,
        name=row.name,
        credits=row.credits,
        price=Money(row.amount_minor, row.currency),
        quantity_max=row.quantity_max,
        price_id=row.stripe_price_id,
    )


def monthly_equivalent(plan: PlanOffer, offer: PriceOffer) -> Money:
    """Return what `offer` costs a month, rounded half up to a whole minor unit."""
    months = {
        BillingCycle.MONTHLY: 1,
        BillingCycle.YEARLY: MONTHS_A_YEAR,
        BillingCycle.ONE_TIME: plan.period_months or 1,
    }[offer.billing_cycle]
    return Money((2 * offer.price.amount_minor + months) // (2 * months), offer.price.currency)


_PLANS = (
    select(
        *Plan.__table__.c,
        PlanPrice.billing_cycle,
        PlanPrice.amount_minor,
        PlanPrice.currency,
        PlanPrice.stripe_price_id,
    )
    .select_from(Plan)
    .outerjoin(PlanPrice, PlanPrice.plan_id == Plan.id)
    .order_by(Plan.rank, Plan.id, PlanPrice.billing_cycle)
)
_PACK = select(*CreditPack.__table__.c).where(CreditPack.archived_at.is_(None))
