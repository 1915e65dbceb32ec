"""What a plan switch was shown to cost: kept, so that what was shown is what is charged.

A quote is good for `LIFETIME` and for the subscription that it was made for: `fingerprint` is
another one as soon as anything has changed that its numbers depend on.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, Uuid, and_, bindparam, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from billing import compensation, packages, rows
from billing.calendar import Period
from billing.catalog import Money
from billing.holding import Held, PlanTerms
from billing.payments import Payments, SubscriptionState
from billing.switching import SwitchAction
from models.base import new_id
from models.plan import BillingCycle
from models.subscription import SwitchQuote

LIFETIME = timedelta(minutes=10)
"""How long what was shown can be confirmed."""

ABANDONED = timedelta(seconds=60)
"""After so long, whoever began to switch by a quote has died of it: no call takes longer."""

NOTHING = ""
"""What a switch replaces where the subscription was to end."""

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """What switching was shown to do; `credits` is the compensation, negative when some are taken.

    `due` is paid at once, at the proration of `proration_at`, which the provider takes in whole
    seconds. `effective_at` is later than that for a switch at the end of the period, which costs
    nothing now. `replaces` is what a switch by it has taken the place of, as long as that is not
    known to be made: the price that a schedule changed to, or `NOTHING` for an end.
    """

    id: UUID
    workspace_id: UUID
    from_plan_id: str
    plan_id: str
    billing_cycle: BillingCycle
    price_id: str
    fingerprint: str
    proration_at: datetime
    due: Money
    credits: int
    fraction_left: float
    effective_at: datetime
    expires_at: datetime
    replaces: str | None = None

    def is_true_of(self, state: SubscriptionState) -> bool:
        """Tell whether what was shown still is what a switch of the subscription would do."""
        return self.fingerprint == _fingerprint(state)

    @property
    def subscription_id(self) -> str:
        """The subscription that it was made for."""
        return self.fingerprint.partition("|")[0]

    @property
    def action(self) -> SwitchAction:
        """What confirming it does."""
        is_later = self.effective_at > self.proration_at
        return SwitchAction.SWITCH_AT_PERIOD_END if is_later else SwitchAction.UPGRADE_NOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The plan, cycle and price to switch to, and whether that happens now."""

    plan: PlanTerms
    billing_cycle: BillingCycle
    price_id: str
    price: Money
    is_now: bool


async def make(
    payments: Payments, held: Held, state: SubscriptionState, target: Target, *, now: datetime
) -> Quote:
    """Ask what a switch would cost, and say what it would do to the credits; nothing is kept.

    Raises PaymentsUnavailable and PaymentsRefused.
    """
    at = now.replace(microsecond=0)
    at = max(state.period_start, min(at, state.period_end - _SECOND))
    due, credits_, left = Money(0, target.price.currency), 0, 0.0
    if target.is_now:
        preview = await payments.preview_switch(state, price_id=target.price_id, proration_at=at)
        due = preview.due
        period = refresh_period(held, state, at=at)
        fraction = compensation.fraction_left(period, at=at)
        left = float(fraction)
        credits_ = compensation.amount(
            old_package=held.plan.credits_per_refresh,
            new_package=target.plan.credits_per_refresh,
            left=fraction,
            begins_anew=held.billing_cycle is not target.billing_cycle,
        )
    return Quote(
        id=new_id(),
        workspace_id=held.workspace_id,
        from_plan_id=held.plan.id,
        plan_id=target.plan.id,
        billing_cycle=target.billing_cycle,
        price_id=target.price_id,
        fingerprint=_fingerprint(state),
        proration_at=at,
        due=due,
        credits=credits_,
        fraction_left=left,
        effective_at=at if target.is_now else state.period_end,
        expires_at=now + LIFETIME,
    )


def refresh_period(held: Held, state: SubscriptionState, *, at: datetime) -> Period:
    """Return the refresh period that holds a moment, whether its package is granted yet or not."""
    if held.refresh is not None and held.refresh.start <= at < held.refresh.end:
        return held.refresh
    period = packages.refresh_period(
        held.plan, held.billing_cycle, start=state.period_start, end=state.period_end, now=at
    )
    return period or Period(state.period_start, state.period_end)


async def keep(session: AsyncSession, quote: Quote, *, now: datetime) -> None:
    """Keep a quote; those of the workspace that nobody can confirm any more are let go."""
    over = and_(
        _C.workspace_id == quote.workspace_id,
        _C.expires_at <= now - LIFETIME,
        _C.stripe_invoice_id.is_(None),
        _C.under_way_since.is_(None),
        _C.replaces.is_(None),
    )
    await session.execute(delete(_QUOTES).where(over))
    await session.execute(
        insert(_QUOTES).values(
            workspace_id=quote.workspace_id,
            id=quote.id,
            from_plan_id=quote.from_plan_id,
            plan_id=quote.plan_id,
            billing_cycle=quote.billing_cycle,
            stripe_price_id=quote.price_id,
            fingerprint=quote.fingerprint,
            proration_date=quote.proration_at,
            amount_due_minor=quote.due.amount_minor,
            currency=quote.due.currency,
            compensation_credits=quote.credits,
            fraction_left=quote.fraction_left,
            effective_at=quote.effective_at,
            created_at=now,
            expires_at=quote.expires_at,
        )
    )


