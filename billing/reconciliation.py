"""Comparing with the provider, so that what was lost on the way heals by itself.

Every quarter of an hour the provider is asked for its events again, from a little before the last
time. Every day what it has is compared with what we have: live subscriptions, paid invoices and
completed pages, and the pages that should have been closed by now. All that is found goes into the
inbox, and is settled from there as if it had been told; nothing is granted here.
"""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Final, TypeVar

from sqlalchemy import ARRAY, DateTime, Text, bindparam, func, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from billing import events, mirror, rows
from billing.clock import Clock
from billing.payments import (
    InvoiceState,
    PaymentEvent,
    PaymentHistory,
    SubscriptionProgress,
    SubscriptionState,
)
from models.database import Database, Record, Session, Snapshot
from models.ledger import CreditAdjustment
from models.plan import StripePrice
from models.stripe import Reconciliation, StripeEvent, StripeEventStatus
from models.subscription import Checkout, CheckoutStatus, Subscription, SwitchQuote

PAGE: Final = 100
LEASE: Final = timedelta(minutes=10)
"""How long a worker has a comparison to itself."""


class Comparison(StrEnum):
    """What is compared."""

    EVENTS = "EVENTS"
    OBJECTS = "OBJECTS"


INTERVAL: Final[Mapping[Comparison, timedelta]] = {
    Comparison.EVENTS: timedelta(minutes=15),
    Comparison.OBJECTS: timedelta(days=1),
}
OVERLAP: Final[Mapping[Comparison, timedelta]] = {
    Comparison.EVENTS: timedelta(hours=1),
    Comparison.OBJECTS: timedelta(days=30),
}
"""How much of the time before the last comparison is compared again.

What is paid is listed by when it was made: a bank may pay days after that, a declined card weeks.
"""

