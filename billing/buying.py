"""Buying a plan on a hosted page: one page at a time for a workspace, whoever clicks how often."""

from functools import partial

from billing import checkouts, customers, holding, idempotency, outcomes, settlement
from billing.checkouts import Checkout, PlanPurchase, Returns
from billing.errands import Errand
from billing.errors import CheckoutProcessing, PaymentsUnavailable, ReturnUrlRequired
from billing.holding import Held
from billing.idempotency import Answer, Claim
from billing.outcomes import CheckoutRequired
from billing.payments import CheckoutProgress, CheckoutState
from billing.settlement import Story
from billing.switching import Choice
from billing.unsettled import Unsettled
from models.base import new_id
from models.database import Session
from models.subscription import CheckoutStatus


async def plan(
    errand: Errand, claim: Claim, held: Held, choice: Choice, *, returns: Returns | None
) -> Answer | None:
    """Return the page on which a plan is paid, the one that is open if it is of this purchase.

    A page of another purchase is closed first. None when that, or that the page has been paid
    meanwhile, may have changed what the choice does.
    Raises ReturnUrlRequired, CheckoutProcessing, PaymentsUnavailable and PaymentsRefused.
    """
    if returns is None:
        raise ReturnUrlRequired("success_url")
    purchase = _purchase(choice, returns)
    checkout = await _only_checkout(errand, held, purchase)
    if checkout is None:
        return None

    state = await customers.serve(
        errand, ask=partial(checkouts.page, errand.database, errand.payments, checkout)
    )
    is_ours = checkout.purchase == purchase
    if not is_ours and state.progress is CheckoutProgress.OPEN:
        state = await errand.payments.expire_checkout(state.session_id)
    if not is_ours or state.progress is not CheckoutProgress.OPEN:
        await _settle(errand, state)
        return None
    assert state.url is not None, "an open page has an address"
    async with errand.database.write() as session:
        await settlement.checkout(session, state, now=errand.now)
        answer = outcomes.to_json(CheckoutRequired(state.url))
        return await idempotency.settle(session, claim, answer)


async def undecided_checkouts(session: Session, errand: Errand) -> list[Checkout]:
    """Return the plan purchase that may be open, if there is one.

    Raises CheckoutProcessing while a plan is being paid for by a payment that takes days: it may
    be held by then, but it is not paid.
    """
    undecided = await checkouts.of_plan(session, workspace_id=errand.workspace_id)
    if any(checkout.status is CheckoutStatus.PROCESSING for checkout in undecided):
        raise CheckoutProcessing
    return undecided


def _purchase(choice: Choice, returns: Returns) -> PlanPurchase:
    offer = choice.plan.offer(choice.billing_cycle)
    assert offer is not None, "a plan without a price needs no checkout"
    if offer.price_id is None:
        raise PaymentsUnavailable("This can't be bought yet: the provider does not know its price")
    return PlanPurchase(
        plan_id=choice.plan.id,
        billing_cycle=offer.billing_cycle,
        price_id=offer.price_id,
        price=offer.price,
        returns=returns,
    )


async def _only_checkout(errand: Errand, held: Held, purchase: PlanPurchase) -> Checkout | None:
    """Return the plan purchase that may be open, of whatever plan, or else a new one.

    None when the workspace no longer holds what the choice was made for.
    """
    async with errand.database.write() as session:
        if await holding.locked(session, workspace_id=errand.workspace_id) != held:
            return None
        undecided = await undecided_checkouts(session, errand)
        if undecided:
            return undecided[0]
        return await checkouts.add(
            session,
            workspace_id=errand.workspace_id,
            checkout_id=new_id(),
            user_id=errand.user_id,
            purchase=purchase,
            now=errand.now,
        )


async def _settle(errand: Errand, state: CheckoutState) -> None:
    """Settle a page that is closed or paid, with the subscription that it has begun.

    The choice is made anew after it: a plan that was paid a moment ago must be held by then.
    """
    begun = invoice = None
    if state.subscription_id is not None:
        begun = await errand.payments.subscription(state.subscription_id)
        if begun.latest_invoice_id is not None:
            invoice = await errand.payments.invoice(begun.latest_invoice_id)
    story = Story(checkout=state, subscription=begun, invoice=invoice)
    try:
        async with errand.database.write() as session:
            await settlement.settle(session, story, now=errand.now)
    except Unsettled as error:
        # The provider's own notice of it stays visible with the same error, and may undo it.
        raise CheckoutProcessing from error