async def find(session: AsyncSession, *, workspace_id: UUID, quote_id: UUID) -> Quote | None:
    """Return a quote of the workspace."""
    asked = {"of_workspace": workspace_id, "of_quote": quote_id}
    row = (await session.execute(_FIND, asked)).one_or_none()
    return None if row is None else _quote(row)


async def begin(
    session: AsyncSession, quote: Quote, *, replaces: str | None, now: datetime
) -> bool:
    """Mark that a switch by the quote is under way; False while another one is.

    One that was abandoned is none any more: what became of it, the subscription shows. What it
    has replaced, or one that nobody has paid, this one replaces. The caller holds the workspace's
    lock.
    """
    ours = _C.workspace_id == quote.workspace_id
    await session.execute(
        update(_QUOTES)
        .where(ours, _C.under_way_since <= now - ABANDONED)
        .values(under_way_since=None)
    )
    if await is_under_way(session, workspace_id=quote.workspace_id, now=now):
        return False
    unpaid = await replacing(session, workspace_id=quote.workspace_id)
    if unpaid is not None and unpaid.subscription_id == quote.subscription_id:
        replaces = unpaid.replaces if replaces is None else replaces
    await forget_replaced(session, workspace_id=quote.workspace_id)
    await session.execute(
        update(_QUOTES)
        .where(ours, _C.id == quote.id)
        .values(under_way_since=now, replaces=replaces)
    )
    return True


async def is_under_way(session: AsyncSession, *, workspace_id: UUID, now: datetime) -> bool:
    """Tell whether a switch is under way that was not abandoned."""
    found = await session.scalar(
        select(func.count())
        .select_from(_QUOTES)
        .where(_C.workspace_id == workspace_id, _C.under_way_since > now - ABANDONED)
    )
    return bool(found)


async def replacing(session: AsyncSession, *, workspace_id: UUID) -> Quote | None:
    """Return the quote whose switch has replaced something, and is not known to be made."""
    row = (await session.execute(_REPLACING, {"of_workspace": workspace_id})).one_or_none()
    return None if row is None else _quote(row)


async def forget_replaced(session: AsyncSession, *, workspace_id: UUID) -> None:
    """Let what a switch has replaced never come again: something else was chosen."""
    await session.execute(
        update(_QUOTES)
        .where(_C.workspace_id == workspace_id, _C.replaces.is_not(None))
        .values(replaces=None)
    )


async def bind(session: AsyncSession, quote: Quote, *, invoice_id: str) -> None:
    """Bind the quote to the invoice that its switch has made."""
    await session.execute(
        update(_QUOTES)
        .where(_C.workspace_id == quote.workspace_id, _C.id == quote.id)
        .values(stripe_invoice_id=invoice_id)
    )


async def end(session: AsyncSession, quote: Quote, *, is_unpaid: bool = False) -> None:
    """Mark that the switch is no longer under way.

    What it has replaced may come again only as long as it `is_unpaid`.
    """
    values: dict[str, str | None] = {"under_way_since": None}
    if not is_unpaid:
        values["replaces"] = None
    await session.execute(
        update(_QUOTES)
        .where(_C.workspace_id == quote.workspace_id, _C.id == quote.id)
        .values(values)
    )


async def of_invoice(
    session: AsyncSession, *, workspace_id: UUID, invoice_id: str, proration_at: datetime | None
) -> Quote | None:
    """Return the quote that an invoice was made by.

    It is bound to the invoice, or its switch is still under way and prorates at the moment that
    the invoice does: an invoice may be heard of before its switch is answered.
    """
    asked = {"of_workspace": workspace_id, "of_invoice": invoice_id, "prorated_at": proration_at}
    row = (await session.execute(_OF_INVOICE, asked)).one_or_none()
    return None if row is None else _quote(row)


def _fingerprint(state: SubscriptionState) -> str:
    """Return what the numbers depend on; on a change that is to come they do not."""
    return replace(state, cancels_at=None, schedule_id=None).fingerprint


def _quote(row: Row[tuple[object, ...]]) -> Quote:
    return Quote(
        id=row.id,
        workspace_id=row.workspace_id,
        from_plan_id=row.from_plan_id,
        plan_id=row.plan_id,
        billing_cycle=row.billing_cycle,
        price_id=row.stripe_price_id,
        fingerprint=row.fingerprint,
        proration_at=row.proration_date,
        due=Money(row.amount_due_minor, row.currency),
        credits=row.compensation_credits,
        fraction_left=row.fraction_left,
        effective_at=row.effective_at,
        expires_at=row.expires_at,
        replaces=row.replaces,
    )


_QUOTES = rows.table(SwitchQuote)
_C = _QUOTES.c
_OURS = _C.workspace_id == bindparam("of_workspace", type_=Uuid())
_FIND = select(_QUOTES).where(_OURS, _C.id == bindparam("of_quote", type_=Uuid()))
_REPLACING = select(_QUOTES).where(_OURS, _C.replaces.is_not(None))
_OF_INVOICE = (
    select(_QUOTES)
    .where(
        _OURS,
        or_(
            _C.stripe_invoice_id == bindparam("of_invoice"),
            and_(
                _C.under_way_since.is_not(None),
                _C.proration_date == bindparam("prorated_at", type_=_C.proration_date.type),
            ),
        ),
    )
    .order_by(_C.stripe_invoice_id.nulls_last())
    .limit(1)
)
