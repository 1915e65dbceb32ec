"""What a payment that goes back takes with it: credits, in proportion, and never more than came.

The sums are what counts, not the events: of what a payment brings, as much is taken away as of the
payment has gone back by now, by refunds and by disputes. A year's payment brings twelve packages:
the last of them go first, and one that has not come yet is taken as soon as it comes. What is
missing is taken from the lots that the payment brought and then as unpaid. What has expired of
these before it was taken is gone already, and not taken twice. What is too much is given again:
first what later lots have paid in its place, for as long as those would have lasted, then of the
payment's own lots, the last ones first, each for as long as it would have lasted.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, Text, Uuid, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from billing import ledger, rows
from billing.details import PaymentReversal, ReversalKind
from billing.entries import Deduction, Grant
from billing.payments import PaymentState
from models.database import Session
from models.ledger import AdjustmentType, CreditAdjustment, CreditLot, CreditRemoval, LotKind
from models.stripe import ReversedPayment

Brings = Mapping[str, int | None]
"""What a payment brings: how many credits of the grant of each source key, None for all of them.

Those that are to come are named as well. What a plan's first package is of, its others are of:
they are the payment's as a whole, whatever the catalogue says by now that the plan brings.
"""


async def settle(
    session: Session,
    *,
    workspace_id: UUID,
    payment: PaymentState,
    brings: Brings,
    now: datetime,
) -> None:
    """Take, or give again, what the reversals of a payment come to by now.

    The caller holds the workspace's lock.
    """
    if payment.paid_minor == 0 or not brings:
        return
    if len(brings) > 1:
        await _keep(session, workspace_id, payment, brings)
    await _settle(session, workspace_id, payment, brings, now=now)


async def settle_coming(
    session: Session, *, workspace_id: UUID, source_key: str, now: datetime
) -> None:
    """Take what has gone back already of a package that has just come.

    The caller holds the workspace's lock.
    """
    asked = {"of_workspace": workspace_id, "of_source": source_key}
    for row in (await session.execute(_BRINGING, asked)).all():
        payment = PaymentState(
            payment_id=row.stripe_payment_intent_id,
            customer_id=None,
            workspace_id=workspace_id,
            invoice_id=None,
            paid_minor=row.paid_minor,
            refunded_minor=row.refunded_minor,
            disputed_minor=row.disputed_minor,
            receipt_url=None,
        )
        await _settle(session, workspace_id, payment, row.brings, now=now)


async def _settle(
    session: Session, workspace_id: UUID, payment: PaymentState, brings: Brings, *, now: datetime
) -> None:
    lots = await _brought(session, workspace_id, brings)
    if not lots:
        return
    await ledger.expire(session, workspace_id=workspace_id, now=now)
    taken = await _taken(session, workspace_id, payment.payment_id)
    given = taken.given_again
    own_lots = [lot.number for lot in (*lots, *given)]
    removed = await _removed(session, workspace_id, taken.entries)
    expired = await _expired(session, workspace_id, own_lots)
    wanted = _wanted(payment, lots, to_come=_to_come(brings, lots))
    parts = _parts(lots, sum(wanted.values()))
    gone_already = _gone(parts, expired, _at_once(removed, given, own_lots), own=[*lots, *given])
    source_keys = (f"reversal:{payment.payment_id}:{n}" for n in count(len(taken.entries) + 1))
    missing_of = {kind: credits_ - taken.credits[kind] for kind, credits_ in wanted.items()}
    # What is taken first is repaid by what is given again: nothing is owed beside credits.
    for kind, missing in missing_of.items():
        gone = min(max(missing, 0), gone_already)
        gone_already -= gone
        if missing > gone:
            deduction = Deduction(
                source_key=next(source_keys),
                type=AdjustmentType.CREDIT_REFUND,
                credits=missing - gone,
                own_lots=own_lots,
                detail=PaymentReversal(kind, lots[-1].number),
            )
            entry = await ledger.remove(
                session, workspace_id=workspace_id, deduction=deduction, now=now
            )
            removed = await _removed(session, workspace_id, [*taken.entries, entry.number])
    again = {kind: -missing for kind, missing in missing_of.items() if missing < 0}
    shares = _shared(sum(again.values()), lots, parts, _from(removed, given))
    for kind, credits_ in again.items():
        part, shares = _split(shares, credits_)
        for term, number in part:
            grant = Grant(
                source_key=next(source_keys),
                type=AdjustmentType.CREDIT_REFUND,
                credits=number,
                kind=term.kind,
                period_end=term.period_end,
                expires_at=term.expires_at,
                detail=PaymentReversal(kind, lots[-1].number),
            )
            await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)


def share(granted: int, *, reversed_minor: int, paid_minor: int) -> int:
    """Return the part of the credits that a part of the payment stands for, rounded down."""
    return granted * min(reversed_minor, paid_minor) // paid_minor


class _Term(NamedTuple):
    """What a lot shares with the one that stands for it."""

    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None


_Shares = list[tuple[_Term, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lot:
    """A lot that a payment has brought or given again, or one of which something is taken for it.

    Of the latter, so many `at_once`, and the others when it came and repaid. Not all of a lot that
    was brought need be the payment's: `credits` are.
    """

    number: int
    credits: int
    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None
    source_key: str | None = None
    at_once: int = 0

    @property
    def term(self) -> _Term:
        """What it is and how long it lasts."""
        return _Term(self.kind, self.period_end, self.expires_at)


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What is taken for a payment by now, by the kind of reversal, and the entries of that."""

    credits: dict[ReversalKind, int]
    entries: list[int]
    given_again: list[_Lot]