FIRST: Final = timedelta(days=30)
"""How far back the first comparison goes: as far as the provider keeps its events."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Compared:
    """What a comparison has found: so many things that were not known or not settled."""

    comparison: Comparison
    found: int


async def run_due(
    database: Database, history: PaymentHistory, *, expects_live: bool, clock: Clock
) -> list[Compared]:
    """Make the comparisons that are due and that no other worker makes.

    Raises PaymentsUnavailable and PaymentsRefused: the comparison stays due.
    """
    compared = []
    for comparison in Comparison:
        async with database.write() as session:
            since = await _claim(session, comparison, clock=clock)
        if since is None:
            continue
        started_at = clock.now()
        compare = _compare_events if comparison is Comparison.EVENTS else _compare_objects
        try:
            found = await compare(
                database, history, since=since, expects_live=expects_live, clock=clock
            )
        except BaseException:
            async with database.write() as session:
                await _let_go(session, comparison)
            raise
        async with database.write() as session:
            await _finish(session, comparison, at=started_at)
        compared.append(Compared(comparison, found))
    return compared


async def _claim(session: Session, comparison: Comparison, *, clock: Clock) -> datetime | None:
    """Lease a comparison that is due; return from when on to compare."""
    now, at = clock.now(), clock.real()
    await session.execute(
        insert(_COMPARISONS).values(name=comparison, next_at=now).on_conflict_do_nothing()
    )
    is_free = or_(_R.leased_until.is_(None), _R.leased_until <= at)
    claimed = await session.execute(
        update(_COMPARISONS)
        .where(_R.name == comparison, _R.next_at <= now, is_free)
        .values(leased_until=at + LEASE)
        .returning(_R.watermark)
    )
    row = claimed.one_or_none()
    if row is None:
        return None
    return now - FIRST if row.watermark is None else row.watermark - OVERLAP[comparison]


async def _let_go(session: Session, comparison: Comparison) -> None:
    """Let somebody else make a comparison that failed."""
    await session.execute(
        update(_COMPARISONS).where(_R.name == comparison).values(leased_until=None)
    )


async def _finish(session: Session, comparison: Comparison, *, at: datetime) -> None:
    """Note up to when is compared, and when next."""
    await session.execute(
        update(_COMPARISONS)
        .where(_R.name == comparison)
        .values(watermark=at, next_at=at + INTERVAL[comparison], leased_until=None)
    )


async def _compare_events(
    database: Database,
    history: PaymentHistory,
    *,
    since: datetime,
    expects_live: bool,
    clock: Clock,
) -> int:
    """Store the events that were never received; return how many."""
    found = 0
    async for page in _pages(history.events(types=[*events.TYPES], since=since)):
        async with database.write() as session:
            for event in page:
                found += await events.store(
                    session, event, expects_live=expects_live, at=clock.real()
                )
    return found


async def _compare_objects(
    database: Database,
    history: PaymentHistory,
    *,
    since: datetime,
    expects_live: bool,
    clock: Clock,
) -> int:
    """Put into the inbox what is not as the provider has it; return how much."""
    unsettled: list[tuple[str, str]] = []
    live: set[str] = set()
    async for states in _pages(history.live_subscriptions()):
        live |= {state.subscription_id for state in states}
        async with database.snapshot() as snapshot:
            unsettled += [(_CHANGED, each) for each in await _changed(snapshot, states)]
    async with database.snapshot() as snapshot:
        unsettled += [(_CHANGED, each) for each in await _held(snapshot) if each not in live]
        unsettled += [(_CHANGED, each) for each in await _unpaid(snapshot, now=clock.now())]
    async for invoices in _pages(history.paid_invoices(since=since)):
        async with database.snapshot() as snapshot:
            unsettled += [(_PAID, each) for each in await _not_granted(snapshot, invoices)]
    async for pages in _pages(history.complete_checkouts(since=since)):
        async with database.snapshot() as snapshot:
            unsettled += [(_COMPLETED, each) for each in await _not_completed(snapshot, pages)]
    async with database.snapshot() as snapshot:
        unsettled += [(_EXPIRED, each) for each in await _overdue(snapshot, now=clock.now())]

    found = 0
    async with database.write() as session:
        for type_, object_id in unsettled:
            event = PaymentEvent(
                event_id=f"found:{object_id}:{clock.now().isoformat()}",
                type=type_,
                object_id=object_id,
                api_version=None,
                is_live=expects_live,
                payload={},
                occurred_at=clock.now(),
            )
            if not await _is_known(session, object_id):
                found += await events.store(
                    session, event, expects_live=expects_live, at=clock.real()
                )
    return found


async def _changed(snapshot: Snapshot, states: Collection[SubscriptionState]) -> list[str]:
    """Return those subscriptions that we hold otherwise, or not at all."""
    ids = [state.subscription_id for state in states]
    known = {row.stripe_subscription_id: row for row in await snapshot.all(_HELD, {"ids": ids})}
    prices = {"ids": [state.price_id for state in states]}
    sold = {row.stripe_price_id: row for row in await snapshot.all(_SOLD, prices)}
    return [
        state.subscription_id
        for state in states
        if state.progress is not SubscriptionProgress.INCOMPLETE
        and _differs(state, known.get(state.subscription_id), sold.get(state.price_id))
    ]


def _differs(state: SubscriptionState, held: Record | None, sold: Record | None) -> bool:
    """Tell whether a subscription, of a price that is `sold` for a plan, is not held like that."""
    if held is None or sold is None or held.ended_at is not None:
        return True
    is_plan = (held.plan_id, held.billing_cycle) == (sold.plan_id, sold.billing_cycle)
    is_status = held.status is mirror.STATUSES[state.progress]
    is_scheduled = held.stripe_schedule_id == state.schedule_id
    is_cancelled = held.pending_at is not None and held.pending_billing_cycle is None
    is_ending = state.cancels_at == (held.pending_at if is_cancelled else None)
    return not (is_plan and is_status and is_scheduled and is_ending)


async def _held(snapshot: Snapshot) -> list[str]:
    """Return the subscriptions that we take for live."""
    return [row.stripe_subscription_id for row in await snapshot.all(_LIVE)]


async def _unpaid(snapshot: Snapshot, *, now: datetime) -> list[str]:
    """Return the subscriptions of which a switch has replaced something, and nobody has paid it."""
    return [row.stripe_subscription_id for row in await snapshot.all(_UNPAID, {"over_by": now})]


async def _not_granted(snapshot: Snapshot, invoices: Collection[InvoiceState]) -> list[str]:
    """Return those paid invoices of subscriptions of which the ledger knows nothing."""
    ids = [invoice.subscription_id for invoice in invoices]
    held = {row.stripe_subscription_id: row for row in await snapshot.all(_HELD, {"ids": ids})}
    wanted: dict[str, set[tuple[Any, str]]] = {}
    for invoice in invoices:
        if invoice.subscription_id is None:
            continue
        row = held.get(invoice.subscription_id)
        starts = {line.period_start.isoformat() for line in invoice.lines}
        wanted[invoice.invoice_id] = set()
        if row is not None:
            keys = {f"package:{row.id}:{start}" for start in starts}
            keys.add(f"invoice:{invoice.invoice_id}")
            wanted[invoice.invoice_id] = {(row.workspace_id, key) for key in keys}
    granted = await _granted(snapshot, {source for keys in wanted.values() for source in keys})
    return [invoice_id for invoice_id, keys in wanted.items() if not keys & granted]


async def _granted(
    snapshot: Snapshot, sources: Collection[tuple[Any, str]]
) -> set[tuple[Any, str]]:
    """Return those sources that the ledgers of their workspaces know."""
    if not sources:
        return set()
    known = tuple_(_A.workspace_id, _A.source_key).in_(sources)
    found = await snapshot.all(select(_A.workspace_id, _A.source_key).where(known))
    return {(row.workspace_id, row.source_key) for row in found}


async def _not_completed(snapshot: Snapshot, session_ids: Collection[str]) -> list[str]:
    """Return those pages that are not completed here."""
    found = await snapshot.all(_COMPLETE, {"ids": [*session_ids]})
    known = {row.stripe_session_id for row in found}
    return [session_id for session_id in session_ids if session_id not in known]


async def _overdue(snapshot: Snapshot, *, now: datetime) -> list[str]:
    """Return the pages that we take for open although their time is over."""
    return [row.stripe_session_id for row in await snapshot.all(_OVERDUE, {"due_by": now})]


async def _is_known(session: Session, object_id: str) -> bool:
    """Tell whether the inbox is at work on an object, or has put it aside.

    Or has settled an invoice as paid, which it then is for good: some bring no credits. Events of
    types that are never applied, which an endpoint may send as well, say nothing.
    """
    return (await session.execute(_OPEN, {"of_object": object_id})).first() is not None


async def _pages(items: AsyncIterator[Item]) -> AsyncIterator[Sequence[Item]]:
    """Yield what an iterator yields, many at a time: no transaction is open while it waits."""
    page: list[Item] = []
    async for item in items:
        page.append(item)
        if len(page) == PAGE:
            yield page
            page = []
    if page:
        yield page


_CHANGED: Final = "customer.subscription.updated"
_PAID: Final = "invoice.paid"
_COMPLETED: Final = "checkout.session.completed"
_EXPIRED: Final = "checkout.session.expired"

_COMPARISONS = rows.table(Reconciliation)
_R = _COMPARISONS.c
_E = rows.table(StripeEvent).c
_S = rows.table(Subscription).c
_A = rows.table(CreditAdjustment).c
_K = rows.table(Checkout).c
_P = rows.table(StripePrice).c
_QUOTES = rows.table(SwitchQuote)
_Q = _QUOTES.c
_IDS = func.any(bindparam("ids", type_=ARRAY(Text)))

_HELD = select(
    _S.workspace_id,
    _S.id,
    _S.stripe_subscription_id,
    _S.stripe_schedule_id,
    _S.plan_id,
    _S.billing_cycle,
    _S.status,
    _S.pending_at,
    _S.pending_billing_cycle,
    _S.ended_at,
).where(_S.stripe_subscription_id == _IDS)
_SOLD = select(_P.stripe_price_id, _P.plan_id, _P.billing_cycle).where(_P.stripe_price_id == _IDS)
_LIVE = select(_S.stripe_subscription_id).where(
    _S.ended_at.is_(None), _S.stripe_subscription_id.is_not(None)
)
_UNPAID = (
    select(_S.stripe_subscription_id)
    .join(_QUOTES, _Q.workspace_id == _S.workspace_id)
    .where(
        _S.ended_at.is_(None),
        _S.stripe_subscription_id.is_not(None),
        _Q.replaces.is_not(None),
        _Q.expires_at <= bindparam("over_by", type_=DateTime(timezone=True)),
    )
)
_COMPLETE = select(_K.stripe_session_id).where(
    _K.stripe_session_id == _IDS,
    _K.status.in_((CheckoutStatus.COMPLETED, CheckoutStatus.FAILED)),
)
_OVERDUE = select(_K.stripe_session_id).where(
    _K.status == CheckoutStatus.OPEN,
    _K.expires_at <= bindparam("due_by", type_=DateTime(timezone=True)),
)
_OPEN = select(_E.id).where(
    _E.object_id == bindparam("of_object"),
    or_(_E.status != StripeEventStatus.DONE, _E.type == _PAID),
    _E.type.in_(events.TYPES),
)
