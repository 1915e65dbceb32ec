"""Changing the plan of a workspace, as its owner chooses: every row of the switch table.

Each change is recorded as begun before the provider is asked, and settled after it by the same
functions as the provider's own notices. Who dies in between has begun: the same key goes on.
A new choice undoes one that is to come before anything else; when its card is then declined, that
comes again.
"""

from dataclasses import dataclass
from functools import partial
from uuid import UUID

from billing import buying, holding, idempotency, moving, outcomes, quotes, refresh, switching
from billing.checkouts import Returns
from billing.errands import Errand
from billing.errors import PreviewExpired, PreviewNotPossible, SwitchUnderWay
from billing.holding import Held
from billing.idempotency import Answer, Claim, Request
from billing.outcomes import ConfirmationRequired, Outcome
from billing.quotes import Quote
from billing.subscriptions import LiveSubscription, PendingChange
from billing.switching import Choice, SwitchAction
from models.plan import BillingCycle


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What is chosen: a plan and cycle, the preview that is confirmed, where to come back to."""

    plan_id: str
    billing_cycle: BillingCycle | None
    quote_id: UUID | None = None
    returns: Returns | None = None


ROUNDS = 4
"""How often a choice is looked at anew because something has changed while it was made."""


async def preview(errand: Errand, *, plan_id: str, billing_cycle: BillingCycle) -> Quote:
    """Return what switching to a plan would do, kept so that it can be confirmed.

    Raises PreviewNotPossible where nothing is to be confirmed, what `switching.choose` raises,
    SwitchUnderWay, PaymentsUnavailable and PaymentsRefused.
    """
    for _ in range(ROUNDS):
        held, choice = await _chosen(errand, plan_id, billing_cycle)
        if not choice.requires_confirmation:
            raise PreviewNotPossible
        quote = await moving.quoted(errand, held, choice)
        if quote is not None:
            return quote
    raise SwitchUnderWay


async def previewed(errand: Errand, *, quote_id: UUID) -> Quote:
    """Return what was shown under an id. Raises PreviewExpired where that is not kept any more."""
    async with errand.database.write() as session:
        quote = await quotes.find(session, workspace_id=errand.workspace_id, quote_id=quote_id)
    if quote is None:
        raise PreviewExpired
    return quote


async def switch(errand: Errand, *, wish: Wish, request: Request) -> Outcome:
    """Do what choosing a plan does, once for the request's key.

    Raises what `switching.choose` and `idempotency.across` raise, ReturnUrlRequired,
    CheckoutProcessing, SwitchUnderWay, PreviewExpired, PaymentDeclined, PaymentsUnavailable and
    PaymentsRefused.
    """
    work = partial(_switch, errand, wish)
    answer = await idempotency.across(errand.database, request=request, work=work, now=errand.now)
    return outcomes.parse(answer)


async def undo(errand: Errand, *, request: Request) -> None:
    """Undo the plan change that is to come, once for the request's key.

    Raises NoPendingChange, SwitchUnderWay, PaymentsUnavailable, PaymentsRefused, and what
    `idempotency.across` raises.
    """
    work = partial(_undo, errand)
    await idempotency.across(errand.database, request=request, work=work, now=errand.now)


async def _switch(errand: Errand, wish: Wish, claim: Claim) -> Answer:
    """Do what the choice does now, or go on with what was begun."""
    if moving.is_begun(claim):
        return await moving.go_on(errand, claim)
    for _ in range(ROUNDS):
        held, choice = await _chosen(errand, wish.plan_id, wish.billing_cycle)
        match choice.action:
            case SwitchAction.CHECKOUT:
                answer = await buying.plan(errand, claim, held, choice, returns=wish.returns)
                if answer is not None:
                    return answer
            case SwitchAction.CANCEL_AT_PERIOD_END:
                if await moving.begin(errand, claim, held):
                    return await moving.go_on(errand, claim)
            case _ if wish.quote_id is None:
                quote = await moving.quoted(errand, held, choice)
                if quote is not None:
                    return outcomes.to_json(ConfirmationRequired(quote.id))
            case _:
                if await moving.confirm(errand, claim, held, choice, quote_id=wish.quote_id):
                    return await moving.go_on(errand, claim)
    raise SwitchUnderWay


async def _undo(errand: Errand, claim: Claim) -> Answer:
    for _ in range(ROUNDS):
        if moving.is_begun(claim) or await moving.begin_undoing(errand, claim, await _held(errand)):
            return await moving.undo(errand, claim)
    raise SwitchUnderWay


async def _held(errand: Errand) -> Held:
    async with errand.database.write() as session:
        return await holding.locked(session, workspace_id=errand.workspace_id)


async def _chosen(
    errand: Errand, plan_id: str, billing_cycle: BillingCycle | None
) -> tuple[Held, Choice]:
    """Return what the workspace holds, and what choosing a plan would do for it."""
    async with errand.database.write() as session:
        held = await holding.locked(session, workspace_id=errand.workspace_id)
        held = await refresh.caught_up(session, held, now=errand.now)
        await buying.undecided_checkouts(session, errand)
    pending = None
    if held.pending is not None:
        to_come = held.pending
        pending = PendingChange(to_come.plan_id, to_come.billing_cycle, to_come.at)
    subscription = LiveSubscription(
        workspace_id=held.workspace_id,
        plan_id=held.plan.id,
        billing_cycle=held.billing_cycle,
        status=held.status,
        period_start=held.period_start,
        period_end=held.period_end,
        refresh_period_end=None if held.refresh is None else held.refresh.end,
        pending=pending,
    )
    choice = switching.choose(
        subscription, errand.plans, plan_id=plan_id, billing_cycle=billing_cycle
    )
    return held, choice
