"""Corrections by the operator: credits added or removed, with a note that says why."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from billing import ledger, text
from billing.details import Administration
from billing.entries import Adjustment, Deduction, Grant
from billing.errors import CreditsOutOfRange
from models.base import CREDITS_MAX
from models.ledger import AdjustmentType, LotKind

NOTE_LENGTH_MAX = 1_000
"""The most characters of a note."""


async def adjust(
    session: AsyncSession,
    *,
    workspace_id: UUID,
    amount: int,
    note: str,
    source_key: str,
    now: datetime,
) -> Adjustment:
    """Add credits that never expire or, below zero, remove some; each source key once.

    Raises CreditsOutOfRange, TextInvalid and WorkspaceNotFound.
    """
    if not 1 <= abs(amount) <= CREDITS_MAX:
        raise CreditsOutOfRange(f"An adjustment by {amount} credits is not possible")
    text.check(note, "note", maximum=NOTE_LENGTH_MAX)

    told: dict[str, Any] = {
        "source_key": source_key,
        "type": AdjustmentType.ADMIN_ADJUSTMENT,
        "credits": abs(amount),
        "detail": Administration(note),
        "description": note,
    }
    if amount > 0:
        grant = Grant(kind=LotKind.GRANTED, **told)
        return await ledger.grant(session, workspace_id=workspace_id, grant=grant, now=now)
    deduction = Deduction(**told)
    return await ledger.remove(session, workspace_id=workspace_id, deduction=deduction, now=now)
