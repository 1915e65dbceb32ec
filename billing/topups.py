"""Buying credit packs, on a hosted page: the credits come with the payment, not with the return."""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from billing import checkouts, customers, holding, idempotency, settlement
from billing.catalog import Money, PackOffer
from billing.checkouts import Checkout, PackPurchase, Returns
from billing.errands import Errand
from billing.errors import (
    PackNotSold,
    PacksOutOfRange,
    PaidPlanRequired,
    PaymentsUnavailable,
)
from billing.idempotency import Answer, Claim, Request
from models.base import new_id
from models.plan import PlanKind

_CHECKOUT = "checkout_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is wanted: so many packs of the one that is sold, and where to come back to."""

    offer: PackOffer | None
    packs: int
    returns: Returns


async def buy(errand: Errand, *, wish: Wish, request: Request) -> UUID:
    """Open a page on which packs are paid, one for the request's key; return the checkout's id.

    Raises PaidPlanRequired, PackNotSold, PacksOutOfRange, PaymentsUnavailable, PaymentsRefused,
    and what `idempotency.across` raises.
    """
    work = partial(_buy, errand, wish)
    answer = await idempotency.across(errand.database, request=request, work=work, now=errand.now)
    return UUID(answer[_CHECKOUT])


async def _buy(errand: Errand, wish: Wish, claim: Claim) -> Answer:
    """Open the page, or go on with the one that was begun."""
    checkout = await _recorded(errand, wish, claim)
    try:
        state = await customers.serve(
            errand, ask=partial(checkouts.page, errand.database, errand.payments, checkout)
        )
    except PaymentsUnavailable as failure:
        if failure.is_final:
            async with errand.database.write() as session:
                await idempotency.keep(session, claim, {})
        raise
    async with errand.database.write() as session:
        await settlement.checkout(session, state, now=errand.now)
        return await idempotency.settle(session, claim, {_CHECKOUT: str(checkout.id)})


async def _recorded(errand: Errand, wish: Wish, claim: Claim) -> Checkout:
    """Return the checkout of the claim, recorded now if it is not yet.

    Only then is it judged: what was begun goes on, whatever is sold or held by now.
    """
    async with errand.database.write() as session:
        known = claim.progress.get(_CHECKOUT)
        if known is not None:
            return await checkouts.find(
                session, workspace_id=errand.workspace_id, checkout_id=UUID(known)
            )
        held = await holding.locked(session, workspace_id=errand.workspace_id)
        checkout = await checkouts.add(
            session,
            workspace_id=errand.workspace_id,
            checkout_id=new_id(),
            user_id=errand.user_id,
            purchase=_purchase(wish, plan_kind=held.plan.kind),
            now=errand.now,
        )
        await idempotency.keep(session, claim, {_CHECKOUT: str(checkout.id)})
        return checkout


def _purchase(wish: Wish, *, plan_kind: PlanKind) -> PackPurchase:
    """Return the purchase that is wanted by a workspace on a plan of that kind."""
    offer, packs = wish.offer, wish.packs
    if plan_kind is PlanKind.FREE:
        raise PaidPlanRequired
    if offer is None:
        raise PackNotSold
    if not 1 <= packs <= offer.quantity_max:
        raise PacksOutOfRange(maximum=offer.quantity_max)
    if offer.price_id is None:
        raise PaymentsUnavailable("This can't be bought yet: the provider does not know its price")

    return PackPurchase(
        pack_id=offer.id,
        packs=packs,
        credits=packs * offer.credits,
        price_id=offer.price_id,
        price=Money(packs * offer.price.amount_minor, offer.price.currency),
        returns=wish.returns,
    )
