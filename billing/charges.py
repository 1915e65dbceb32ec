"""What was charged and which lots paid for it; reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, true, tuple_

from billing import keyset
from models.database import Snapshot
from models.ledger import CreditCharge, CreditLot, CreditSpend


@dataclass(frozen=True, slots=True)
class Payment:
    """What a lot paid of a charge, at once or, out of overdraft, when the lot came in."""

    lot: Row[Any]
    credits: int


async def of_conversations(
    snapshot: Snapshot, *, conversations: Sequence[tuple[UUID, UUID]], part: keyset.Slice
) -> list[keyset.Page]:
    """Return a page of the charges of each conversation (workspace id, id), latest first.

    A row has the columns of `CreditCharge`.
    """
    return await keyset.pages(
        snapshot,
        columns=list(_CHARGES),
        parent=(_CHARGES.workspace_id, _CHARGES.conversation_usage_id),
        parents=conversations,
        where=true(),
        order=keyset.Order((_CHARGES.entry_number,)),
        part=part,
    )


async def counts(
    snapshot: Snapshot, *, conversations: Sequence[tuple[UUID, UUID]]
) -> dict[tuple[UUID, UUID], int]:
    """Return the number of charges of each conversation (workspace id, id)."""
    found = await keyset.counts(
        snapshot,
        parent=(_CHARGES.workspace_id, _CHARGES.conversation_usage_id),
        parents=conversations,
        where=true(),
    )
    return dict(zip(conversations, found, strict=True))


async def rows(
    snapshot: Snapshot, *, keys: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Row[Any]]:
    """Return the charges by (workspace id, entry number)."""
    chosen = tuple_(_CHARGES.workspace_id, _CHARGES.entry_number).in_(keys)
    found = await snapshot.all(select(*_CHARGES).where(chosen))
    return {(row.workspace_id, row.entry_number): row for row in found}


async def lots(
    snapshot: Snapshot, *, keys: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], Row[Any]]:
    """Return the lots, spent and expired ones too, by (workspace id, number)."""
    chosen = tuple_(_LOTS.workspace_id, _LOTS.number).in_(keys)
    found = await snapshot.all(select(*_LOTS).where(chosen))
    return {(row.workspace_id, row.number): row for row in found}


async def payments(
    snapshot: Snapshot, *, charges: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], list[Payment]]:
    """Return what paid for each charge (workspace id, entry number), oldest lot first."""
    chosen = tuple_(_SPENDS.workspace_id, _SPENDS.charge_number).in_(charges)
    found = await snapshot.all(
        select(_SPENDS.charge_number, _SPENDS.credits.label("spent"), *_LOTS)
        .join_from(
            CreditSpend.__table__,
            CreditLot.__table__,
            (_LOTS.workspace_id == _SPENDS.workspace_id) & (_LOTS.number == _SPENDS.lot_number),
        )
        .where(chosen)
        .order_by(_SPENDS.lot_number)
    )
    paid: dict[tuple[UUID, int], list[Payment]] = {key: [] for key in charges}
    for row in found:
        paid[row.workspace_id, row.charge_number].append(Payment(row, row.spent))
    return paid


_CHARGES = CreditCharge.__table__.c
_LOTS = CreditLot.__table__.c
_SPENDS = CreditSpend.__table__.c
