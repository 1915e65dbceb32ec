"""Moving from a paid recurring plan: now, at the end of its period, to Free, and back again.

A switch that is confirmed goes on from the quote that it was confirmed by, whatever happens: what
the subscription shows tells whether it has been made.
"""

from datetime import datetime
from uuid import UUID

from billing import errands, holding, idempotency, outcomes, pending_changes, quotes, settlement
from billing.errands import Errand
from billing.errors import (
    NoPendingChange,
    PaymentDeclined,
    PaymentsRefused,
    PaymentsUnavailable,
    PreviewExpired,
    SwitchUnderWay,
)
from billing.holding import Held, PlanTerms
from billing.idempotency import Answer, Claim
from billing.outcomes import Outcome, PaymentRequired, Scheduled, Switched
from billing.payments import (
    InvoiceReason,
    ScheduledChange,
    SubscriptionProgress,
    SubscriptionState,
    SwitchResult,
)
from billing.quotes import Quote, Target
from billing.settlement import Story
from billing.switching import Choice, SwitchAction

_SUBSCRIPTION, _QUOTE = "subscription_id", "quote_id"
"""What a claim keeps of a change that was begun; without a quote it is a cancellation."""


async def quoted(errand: Errand, held: Held, choice: Choice) -> Quote | None:
    """Return what a choice would do now, kept so that it can be confirmed.

    None when the subscription is over, of which we have not been told yet: now we know.
    """
    state = await errand.payments.subscription(_subscription_id(held))
    if state.progress is SubscriptionProgress.ENDED:
        async with errand.database.write() as session:
            await settlement.subscription(session, state, now=errand.now)
        return None
    try:
        quote = await quotes.make(errand.payments, held, state, _target(choice), now=errand.now)
    except PaymentsRefused:
        found = await errand.payments.subscription(state.subscription_id)
        if found.fingerprint == state.fingerprint:
            raise
        # It was renewed since it was looked at: whoever asks again is shown another preview.
        raise PaymentsUnavailable from None
    async with errand.database.write() as session:
        await quotes.keep(session, quote, now=errand.now)
    return quote


def is_begun(claim: Claim) -> bool:
    """Tell whether the change was begun, by us or by who had the claim before."""
    return _SUBSCRIPTION in claim.progress


async def begin(errand: Errand, claim: Claim, held: Held) -> bool:
    """Begin to cancel; False when something else is held by now."""
    return await _begin(errand, claim, held, {_SUBSCRIPTION: _subscription_id(held)})


async def begin_undoing(errand: Errand, claim: Claim, held: Held) -> bool:
    """Begin to undo what is to come; False when something else is held by now.

    Raises NoPendingChange, also for a one-time plan that was bought to follow: it is paid.
    """
    if held.pending is None or held.stripe_subscription_id is None:
        raise NoPendingChange
    return await _begin(errand, claim, held, {_SUBSCRIPTION: held.stripe_subscription_id})


async def confirm(
    errand: Errand, claim: Claim, held: Held, choice: Choice, *, quote_id: UUID
) -> bool:
    """Begin a switch by the quote that was shown, if it is still true of the subscription.

    False when something else is held by now. Raises PreviewExpired and SwitchUnderWay.
    """
    state = await errand.payments.subscription(_subscription_id(held))
    await _refuse_other_sum(errand, quote_id, state)
    replaces = await pending_changes.replaced(errand, state)
    async with errand.database.write() as session:
        if await holding.locked(session, workspace_id=errand.workspace_id) != held:
            return False
        quote = await quotes.find(session, workspace_id=errand.workspace_id, quote_id=quote_id)
        if quote is None or not _is_true(quote, choice, held, state, now=errand.now):
            raise PreviewExpired
        if not await quotes.begin(session, quote, replaces=replaces, now=errand.now):
            raise SwitchUnderWay
        progress = {_SUBSCRIPTION: state.subscription_id, _QUOTE: str(quote.id)}
        await idempotency.keep(session, claim, progress)
    return True


async def go_on(errand: Errand, claim: Claim) -> Answer:
    """Make the change that was begun, wherever it was left."""
    state = await errand.payments.subscription(claim.progress[_SUBSCRIPTION])
    if _QUOTE not in claim.progress:
        return await _cancel(errand, claim, state)
    async with errand.database.write() as session:
        quote = await quotes.find(
            session, workspace_id=errand.workspace_id, quote_id=UUID(claim.progress[_QUOTE])
        )
    if quote is None:
        raise PreviewExpired
    try:
        if quote.action is SwitchAction.UPGRADE_NOW:
            return await _switch_now(errand, claim, quote, state)
        return await _switch_later(errand, claim, quote, state)
    except (PaymentDeclined, PaymentsRefused, PreviewExpired):
        subscription_id = claim.progress[_SUBSCRIPTION]
        await pending_changes.put_back(errand, claim, quote, subscription_id=subscription_id)
        await _give_up(errand, quote)
        raise


