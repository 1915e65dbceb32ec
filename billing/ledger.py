"""The ledger of a workspace over PostgreSQL: who writes it, writes it here.

A ledger is written under the lock of its balance row, so that the writers of one workspace take
turns and those of two never meet. `opened` takes the lock, reads what the rules need into a
`Book`, and at the end of its block writes what has become of it; the verbs below open the book
for one thing. Nothing is committed here: the session's transaction is its caller's.
"""

from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields
from datetime import datetime
from operator import attrgetter
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Row,
    Select,
    Text,
    Uuid,
    bindparam,
    func,
    insert,
    literal,
    select,
    union_all,
    update,
)
from sqlalchemy.ext.asyncio import AsyncSession

from billing import details, notices, rows
from billing.book import Book
from billing.entries import (
    Adjustment,
    Changes,
    Charge,
    Deduction,
    Grant,
    Lot,
    Removal,
    Spend,
    Unpaid,
)
from billing.errors import WorkspaceNotFound
from billing.rows import Rows
from models.base import Base
from models.ledger import (
    CreditAdjustment,
    CreditBalance,
    CreditCharge,
    CreditLot,
    CreditRemoval,
    CreditSpend,
    UsageKind,
)


async def create(session: AsyncSession, *, workspace_id: UUID, now: datetime) -> None:
    """Create the empty ledger of a new workspace."""
    await session.execute(
        insert(_BALANCES).values(
            workspace_id=workspace_id,
            balance=0,
            overdraft=0,
            last_entry_number=0,
            last_entry_at=now,
        )
    )


async def grant(
    session: AsyncSession, *, workspace_id: UUID, grant: Grant, now: datetime
) -> Adjustment:
    """Add a lot, or return the entry of its source if that was granted before.

    Raises CreditsOutOfRange and WorkspaceNotFound.
    """
    async with opened(session, workspace_id=workspace_id, adjusting=[grant]) as book:
        return book.grant(grant, now=now)


async def remove(
    session: AsyncSession, *, workspace_id: UUID, deduction: Deduction, now: datetime
) -> Adjustment:
    """Take credits away, or return the entry of its source if that was removed before.

    Raises CreditsOutOfRange and WorkspaceNotFound.
    """
    async with opened(session, workspace_id=workspace_id, adjusting=[deduction]) as book:
        return book.remove(deduction, now=now)


async def expire(session: AsyncSession, *, workspace_id: UUID, now: datetime) -> list[Adjustment]:
    """Book the lots that have expired by `now`."""
    async with opened(session, workspace_id=workspace_id) as book:
        return book.expire(now=now)


@asynccontextmanager
async def opened(
    session: AsyncSession, *, workspace_id: UUID, adjusting: Sequence[Grant | Deduction] = ()
) -> AsyncGenerator[Book]:
    """Give the workspace's book, locked until the transaction ends; write it when the block ends.

    `adjusting` are the grants and deductions that may be asked of the book in the block: what
    their sources and what the grants repay is read for them. A block that raises writes nothing.
    Raises WorkspaceNotFound.
    """
    book = await _read(session, workspace_id, adjusting)
    yield book
    await _write(session, workspace_id, book)


def new_rows(changes: Changes) -> dict[type[Base], Rows]:
    """Return the rows that are new, in an order in which each finds what it refers to."""
    return {
        CreditAdjustment: Rows(
            _ADJUSTMENT, [_adjustment_row(each) for each in changes.adjustments]
        ),
        CreditCharge: Rows(_CHARGE, [_charge_row(each) for each in changes.charges]),
        CreditLot: Rows(_LOT, [_LOT_ROW(lot) for lot in changes.lots]),
        CreditSpend: Rows(Spend._fields, changes.spends),
        CreditRemoval: Rows(Removal._fields, changes.removals),
    }


async def _read(
    session: AsyncSession, workspace_id: UUID, adjusting: Sequence[Grant | Deduction]
) -> Book:
    """Lock the balance, then read what the rules need."""
    ours = {"of_workspace": workspace_id}
    balance = (await session.execute(_LOCK, ours)).one_or_none()
    if balance is None:
        raise WorkspaceNotFound(workspace_id)

    lots = await session.execute(_LOTS, ours)
    source_keys = [asked.source_key for asked in adjusting]
    adjustments: Iterable[Row[Any]] = ()
    if source_keys:
        adjustments = await session.execute(_ADJUSTMENTS, ours | {"source_keys": source_keys})
    granted = sum(asked.credits for asked in adjusting if isinstance(asked, Grant))
    unpaid: Iterable[Row[Any]] = ()
    if granted and balance.overdraft:
        unpaid = await session.execute(_UNPAID, ours | {"granted": granted})
    return Book(
        opened_at=balance.last_entry_at,
        balance=balance.balance,
        overdraft=balance.overdraft,
        last_entry_number=balance.last_entry_number,
        lots=[Lot(**row._asdict()) for row in lots],
        unpaid=[Unpaid._make(row) for row in unpaid],
        adjustments=[_adjustment(row) for row in adjustments],
        source_keys=source_keys,
    )


