"""What a payment that goes back takes with it: credits, in proportion, and never more than came.

The sums are what counts, not the events: of what a payment has brought, as much is taken away as
of the payment has gone back by now, by refunds and by disputes. What is missing is taken, from the
lots that it brought and then as unpaid. What has expired of these is gone already, and not taken
twice. What is too much is given again: first what later lots have paid in its place, for as long as
those would have lasted, then as another lot of its own.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import BindParameter, Text, Uuid, bindparam, func, select

from billing import ledger, rows
from billing.details import PaymentReversal, ReversalKind
from billing.entries import Deduction, Grant
from billing.payments import PaymentState
from models.database import Session
from models.ledger import AdjustmentType, CreditAdjustment, CreditLot, CreditRemoval, LotKind


async def settle(
    session: Session,
    *,
    workspace_id: UUID,
    payment: PaymentState,
    source_key: str | None,
    now: datetime,
) -> None:
    """Take, or give again, what the reversals of a payment come to by now.

    `source_key` is of what the payment has brought. The caller holds the workspace's lock.
    """
    brought = None if source_key is None else await _brought(session, workspace_id, source_key)
    if brought is None or payment.paid_minor == 0:
        return
    await ledger.expire(session, workspace_id=workspace_id, now=now)
    taken = await _taken(session, workspace_id, payment.payment_id)
    own_lots = [brought.number, *taken.given_again]
    expired = await _expired(session, workspace_id, own_lots)
    source_keys = (f"reversal:{payment.payment_id}:{n}" for n in count(len(taken.entries) + 1))
    for kind, wanted in _wanted(payment, brought.credits).items():
        missing = wanted - taken.credits[kind]
        gone = min(max(missing, 0), expired)
        expired -= gone
        story: dict[str, Any] = {
            "type": AdjustmentType.CREDIT_REFUND,
            "detail": PaymentReversal(kind, brought.number),
        }
        if missing > gone:
            deduction = Deduction(
                source_key=next(source_keys), credits=missing - gone, own_lots=own_lots, **story
            )
            await ledger.remove(session, workspace_id=workspace_id, deduction=deduction, now=now)
        elif missing < 0:
            others = await _repaid_by_others(session, workspace_id, taken.entries, own_lots)
            for lot, credits_ in _shared(-missing, [*others, brought], given=taken.again):
                grant = Grant(
                    source_key=next(source_keys),
                    credits=credits_,
                    kind=lot.kind,
                    period_end=lot.period_end,
                    expires_at=lot.expires_at,
                    **story,
                )
                await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)
            taken.again -= missing


def share(granted: int, *, reversed_minor: int, paid_minor: int) -> int:
    """Return the part of the credits that a part of the payment stands for, rounded down."""
    return granted * min(reversed_minor, paid_minor) // paid_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lot:
    """The lot that a payment has brought, or one that has paid `credits` in its place since."""

    number: int
    credits: int
    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What is taken for a payment by now, by the kind of reversal, and the entries of that.

    `given_again` are those that gave credits again, `again` of them in all.
    """

    credits: dict[ReversalKind, int]
    entries: list[int]
    given_again: list[int]
    again: int


def _shared(wanted: int, lots: Iterable[_Lot], *, given: int) -> Iterator[tuple[_Lot, int]]:
    """Yield which lots stand for credits that are given again, after those that were `given`.

    The last one stands for whatever the others do not.
    """
    *others, last = lots
    for lot in others:
        passed = min(given, lot.credits)
        given -= passed
        part = min(wanted, lot.credits - passed)
        wanted -= part
        if part:
            yield lot, part
    if wanted:
        yield last, wanted


def _wanted(payment: PaymentState, granted: int) -> dict[ReversalKind, int]:
    """Return what is to be taken for refunds, and for disputes: in all never more than came."""
    refunded = share(granted, reversed_minor=payment.refunded_minor, paid_minor=payment.paid_minor)
    both = share(
        granted,
        reversed_minor=payment.refunded_minor + payment.disputed_minor,
        paid_minor=payment.paid_minor,
    )
    return {ReversalKind.REFUND: refunded, ReversalKind.DISPUTE: both - refunded}


async def _brought(session: Session, workspace_id: UUID, source_key: str) -> _Lot | None:
    asked = {"of_workspace": workspace_id, "of_source": source_key}
    row = (await session.execute(_BROUGHT, asked)).one_or_none()
    return None if row is None else _Lot(**row._asdict())


async def _taken(session: Session, workspace_id: UUID, payment_id: str) -> _Taken:
    asked = {"of_workspace": workspace_id, "beginning": f"reversal:{payment_id}:"}
    found = (await session.execute(_TAKEN, asked)).all()
    credits_ = dict.fromkeys(ReversalKind, 0)
    for row in found:
        credits_[ReversalKind(row.detail["kind"])] -= row.amount
    return _Taken(
        credits=credits_,
        entries=[row.entry_number for row in found],
        given_again=[row.entry_number for row in found if row.amount > 0],
        again=sum(row.amount for row in found if row.amount > 0),
    )


async def _expired(session: Session, workspace_id: UUID, lots: Sequence[int]) -> int:
    """Return how many credits of these lots have expired, or ended with their plan."""
    asked = {"of_workspace": workspace_id, "of_lots": lots}
    return int((await session.execute(_EXPIRED, asked)).scalar_one())


async def _repaid_by_others(
    session: Session, workspace_id: UUID, entries: Sequence[int], own_lots: Sequence[int]
) -> list[_Lot]:
    """Return the lots that have paid for what was taken and their own did not hold."""
    asked = {"of_workspace": workspace_id, "of_entries": entries, "of_lots": own_lots}
    found = (await session.execute(_REPAID_BY_OTHERS, asked)).all()
    return [_Lot(**row._asdict()) for row in found]


_ADJUSTMENTS = rows.table(CreditAdjustment).c
_LOTS = rows.table(CreditLot).c
_REMOVALS = rows.table(CreditRemoval).c
_OURS = bindparam("of_workspace", type_=Uuid())

_BROUGHT = (
    select(
        _LOTS.number,
        _LOTS.granted.label("credits"),
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
        _ADJUSTMENTS.source_key == bindparam("of_source"),
    )
)
_OF_LOTS: BindParameter[Sequence[int]] = bindparam("of_lots", expanding=True)
_EXPIRED = (
    select(func.coalesce(func.sum(_REMOVALS.credits), 0))
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
)
_REPAID_BY_OTHERS = (
    select(
        _LOTS.number,
        func.sum(_REMOVALS.credits).label("credits"),
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
        _REMOVALS.lot_number.not_in(_OF_LOTS),
    )
    .group_by(_LOTS.workspace_id, _LOTS.number)
    .order_by(_LOTS.number)
)
_TAKEN = select(_ADJUSTMENTS.entry_number, _ADJUSTMENTS.amount, _ADJUSTMENTS.detail).where(
    _ADJUSTMENTS.workspace_id == _OURS,
    func.starts_with(_ADJUSTMENTS.source_key, bindparam("beginning", type_=Text())),
)
