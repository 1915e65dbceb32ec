"""What a payment that goes back takes with it: credits, in proportion, and never more than came.

The sums are what counts, not the events: of what a payment has brought, as much is taken away as
of the payment has gone back by now, by refunds and by disputes. What is missing is taken, from the
lots that it brought and then as unpaid; what is too much is given again, as another lot of its.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, func, select

from billing import ledger, rows
from billing.details import PaymentReversal, ReversalKind
from billing.entries import Deduction, Grant
from billing.payments import PaymentState
from models.database import Session
from models.ledger import AdjustmentType, CreditAdjustment, CreditLot, LotKind


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
    taken, written, given_again = await _taken(session, workspace_id, payment.payment_id)
    own_lots = [brought.number, *given_again]
    for kind, wanted in _wanted(payment, brought.granted).items():
        difference = wanted - taken[kind]
        if difference == 0:
            continue
        written += 1
        adjustment: dict[str, Any] = {
            "source_key": f"reversal:{payment.payment_id}:{written}",
            "type": AdjustmentType.CREDIT_REFUND,
            "credits": abs(difference),
            "detail": PaymentReversal(kind, brought.number),
        }
        if difference > 0:
            deduction = Deduction(own_lots=own_lots, **adjustment)
            await ledger.remove(session, workspace_id=workspace_id, deduction=deduction, now=now)
        else:
            grant = Grant(
                kind=brought.kind,
                period_end=brought.period_end,
                expires_at=brought.expires_at,
                **adjustment,
            )
            again = await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)
            own_lots.append(again.number)


def share(granted: int, *, reversed_minor: int, paid_minor: int) -> int:
    """Return the part of the credits that a part of the payment stands for, rounded down."""
    return granted * min(reversed_minor, paid_minor) // paid_minor


@dataclass(frozen=True, slots=True, kw_only=True)
class _Brought:
    """The lot that a payment has brought."""

    number: int
    granted: int
    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None


def _wanted(payment: PaymentState, granted: int) -> dict[ReversalKind, int]:
    """Return what is to be taken for refunds, and for disputes: in all never more than came."""
    refunded = share(granted, reversed_minor=payment.refunded_minor, paid_minor=payment.paid_minor)
    both = share(
        granted,
        reversed_minor=payment.refunded_minor + payment.disputed_minor,
        paid_minor=payment.paid_minor,
    )
    return {ReversalKind.REFUND: refunded, ReversalKind.DISPUTE: both - refunded}


async def _brought(session: Session, workspace_id: UUID, source_key: str) -> _Brought | None:
    asked = {"of_workspace": workspace_id, "of_source": source_key}
    row = (await session.execute(_BROUGHT, asked)).one_or_none()
    return None if row is None else _Brought(**row._asdict())


class _Taken(NamedTuple):
    """What is taken by now, by the kind of reversal; in how many entries; what lots those gave."""

    credits: dict[ReversalKind, int]
    written: int
    given_again: list[int]


async def _taken(session: Session, workspace_id: UUID, payment_id: str) -> _Taken:
    asked = {"of_workspace": workspace_id, "beginning": f"reversal:{payment_id}:"}
    found = (await session.execute(_TAKEN, asked)).all()
    taken = dict.fromkeys(ReversalKind, 0)
    for row in found:
        taken[ReversalKind(row.detail["kind"])] -= row.amount
    return _Taken(taken, len(found), [row.entry_number for row in found if row.amount > 0])


_ADJUSTMENTS = rows.table(CreditAdjustment).c
_LOTS = rows.table(CreditLot).c
_OURS = bindparam("of_workspace", type_=Uuid())

_BROUGHT = (
    select(_LOTS.number, _LOTS.granted, _LOTS.kind, _LOTS.period_end, _LOTS.expires_at)
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
_TAKEN = select(_ADJUSTMENTS.entry_number, _ADJUSTMENTS.amount, _ADJUSTMENTS.detail).where(
    _ADJUSTMENTS.workspace_id == _OURS,
    func.starts_with(_ADJUSTMENTS.source_key, bindparam("beginning", type_=Text())),
)
