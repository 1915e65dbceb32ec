"""What a payment has brought, and what is taken of that: read from the ledger.

A payment for a year brings a package each month: what has gone back of it is kept until the last.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, BindParameter, Text, Uuid, and_, bindparam, delete, func, select
from sqlalchemy.dialects.postgresql import insert

from billing import rows
from billing.details import ReversalKind
from billing.payments import PaymentState
from models.database import Session
from models.ledger import AdjustmentType, CreditAdjustment, CreditLot, CreditRemoval, LotKind
from models.stripe import ReversedPayment

Brings = Mapping[str, int | None]
"""What a payment brings: how many credits of the grant of each source key, None for all of them.

Those that are to come are named as well. What a plan's first package is of, its others are of:
they are the payment's as a whole, whatever the catalogue says by now that the plan brings.
"""


class Term(NamedTuple):
    """What a lot shares with the one that stands for it."""

    kind: LotKind
    period_end: datetime | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
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
    def term(self) -> Term:
        """What it is and how long it lasts."""
        return Term(self.kind, self.period_end, self.expires_at)


@dataclass(slots=True, kw_only=True)
class Taken:
    """What is taken for a payment by now, by the kind of reversal, and the entries of that."""

    credits: dict[ReversalKind, int]
    entries: list[int]
    given_again: list[Lot]


async def keep(
    session: Session, *, workspace_id: UUID, payment: PaymentState, brings: Brings
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


async def reversed_of(
    session: Session, *, workspace_id: UUID, source_key: str
) -> list[tuple[PaymentState, Brings]]:
    """Return the payments that bring a package and of which something has gone back, as kept."""
    asked = {"of_workspace": workspace_id, "of_source": source_key}
    return [
        (
            PaymentState(
                payment_id=row.stripe_payment_intent_id,
                customer_id=None,
                workspace_id=workspace_id,
                invoice_id=None,
                paid_minor=row.paid_minor,
                refunded_minor=row.refunded_minor,
                disputed_minor=row.disputed_minor,
                receipt_url=None,
            ),
            row.brings,
        )
        for row in (await session.execute(_BRINGING, asked)).all()
    ]


async def lots(session: Session, *, workspace_id: UUID, brings: Brings) -> list[Lot]:
    """Return the lots that have come of what a payment brings, in the order in which they came."""
    asked = {"of_workspace": workspace_id, "of_sources": [*brings]}
    found = (await session.execute(_BROUGHT, asked)).all()
    plans = {row.detail.get(_PLAN) for row in found if brings[row.source_key] is None} - {None}
    lots = []
    for row in found:
        most = None if row.detail.get(_PLAN) in plans else brings[row.source_key]
        credits_ = row.granted if most is None else min(row.granted, most)
        lots.append(
            Lot(
                number=row.number,
                credits=credits_,
                kind=row.kind,
                period_end=row.period_end,
                expires_at=row.expires_at,
                source_key=row.source_key,
            )
        )
    return lots


async def taken(session: Session, *, workspace_id: UUID, payment_id: str) -> Taken:
    """Return what is taken for a payment by now."""
    asked = {"of_workspace": workspace_id, "beginning": f"reversal:{payment_id}:"}
    found = (await session.execute(_TAKEN, asked)).all()
    credits_ = dict.fromkeys(ReversalKind, 0)
    for row in found:
        credits_[ReversalKind(row.detail["kind"])] -= row.amount
    return Taken(
        credits=credits_,
        entries=[row.entry_number for row in found],
        given_again=[
            Lot(
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


async def expired(
    session: Session, *, workspace_id: UUID, lots: Sequence[int]
) -> Mapping[int, int]:
    """Return how many credits of each of these lots have expired, or ended with their plan."""
    asked = {"of_workspace": workspace_id, "of_lots": lots}
    found = (await session.execute(_EXPIRED, asked)).all()
    return {row.lot_number: row.credits for row in found}


async def removed(session: Session, *, workspace_id: UUID, entries: Sequence[int]) -> list[Lot]:
    """Return the lots of which these entries have taken something, then or when they came."""
    if not entries:
        return []
    asked = {"of_workspace": workspace_id, "of_entries": entries}
    found = (await session.execute(_REMOVED, asked)).all()
    return [Lot(**row._asdict()) for row in found]


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

_TERM = (_LOTS.kind, _LOTS.period_end, _LOTS.expires_at)
_IS_LOT_OF_ENTRY = and_(
    _LOTS.workspace_id == _ADJUSTMENTS.workspace_id, _LOTS.number == _ADJUSTMENTS.entry_number
)
_BROUGHT = (
    select(
        _ADJUSTMENTS.source_key,
        _ADJUSTMENTS.detail,
        _LOTS.number,
        _LOTS.granted,
        *_TERM,
    )
    .join_from(
        rows.table(CreditAdjustment),
        rows.table(CreditLot),
        _IS_LOT_OF_ENTRY,
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
        *_TERM,
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
        *_TERM,
    )
    .join_from(
        rows.table(CreditAdjustment),
        rows.table(CreditLot),
        _IS_LOT_OF_ENTRY,
        isouter=True,
    )
    .where(
        _ADJUSTMENTS.workspace_id == _OURS,
        func.starts_with(_ADJUSTMENTS.source_key, bindparam("beginning", type_=Text())),
    )
)