def _parts(lots: Sequence[_Lot], wanted: int) -> Counter[_Term]:
    """Return how many credits are to be taken of the lots of each term: the last ones go first."""
    parts: Counter[_Term] = Counter()
    for lot in reversed(lots):
        part = min(lot.credits, wanted)
        parts[lot.term] += part
        wanted -= part
    return parts


def _gone(
    parts: Mapping[_Term, int],
    expired: Mapping[int, int],
    at_once: Mapping[_Term, int],
    *,
    own: Sequence[_Lot],
) -> int:
    """Return how many of the credits that are to be taken have expired before they were taken.

    What was left of a lot of which its part was taken has expired as well: that stands for nothing.
    """
    over: Counter[_Term] = Counter()
    for lot in own:
        over[lot.term] += expired.get(lot.number, 0)
    return sum(
        min(over[term], max(0, part - max(0, at_once[term]))) for term, part in parts.items()
    )


def _at_once(
    removed: Iterable[_Lot], given: Sequence[_Lot], own_lots: Collection[int]
) -> Counter[_Term]:
    """Return what was taken of a payment's own lots of each term, less what was given again."""
    again = {lot.number for lot in given}
    net: Counter[_Term] = Counter()
    for lot in removed:
        if lot.number in own_lots:
            net[lot.term] += lot.credits if lot.number in again else lot.at_once
    for lot in given:
        net[lot.term] -= lot.credits
    return net


def _from(removed: Iterable[_Lot], given: Iterable[_Lot]) -> Counter[_Term]:
    """Return what was taken, or repaid later, of all lots of each term, less what came again."""
    net: Counter[_Term] = Counter()
    for lot in removed:
        net[lot.term] += lot.credits
    for lot in given:
        net[lot.term] -= lot.credits
    return net


def _shared(
    wanted: int, own: Sequence[_Lot], parts: Mapping[_Term, int], taken: Mapping[_Term, int]
) -> _Shares:
    """Return the terms of what is given again, in the order in which it repays what is owed.

    Lots that paid in place of the payment's own come first, then its own, the last for the most:
    as they were taken. The rest was never paid: it only repays.
    """
    terms = list(dict.fromkeys(lot.term for lot in own))
    others: _Shares = []
    ours: _Shares = []
    for term in (*(term for term in taken if term not in terms), *reversed(terms)):
        part = min(wanted, max(0, taken.get(term, 0) - parts.get(term, 0)))
        wanted -= part
        if part:
            (ours if term in terms else others).append((term, part))
    if wanted:
        ours.append((terms[0], wanted))
    return [*reversed(ours), *others]