async def undo(errand: Errand, claim: Claim) -> Answer:
    """Undo what is to come, if it is still to come. Raises NoPendingChange when all is over."""
    state = await errand.payments.subscription(claim.progress[_SUBSCRIPTION])
    if state.progress is not SubscriptionProgress.ENDED:
        state = await pending_changes.undone(errand, claim, state)
    async with errand.database.write() as session:
        await settlement.settle_if_clear(session, Story(subscription=state), now=errand.now)
        if state.progress is not SubscriptionProgress.ENDED:
            return await idempotency.settle(session, claim, {})
    raise NoPendingChange


async def _begin(errand: Errand, claim: Claim, held: Held, progress: Answer) -> bool:
    async with errand.database.write() as session:
        if await holding.locked(session, workspace_id=errand.workspace_id) != held:
            return False
        await quotes.forget_replaced(session, workspace_id=errand.workspace_id)
        await idempotency.keep(session, claim, progress)
    return True


def _subscription_id(held: Held) -> str:
    if held.stripe_subscription_id is None:
        raise PaymentsRefused("The plan was not bought with the payment provider")
    return held.stripe_subscription_id


async def _refuse_other_sum(errand: Errand, quote_id: UUID, state: SubscriptionState) -> None:
    """Refuse a quote that would now charge another sum than was shown. Raises PreviewExpired.

    The customer's balance, the quantity or a discount may have changed, of which we are not told.
    """
    async with errand.database.write() as session:
        quote = await quotes.find(session, workspace_id=errand.workspace_id, quote_id=quote_id)
    if quote is None or not quote.is_true_of(state):
        raise PreviewExpired
    if quote.action is SwitchAction.UPGRADE_NOW and state.price_id != quote.price_id:
        try:
            found = await errand.payments.preview_switch(
                state, price_id=quote.price_id, proration_at=quote.proration_at
            )
        except PaymentsRefused:
            raise PreviewExpired from None
        if found.due != quote.due:
            raise PreviewExpired


def _target(choice: Choice) -> Target:
    offer = choice.plan.offer(choice.billing_cycle)
    assert offer is not None, "a plan that is switched to is paid"
    if offer.price_id is None:
        raise PaymentsUnavailable("This can't be bought yet: the provider does not know its price")
    plan = choice.plan
    return Target(
        plan=PlanTerms(
            id=plan.id,
            name=plan.name,
            kind=plan.kind,
            credits_per_refresh=plan.credits_per_refresh,
            refreshes=plan.refreshes,
            period_months=plan.period_months,
        ),
        billing_cycle=offer.billing_cycle,
        price_id=offer.price_id,
        price=offer.price,
        is_now=choice.action is SwitchAction.UPGRADE_NOW,
    )


def _is_true(
    quote: Quote, choice: Choice, held: Held, state: SubscriptionState, *, now: datetime
) -> bool:
    """Tell whether what was shown is what the choice would do, to this subscription, now.

    Credits that were to be added to one package are another number when the next one has come.
    """
    wanted = (choice.plan.id, choice.billing_cycle, choice.action)
    package = quotes.refresh_period(held, state, at=quote.proration_at)
    return (
        now < quote.expires_at
        and (quote.plan_id, quote.billing_cycle, quote.action) == wanted
        and quote.is_true_of(state)
        and (now < package.end or quote.action is not SwitchAction.UPGRADE_NOW)
    )


async def _switch_now(
    errand: Errand, claim: Claim, quote: Quote, state: SubscriptionState
) -> Answer:
    """Charge what was shown and switch, unless that is done."""
    payments = errand.payments

    async def happened() -> SwitchResult | None:
        found = await payments.subscription(state.subscription_id)
        return _done(found) if found.price_id == quote.price_id else None

    if state.price_id == quote.price_id:
        return await _settle_now(errand, claim, quote, _done(state))
    _refuse_untrue(errand, quote, state)
    state = await _made_free(errand, claim, state)
    try:
        result = await errands.called(
            errand,
            claim,
            "switch now",
            call=lambda key: payments.switch_now(
                state, price_id=quote.price_id, proration_at=quote.proration_at, idempotency_key=key
            ),
            happened=happened,
        )
    except PaymentsRefused:
        # Renewed since it was looked at, it is not what was shown: then nothing else is wrong.
        _refuse_untrue(errand, quote, await payments.subscription(state.subscription_id))
        raise
    if result.payment_url is None and result.subscription.price_id != quote.price_id:
        raise PaymentDeclined
    return await _settle_now(errand, claim, quote, result)


