"""What a provider's price sells: also one that the catalogue has replaced since."""

from sqlalchemy import bindparam, select

from billing import holding, rows
from billing.holding import PlanTerms
from billing.unsettled import PriceUnknown
from models.database import Session
from models.plan import BillingCycle, CreditPack, StripePrice


async def plan(session: Session, price_id: str | None) -> tuple[PlanTerms, BillingCycle]:
    """Return the plan and the billing cycle that a price is paid for. Raises PriceUnknown."""
    row = (await session.execute(_SOLD, {"of_price": price_id})).one_or_none()
    if row is None or row.plan_id is None:
        raise PriceUnknown(price_id)
    return await holding.plan(session, plan_id=row.plan_id), row.billing_cycle


async def pack(session: Session, price_id: str | None) -> tuple[str, int]:
    """Return the name of the credit pack that a price is paid for, and its credits.

    Raises PriceUnknown.
    """
    row = (await session.execute(_SOLD, {"of_price": price_id})).one_or_none()
    if row is None or row.pack_id is None:
        raise PriceUnknown(price_id)
    found = (await session.execute(_PACK, {"of_pack": row.pack_id})).one()
    return found.name, found.credits


_PRICES = rows.table(StripePrice).c
_PACKS = rows.table(CreditPack).c
_SOLD = select(_PRICES.plan_id, _PRICES.billing_cycle, _PRICES.pack_id).where(
    _PRICES.stripe_price_id == bindparam("of_price")
)
_PACK = select(_PACKS.name, _PACKS.credits).where(_PACKS.id == bindparam("of_pack"))
