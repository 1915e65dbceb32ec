"""What the tests of billing are made of: values with defaults, named by what differs."""

from datetime import UTC, datetime, timedelta
from itertools import count
from uuid import UUID

from billing.details import Administration, Detail
from billing.entries import Deduction, Grant, Usage
from models.ledger import AdjustmentType, LotKind, UsageKind

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
"""When a test begins."""

MONTH_LATER = NOON + timedelta(days=30)
DAY = timedelta(days=1)

RECORD = UUID("01890000-0000-7000-8000-000000000001")

_numbers = count(1)


def hours(number: float) -> timedelta:
    """Return so many hours."""
    return timedelta(hours=number)


def days(number: float) -> timedelta:
    """Return so many days."""
    return timedelta(days=number)


def grant(
    amount: int = 100,
    *,
    source_key: str | None = None,
    kind: LotKind = LotKind.GRANTED,
    period_end: datetime | None = None,
    expires_at: datetime | None = None,
    renews_at: datetime | None = None,
) -> Grant:
    """Return a grant; a purchase, package or gift by its kind, of a source of its own."""
    return Grant(
        source_key=source_key or f"grant:{next(_numbers)}",
        type=AdjustmentType.ADMIN_ADJUSTMENT,
        credits=amount,
        kind=kind,
        period_end=period_end,
        expires_at=expires_at,
        renews_at=renews_at,
        detail=_detail(),
    )


def package(
    amount: int = 100,
    *,
    period_end: datetime = MONTH_LATER,
    grace: timedelta = DAY,
    renews_at: datetime | None = None,
) -> Grant:
    """Return the recurring grant of a plan's period; with `renews_at`, that of a renewal."""
    return grant(
        amount,
        kind=LotKind.RECURRING,
        period_end=period_end,
        expires_at=period_end + grace,
        renews_at=renews_at,
    )


def purchase(amount: int = 100, *, expires_at: datetime | None = None) -> Grant:
    """Return the grant of a credit pack."""
    return grant(amount, kind=LotKind.PURCHASED, expires_at=expires_at)


def deduction(
    amount: int = 10,
    *,
    source_key: str | None = None,
    recurring_first: bool = False,
    own_lot: int | None = None,
) -> Deduction:
    """Return a deduction of a source of its own."""
    return Deduction(
        source_key=source_key or f"deduction:{next(_numbers)}",
        type=AdjustmentType.ADMIN_ADJUSTMENT,
        credits=amount,
        recurring_first=recurring_first,
        own_lot=own_lot,
        detail=_detail(),
    )


def usage(
    amount: int = 10,
    *,
    event_id: str | None = None,
    record_id: UUID = RECORD,
    occurred_at: datetime = NOON,
) -> Usage:
    """Return a message of a conversation, as an event of its own."""
    return Usage(
        event_id=event_id or f"event:{next(_numbers)}",
        event_hash="",
        kind=UsageKind.MESSAGE,
        record_id=record_id,
        credits=amount,
        message_count=1,
        occurred_at=occurred_at,
    )


def _detail() -> Detail:
    return Administration(note="")