async def _settle_now(errand: Errand, claim: Claim, quote: Quote, result: SwitchResult) -> Answer:
    """Settle what a switch did, with its invoice if that is paid."""
    invoice = None
    if result.invoice_id is not None:
        invoice = await errand.payments.invoice(result.invoice_id)
        if invoice.reason is not InvoiceReason.SUBSCRIPTION_UPDATE:
            invoice = None
    outcome: Outcome = Switched(quote.effective_at)
    if result.payment_url is not None:
        assert result.expires_at is not None, "an authentication has its time"
        outcome = PaymentRequired(result.payment_url, result.expires_at)
    if invoice is not None:
        async with errand.database.write() as session:
            await quotes.bind(session, quote, invoice_id=invoice.invoice_id)
    async with errand.database.write() as session:
        story = Story(subscription=result.subscription, invoice=invoice)
        await settlement.settle_if_clear(session, story, now=errand.now)
        # The quote after the workspace, whose lock is had first by everybody.
        await quotes.end(session, quote, is_unpaid=result.payment_url is not None)
        return await idempotency.settle(session, claim, outcomes.to_json(outcome))


async def _switch_later(
    errand: Errand, claim: Claim, quote: Quote, state: SubscriptionState
) -> Answer:
    """Schedule the switch, unless that is done."""
    payments = errand.payments

    async def scheduled(found: SubscriptionState) -> ScheduledChange | None:
        if found.schedule_id is None:
            return None
        change = await payments.schedule(found.schedule_id)
        return change if change.is_live and change.price_id == quote.price_id else None

    async def happened() -> ScheduledChange | None:
        return await scheduled(await payments.subscription(state.subscription_id))

    async def schedule(key: str) -> ScheduledChange:
        # An attempt that failed half way has left a schedule, which the next one goes on with.
        found = await payments.subscription(state.subscription_id)
        return await payments.switch_later(found, price_id=quote.price_id, idempotency_key=key)

    change = await scheduled(state)
    if change is None:
        _refuse_untrue(errand, quote, state)
        state = await pending_changes.without_update(errand, claim, state)
        state = await _made_free(errand, claim, state)
        try:
            change = await errands.called(
                errand, claim, "switch later", call=schedule, happened=happened
            )
        except PaymentsRefused:
            # Renewed since it was looked at, its period ends at another time than was shown.
            _refuse_untrue(errand, quote, await payments.subscription(state.subscription_id))
            raise
    state = await payments.subscription(state.subscription_id)
    async with errand.database.write() as session:
        story = Story(subscription=state, change=change)
        await settlement.settle_if_clear(session, story, now=errand.now)
        await quotes.end(session, quote)
        answer = outcomes.to_json(Scheduled(quote.effective_at))
        return await idempotency.settle(session, claim, answer)


async def _cancel(errand: Errand, claim: Claim, state: SubscriptionState) -> Answer:
    """Let the subscription end with its period, unless it does."""
    payments = errand.payments

    async def happened() -> SubscriptionState | None:
        found = await payments.subscription(state.subscription_id)
        return found if found.cancels_at is not None else None

    async def cancel(key: str) -> SubscriptionState:
        found = await payments.subscription(state.subscription_id)
        found = await pending_changes.released(errand, claim, found)
        try:
            return await payments.cancel_at_period_end(found.subscription_id, idempotency_key=key)
        except PaymentsRefused:
            found = await payments.subscription(state.subscription_id)
            if found.schedule_id is None:
                raise
            # Somebody has scheduled a switch meanwhile: that is undone before the next attempt.
            raise PaymentsUnavailable(is_final=True) from None

    state = await pending_changes.without_update(errand, claim, state)
    if state.cancels_at is None and state.progress is not SubscriptionProgress.ENDED:
        state = await errands.called(errand, claim, "cancel", call=cancel, happened=happened)
    effective_at = state.ended_at or state.cancels_at or state.period_end
    async with errand.database.write() as session:
        await settlement.settle_if_clear(session, Story(subscription=state), now=errand.now)
        answer = outcomes.to_json(Scheduled(effective_at))
        return await idempotency.settle(session, claim, answer)


async def _made_free(errand: Errand, claim: Claim, state: SubscriptionState) -> SubscriptionState:
    """Undo what is to come, for a switch, and show that: the switch itself may be declined."""
    free = await pending_changes.undone(errand, claim, state)
    if free is not state:
        async with errand.database.write() as session:
            await settlement.settle_if_clear(session, Story(subscription=free), now=errand.now)
    return free


def _done(state: SubscriptionState) -> SwitchResult:
    return SwitchResult(
        subscription=state, invoice_id=state.latest_invoice_id, payment_url=None, expires_at=None
    )


def _refuse_untrue(errand: Errand, quote: Quote, state: SubscriptionState) -> None:
    """Refuse to go on with a switch that is not what was shown, or that nobody waits for."""
    if errand.now >= quote.expires_at + quotes.LIFETIME or not quote.is_true_of(state):
        raise PreviewExpired


async def _give_up(errand: Errand, quote: Quote) -> None:
    """Mark that the switch is not made."""
    async with errand.database.write() as session:
        await quotes.end(session, quote)