def _adjustment(row: Row[Any]) -> Adjustment:
    return Adjustment._make(row)._replace(detail=details.parse(row.type, row.detail))


async def _write(session: AsyncSession, workspace_id: UUID, book: Book) -> None:
    """Write what has changed in the book: entries, then what refers to them, then the balance."""
    changes = book.take_changes()
    for model, new in new_rows(changes).items():
        await rows.add(session, model, new, workspace_id=workspace_id)
    changed = (
        (CreditLot, ("number", "remaining"), changes.remaining),
        (CreditCharge, ("entry_number", "unpaid"), changes.charges_unpaid),
        (CreditAdjustment, ("entry_number", "unpaid"), changes.adjustments_unpaid),
    )
    for model, names, values in changed:
        await rows.change(session, model, Rows(names, [*values.items()]), workspace_id=workspace_id)
    if changes.adjustments or changes.charges:
        await session.execute(
            _SET_BALANCE,
            {
                "of_workspace": workspace_id,
                "new_balance": book.balance,
                "new_overdraft": book.overdraft,
                "new_entry_number": book.last_entry_number,
                "new_entry_at": book.last_entry_at,
            },
        )
        notices.announce(session, notices.balance(workspace_id))


def _adjustment_row(adjustment: Adjustment) -> tuple[Any, ...]:
    stored = {"detail": details.to_json(adjustment.detail)}
    return tuple((adjustment._asdict() | stored).values())


def _charge_row(charge: Charge) -> tuple[Any, ...]:
    usage = charge.usage
    records = {_RECORD_OF[usage.kind]: usage.record_id}
    return (
        charge.number,
        usage.event_id,
        usage.event_hash,
        usage.kind,
        *map(records.get, _RECORDS),
        usage.message_count,
        usage.credits,
        charge.unpaid,
        charge.balance_after,
        usage.occurred_at,
        charge.created_at,
    )


_RECORDS = ("conversation_usage_id", "mcp_http_call_id", "import_usage_id")
_RECORD_OF = {
    UsageKind.MESSAGE: "conversation_usage_id",
    UsageKind.IMAGE_GENERATION: "conversation_usage_id",
    UsageKind.VIDEO_GENERATION: "conversation_usage_id",
    UsageKind.MCP_HTTP_CALL: "mcp_http_call_id",
    UsageKind.IMPORT: "import_usage_id",
}
_ADJUSTMENT = ("entry_number", *Adjustment._fields[1:])
_CHARGE = (
    "entry_number",
    "event_id",
    "event_hash",
    "kind",
    *_RECORDS,
    "message_count",
    "credits",
    "unpaid",
    "balance_after",
    "occurred_at",
    "created_at",
)
_LOT = tuple(field.name for field in fields(Lot))
_LOT_ROW = attrgetter(*_LOT)

_OURS = bindparam("of_workspace", type_=Uuid())

_BALANCES = rows.table(CreditBalance)
_LOT_ROWS = rows.table(CreditLot).c
_ADJUSTMENT_ROWS = rows.table(CreditAdjustment).c

_LOCK = (
    select(
        _BALANCES.c.balance,
        _BALANCES.c.overdraft,
        _BALANCES.c.last_entry_number,
        _BALANCES.c.last_entry_at,
    )
    .where(_BALANCES.c.workspace_id == _OURS)
    .with_for_update()
)
_LOTS = select(*(_LOT_ROWS[name] for name in _LOT)).where(
    _LOT_ROWS.workspace_id == _OURS, _LOT_ROWS.remaining > 0
)
_ADJUSTMENTS = select(*(_ADJUSTMENT_ROWS[name] for name in _ADJUSTMENT)).where(
    _ADJUSTMENT_ROWS.workspace_id == _OURS,
    _ADJUSTMENT_ROWS.source_key == func.any(bindparam("source_keys", type_=ARRAY(Text))),
)
_SET_BALANCE = (
    update(_BALANCES)
    .where(_BALANCES.c.workspace_id == _OURS)
    .values(
        balance=bindparam("new_balance"),
        overdraft=bindparam("new_overdraft"),
        last_entry_number=bindparam("new_entry_number"),
        last_entry_at=bindparam("new_entry_at"),
    )
)


def _unpaid_within() -> Select[tuple[int, int, bool]]:
    """Return the statement of the oldest unpaid entries: as many as `granted` credits can repay."""
    entries = ((rows.table(CreditCharge).c, True), (rows.table(CreditAdjustment).c, False))
    unpaid = union_all(
        *(
            select(entry.entry_number, entry.unpaid, literal(is_charge).label("is_charge")).where(
                entry.workspace_id == _OURS, entry.unpaid > 0
            )
            for entry, is_charge in entries
        )
    ).subquery()
    older = func.sum(unpaid.c.unpaid).over(order_by=unpaid.c.entry_number) - unpaid.c.unpaid
    queue = select(unpaid, older.label("older")).subquery()
    return (
        select(queue.c.entry_number, queue.c.unpaid, queue.c.is_charge)
        .where(queue.c.older < bindparam("granted", type_=BigInteger))
        .order_by(queue.c.entry_number)
    )


_UNPAID = _unpaid_within()