def _wanted(
    payment: PaymentState, lots: Sequence[_Lot], *, to_come: int
) -> dict[ReversalKind, int]:
    """Return what is to be taken for refunds, and for disputes: in all never more than came."""
    total = sum(lot.credits for lot in lots) + to_come

    def lost(reversed_minor: int) -> int:
        gone = share(total, reversed_minor=reversed_minor, paid_minor=payment.paid_minor)
        return max(0, gone - to_come)

    refunded = lost(payment.refunded_minor)
    both = lost(payment.refunded_minor + payment.disputed_minor)
    return {ReversalKind.REFUND: refunded, ReversalKind.DISPUTE: both - refunded}


def _to_come(brings: Brings, lots: Sequence[_Lot]) -> int:
    """Return the credits that a payment has not brought yet."""
    here = {lot.source_key for lot in lots}
    return sum(credits_ or 0 for source_key, credits_ in brings.items() if source_key not in here)


def _split(shares: _Shares, credits_: int) -> tuple[_Shares, _Shares]:
    """Return the first of the shares, which come to so many credits, and the rest."""
    first: _Shares = []
    rest: _Shares = []
    for term, number in shares:
        part = min(number, credits_)
        credits_ -= part
        if part:
            first.append((term, part))
        if number > part:
            rest.append((term, number - part))
    return first, rest


async def _keep(
    session: Session, workspace_id: UUID, payment: PaymentState, brings: Brings
) -> None:
    """Keep what has gone back of a payment, for the packages that it has not brought yet."""
    if payment.refunded_minor + payment.disputed_minor == 0:
        await session.execute(_FORGET, {"of_workspace": workspace_id, "of": payment.payment_id})
        return
    row = {
        "workspace_id": workspace_id,
        "stripe_payment_intent_id": payment.payment_id,
        "paid_minor": payment.paid_minor,
        "refunded_minor": payment.refunded_minor,
        "disputed_minor": payment.disputed_minor,
        "brings": dict(brings),
    }
    told = insert(_REVERSED).values(row)
    changed = {name: told.excluded[name] for name in row if name not in _REVERSED.primary_key}
    await session.execute(
        told.on_conflict_do_update(constraint=_REVERSED.primary_key, set_=changed)
    )


async def _brought(session: Session, workspace_id: UUID, brings: Brings) -> list[_Lot]:
    """Return the lots that have come of what a payment brings, in the order in which they came."""
    asked = {"of_workspace": workspace_id, "of_sources": [*brings]}
    found = (await session.execute(_BROUGHT, asked)).all()
    plans = {row.detail.get(_PLAN) for row in found if brings[row.source_key] is None} - {None}
    lots = []
    for row in found:
        most = None if row.detail.get(_PLAN) in plans else brings[row.source_key]
        credits_ = row.granted if most is None else min(row.granted, most)
        lots.append(
            _Lot(
                number=row.number,
                credits=credits_,
                kind=row.kind,
                period_end=row.period_end,
                expires_at=row.expires_at,
                source_key=row.source_key,
            )
        )
    return lots


async def _taken(session: Session, workspace_id: UUID, payment_id: str) -> _Taken:
    asked = {"of_workspace": workspace_id, "beginning": f"reversal:{payment_id}:"}
    found = (await session.execute(_TAKEN, asked)).all()
    credits_ = dict.fromkeys(ReversalKind, 0)
    for row in found:
        credits_[ReversalKind(row.detail["kind"])] -= row.amount
    return _Taken(
        credits=credits_,
        entries=[row.entry_number for row in found],
        given_again=[
            _Lot(
                number=row.entry_number,
                credits=row.amount,
                kind=row.kind,
                period_end=row.period_end,
                expires_at=row.expires_at,
            )
            for row in found
            if row.amount > 0
        ],
    )


async def _expired(session: Session, workspace_id: UUID, lots: Sequence[int]) -> Mapping[int, int]:
    """Return how many credits of each of these lots have expired, or ended with their plan."""
    asked = {"of_workspace": workspace_id, "of_lots": lots}
    found = (await session.execute(_EXPIRED, asked)).all()
    return {row.lot_number: row.credits for row in found}


