"""Whose a provider's object is: known for good from the first time that it is heard of."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Text, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import insert

from billing import rows
from billing.unsettled import OwnersDiffer
from models.database import Session
from models.stripe import StripeObject
from models.workspace import Workspace


async def claim(
    session: Session,
    *,
    stripe_ids: Iterable[str | None],
    hints: Iterable[UUID | None],
    now: datetime,
) -> UUID | None:
    """Return the workspace that the objects belong to, and keep that; None if they are not ours.

    `hints` are what we have written on them; those of another installation name no workspace of
    this one. Raises OwnersDiffer.
    """
    wanted = sorted({stripe_id for stripe_id in stripe_ids if stripe_id is not None})
    known = await _known(session, wanted)
    owners = {*known.values()}
    for hint in {*hints} - {None, *owners}:
        if hint is not None and await _exists(session, hint):
            owners.add(hint)
    if not owners:
        return None
    if len(owners) == 1:
        [owner] = owners
        fresh = [stripe_id for stripe_id in wanted if stripe_id not in known]
        if fresh:
            await session.execute(
                insert(_OBJECTS).on_conflict_do_nothing(),
                [
                    {"stripe_id": stripe_id, "workspace_id": owner, "created_at": now}
                    for stripe_id in fresh
                ],
            )
            # Somebody else may have been faster, for another workspace.
            owners |= {*(await _known(session, fresh)).values()}
    if len(owners) > 1:
        raise OwnersDiffer(wanted, owners)
    return owner


async def owner(session: Session, *, stripe_id: str) -> UUID | None:
    """Return the workspace that an object is known to belong to."""
    return (await _known(session, [stripe_id])).get(stripe_id)


async def is_newer(session: Session, *, stripe_id: str, fetched_at: datetime) -> bool:
    """Note by which fetch an object is settled; False if one that began later has settled it.

    Who asks holds the row until the transaction ends.
    """
    noted = await session.execute(
        update(_OBJECTS)
        .where(
            _C.stripe_id == stripe_id,
            func.coalesce(_C.fetched_at < fetched_at, True),
        )
        .values(fetched_at=fetched_at)
        .returning(_C.stripe_id)
    )
    return noted.one_or_none() is not None


async def _known(session: Session, stripe_ids: list[str]) -> dict[str, UUID]:
    found = await session.execute(_KNOWN, {"stripe_ids": stripe_ids})
    return {row.stripe_id: row.workspace_id for row in found}


async def _exists(session: Session, workspace_id: UUID) -> bool:
    found = await session.execute(select(_WORKSPACES.id).where(_WORKSPACES.id == workspace_id))
    return found.one_or_none() is not None


_OBJECTS = rows.table(StripeObject)
_C = _OBJECTS.c
_WORKSPACES = rows.table(Workspace).c
_KNOWN = select(_C.stripe_id, _C.workspace_id).where(
    _C.stripe_id == func.any(bindparam("stripe_ids", type_=ARRAY(Text)))
)
