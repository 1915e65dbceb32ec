"""What a paid invoice brings: the package of the period that it pays, or what a switch adds.

Which of the two it is follows from its lines. A line that is no proration pays a period from its
start; where a proration gives back a time that reaches beyond that start, a switch has cut the old
period short. All else that begins a period is a renewal's package, whatever the invoice is for.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from billing import calendar, compensation, holding, ledger, packages, prices, quotes, referrals
from billing.brought import Brings
from billing.calendar import Period
from billing.catalog import MONTHS_A_YEAR
from billing.details import Compensation, ReferralStage
from billing.entries import Deduction, Grant
from billing.holding import Held, Pending, PlanTerms
from billing.payments import InvoiceLine, InvoiceReason, InvoiceState
from billing.unsettled import InvoiceUnclear, Purchase, PurchaseRefused
from models.database import Session
from models.ledger import AdjustmentType, LotKind
from models.plan import BillingCycle


async def settle(
    session: Session,
    held: Held,
    invoice: InvoiceState,
    *,
    pending: Pending | None,
    now: datetime,
) -> Brings:
    """Grant what a paid invoice of a subscription brings, and return that with what it will bring.

    `held` is what the subscription is for, under the workspace's lock, and `pending` what follows
    it. Raises PriceUnknown, InvoiceUnclear and PurchaseRefused.
    """
    if held.was_refused:
        refused = Purchase(
            workspace_id=held.workspace_id, in_the_way=None, invoice_id=invoice.invoice_id
        )
        raise PurchaseRefused(refused, f"{held.stripe_subscription_id} was never held")
    if invoice.reason is InvoiceReason.OTHER:
        return {}
    paid = _paid_line(invoice)
    if _is_switch(invoice, paid):
        return await _switch(session, held, invoice, paid, now=now)
    if paid is None:
        raise InvoiceUnclear(f"The invoice {invoice.invoice_id} pays no period")
    return await _package(session, held, invoice, paid, pending=pending, now=now)


class _Switch(NamedTuple):
    """What a switch went from and to, when, and the credits that this makes."""

    from_plan: PlanTerms
    to_plan: PlanTerms
    to_cycle: BillingCycle
    at: datetime
    credits: int
    fraction_left: float


def _paid_line(invoice: InvoiceState) -> InvoiceLine | None:
    """Return the line that pays a whole period. Raises InvoiceUnclear where there are several."""
    lines = [line for line in invoice.lines if not line.is_proration and line.price_id is not None]
    if len(lines) > 1:
        raise InvoiceUnclear(f"The invoice {invoice.invoice_id} pays {len(lines)} periods")
    return lines[0] if lines else None


def _is_switch(invoice: InvoiceState, paid: InvoiceLine | None) -> bool:
    if invoice.reason is not InvoiceReason.SUBSCRIPTION_UPDATE:
        return False
    prorations = [line for line in invoice.lines if line.is_proration]
    if paid is None:
        return bool(prorations)
    return any(line.period_end > paid.period_start for line in prorations)


async def _package(
    session: Session,
    held: Held,
    invoice: InvoiceState,
    paid: InvoiceLine,
    *,
    pending: Pending | None,
    now: datetime,
) -> Brings:
    """Open the period that is paid, and grant its first package."""
    plan, billing_cycle = await prices.plan(session, paid.price_id)
    period = Period(paid.period_start, paid.period_end)
    refreshes = packages.refresh_periods(plan, billing_cycle, start=period.start, end=period.end)
    first = refreshes[0]
    paid_for = replace(
        held,
        plan=plan,
        billing_cycle=billing_cycle,
        period_start=period.start,
        period_end=period.end,
        pending=pending,
    )
    await _open(session, held, period, first)
    await packages.grant(
        session,
        held=paid_for,
        refresh=first,
        type_=AdjustmentType.SUBSCRIPTION_RENEWAL,
        now=now,
    )
    if invoice.paid.amount_minor:
        await referrals.enqueue(
            session,
            workspace_id=held.workspace_id,
            stage=ReferralStage.FIRST_PAID_PLAN,
            now=now,
        )
    later = {packages.source_key(held, each): plan.credits_per_refresh for each in refreshes[1:]}
    return {packages.source_key(held, first): None} | later


async def _open(session: Session, held: Held, period: Period, refresh: Period) -> None:
    """Move what is held on to a paid period, unless it is there or further."""
    if held.ended_at is None and (held.refresh is None or period.start > held.period_start):
        await holding.change(
            session, held, period_start=period.start, period_end=period.end, refresh=refresh
        )


async def _switch(
    session: Session,
    held: Held,
    invoice: InvoiceState,
    paid: InvoiceLine | None,
    *,
    now: datetime,
) -> Brings:
    """Add what a switch makes of the rest of the period, or take it away; once an invoice."""
    source_key = f"invoice:{invoice.invoice_id}"
    switch = await _understood(session, held, invoice, paid)
    period, refresh = _periods(held, invoice, paid, switch)
    if paid is not None:
        await _open(session, held, period, refresh)
    plan_held = replace(
        held,
        plan=switch.to_plan,
        billing_cycle=switch.to_cycle,
        period_start=period.start,
        period_end=period.end,
    )
    adjustment: dict[str, Any] = {
        "source_key": source_key,
        "type": AdjustmentType.SUBSCRIPTION_SWITCH_COMPENSATION,
        "credits": abs(switch.credits),
        "detail": Compensation(switch.from_plan.id, switch.to_plan.id, switch.fraction_left),
        "description": f"Switch to {switch.to_plan.name}",
    }
    if switch.credits > 0:
        grant = Grant(
            kind=LotKind.RECURRING,
            period_end=refresh.end,
            expires_at=await packages.expires_at(session, plan_held, refresh),
            **adjustment,
        )
        await ledger.grant(session, workspace_id=held.workspace_id, grant=grant, now=now)
    elif switch.credits < 0:
        deduction = Deduction(recurring_first=True, **adjustment)
        await ledger.remove(session, workspace_id=held.workspace_id, deduction=deduction, now=now)
    if paid is None and held.refresh is not None and switch.at < held.refresh.start < period.end:
        # It was paid, or heard of, so late that the next package has come, of the old plan.
        await packages.complete(
            session, held=plan_held, refresh=held.refresh, source=invoice.invoice_id, now=now
        )
    brings = {source_key: max(switch.credits, 0)}
    # A year that is paid anew brings all of its packages; the rest of one brings them larger.
    before = 0 if paid is not None else switch.from_plan.credits_per_refresh
    more = switch.to_plan.credits_per_refresh - before
    if more <= 0:
        return brings
    of_period = packages.refresh_periods(
        switch.to_plan, switch.to_cycle, start=period.start, end=period.end
    )
    later = [each for each in of_period if each.start > refresh.start]
    source_keys = await packages.source_keys(
        session, held=held, refreshes=later, source=invoice.invoice_id
    )
    return brings | dict.fromkeys(source_keys, more)


async def _understood(
    session: Session, held: Held, invoice: InvoiceState, paid: InvoiceLine | None
) -> _Switch:
    """Return what a switch was: by the quote that it was made by, else by the proration pair."""
    given_back = [line for line in invoice.lines if line.is_proration and line.amount_minor < 0]
    prorated_at = min((line.period_start for line in given_back), default=None)
    quote = await quotes.of_invoice(
        session,
        workspace_id=held.workspace_id,
        invoice_id=invoice.invoice_id,
        proration_at=prorated_at,
    )
    if quote is not None:
        return _Switch(
            await holding.plan(session, plan_id=quote.from_plan_id),
            await holding.plan(session, plan_id=quote.plan_id),
            quote.billing_cycle,
            quote.proration_at,
            quote.credits,
            quote.fraction_left,
        )

    charged = [paid] if paid else [line for line in invoice.lines if line.amount_minor > 0]
    old, new = _only(invoice, given_back), _only(invoice, charged)
    from_plan, from_cycle = await prices.plan(session, old.price_id)
    to_plan, to_cycle = await prices.plan(session, new.price_id)
    at = old.period_start
    cut_short = _refresh_at(held, from_plan, from_cycle, ends=old.period_end, at=at)
    left = compensation.fraction_left(cut_short, at=at)
    amount = compensation.amount(
        old_package=from_plan.credits_per_refresh,
        new_package=to_plan.credits_per_refresh,
        left=left,
        begins_anew=paid is not None,
    )
    return _Switch(from_plan, to_plan, to_cycle, at, amount, float(left))


def _only(invoice: InvoiceState, lines: Sequence[InvoiceLine]) -> InvoiceLine:
    """Return the first of lines that are all of one price and time. Raises InvoiceUnclear."""
    if len({(line.price_id, line.period_start, line.period_end) for line in lines}) != 1:
        raise InvoiceUnclear(
            f"The invoice {invoice.invoice_id} prorates no pair of one plan and another"
        )
    return lines[0]


def _periods(
    held: Held, invoice: InvoiceState, paid: InvoiceLine | None, switch: _Switch
) -> tuple[Period, Period]:
    """Return the paid period after a switch, and the refresh period that its credits are for."""
    if paid is not None:
        period = Period(paid.period_start, paid.period_end)
        refresh = packages.refresh_period(
            switch.to_plan, switch.to_cycle, start=period.start, end=period.end, now=period.start
        )
        assert refresh is not None
        return period, refresh

    end = max(line.period_end for line in invoice.lines)
    start = held.period_start if held.period_end == end else _start(switch.to_cycle, end)
    refresh = _refresh_at(held, switch.to_plan, switch.to_cycle, ends=end, at=switch.at)
    return Period(start, end), refresh


def _refresh_at(
    held: Held, plan: PlanTerms, billing_cycle: BillingCycle, *, ends: datetime, at: datetime
) -> Period:
    """Return the refresh period that held a moment of the paid period that `ends` then.

    It is the one that is held, as long as nothing has been paid after it.
    """
    if held.refresh is not None and held.refresh.start <= at < held.refresh.end:
        return held.refresh
    start = held.period_start if held.period_end == ends else _start(billing_cycle, ends)
    period = packages.refresh_period(plan, billing_cycle, start=start, end=ends, now=at)
    return period or Period(start, ends)


def _start(billing_cycle: BillingCycle, end: datetime) -> datetime:
    """Return when a period that ended long ago began, as far as its end can tell."""
    months = 1 if billing_cycle is BillingCycle.MONTHLY else MONTHS_A_YEAR
    return calendar.add_months(end, -months)