async def _removed(session: Session, workspace_id: UUID, entries: Sequence[int]) -> list[_Lot]:
    """Return the lots of which these entries have taken something, then or when they came."""
    if not entries:
        return []
    asked = {"of_workspace": workspace_id, "of_entries": entries}
    found = (await session.execute(_REMOVED, asked)).all()
    return [_Lot(**row._asdict()) for row in found]


_PLAN = "plan_id"
_ADJUSTMENTS = rows.table(CreditAdjustment).c
_LOTS = rows.table(CreditLot).c
_REMOVALS = rows.table(CreditRemoval).c
_REVERSED = rows.table(ReversedPayment)
_OURS = bindparam("of_workspace", type_=Uuid())

_BRINGING = select(_REVERSED).where(
    _REVERSED.c.workspace_id == _OURS,
    _REVERSED.c.brings.has_key(bindparam("of_source", type_=Text())),
)
_FORGET = delete(_REVERSED).where(
    _REVERSED.c.workspace_id == _OURS, _REVERSED.c.stripe_payment_intent_id == bindparam("of")
)

_BROUGHT = (
    select(
        _ADJUSTMENTS.source_key,
        _ADJUSTMENTS.detail,
        _LOTS.number,
        _LOTS.granted,
        _LOTS.kind,
        _LOTS.period_end,
        _LOTS.expires_at,
    )
    .join_from(
        rows.table(CreditAdjustment),
        rows.table(CreditLot),
        (_LOTS.workspace_id == _ADJUSTMENTS.workspace_id)
        & (_LOTS.number == _ADJUSTMENTS.entry_number),
    )
    .where(
        _ADJUSTMENTS.workspace_id == _OURS,
        _ADJUSTMENTS.source_key == func.any(bindparam("of_sources", type_=ARRAY(Text))),
    )
    .order_by(_LOTS.number)
)
_OF_LOTS: BindParameter[Sequence[int]] = bindparam("of_lots", expanding=True)
_EXPIRED = (
    select(_REMOVALS.lot_number, func.sum(_REMOVALS.credits).label("credits"))
    .join_from(
        rows.table(CreditRemoval),
        rows.table(CreditAdjustment),
        (_ADJUSTMENTS.workspace_id == _REMOVALS.workspace_id)
        & (_ADJUSTMENTS.entry_number == _REMOVALS.adjustment_number),
    )
    .where(
        _REMOVALS.workspace_id == _OURS,
        _REMOVALS.lot_number.in_(_OF_LOTS),
        _ADJUSTMENTS.type == AdjustmentType.CREDIT_EXPIRATION,
    )
    .group_by(_REMOVALS.lot_number)
)
_IS_AT_ONCE = _REMOVALS.adjustment_number > _REMOVALS.lot_number
_REMOVED = (
    select(
        _LOTS.number,
        func.sum(_REMOVALS.credits).label("credits"),
        func.coalesce(func.sum(_REMOVALS.credits).filter(_IS_AT_ONCE), 0).label("at_once"),
        _LOTS.kind,
        _LOTS.period_end,
        _LOTS.expires_at,
    )
    .join_from(
        rows.table(CreditRemoval),
        rows.table(CreditLot),
        (_LOTS.workspace_id == _REMOVALS.workspace_id) & (_LOTS.number == _REMOVALS.lot_number),
    )
    .where(
        _REMOVALS.workspace_id == _OURS,
        _REMOVALS.adjustment_number.in_(bindparam("of_entries", expanding=True)),
    )
    .group_by(_LOTS.workspace_id, _LOTS.number)
    .order_by(_LOTS.number)
)
_TAKEN = (
    select(
        _ADJUSTMENTS.entry_number,
        _ADJUSTMENTS.amount,
        _ADJUSTMENTS.detail,
        _LOTS.kind,
        _LOTS.period_end,
        _LOTS.expires_at,
    )
    .join_from(
        rows.table(CreditAdjustment),
        rows.table(CreditLot),
        (_LOTS.workspace_id == _ADJUSTMENTS.workspace_id)
        & (_LOTS.number == _ADJUSTMENTS.entry_number),
        isouter=True,
    )
    .where(
        _ADJUSTMENTS.workspace_id == _OURS,
        func.starts_with(_ADJUSTMENTS.source_key, bindparam("beginning", type_=Text())),
    )
)
