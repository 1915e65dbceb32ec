"""Who a workspace is to the payment provider: one customer each, made when first needed."""

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select, update

from billing import rows
from billing.errors import PaymentsUnavailable, WorkspaceNotFound
from billing.payments import Payments
from models.base import new_id
from models.database import Database
from models.workspace import Workspace

ATTEMPTS = 3
"""How often the provider is asked for a customer when it answers with failures of its own."""

REPEATED = timedelta(hours=25)
"""How long the provider repeats its answer under a key, and an hour for clocks that differ."""


async def customer(
    database: Database, payments: Payments, *, workspace_id: UUID, now: datetime
) -> str:
    """Return the id of the workspace's customer, whoever makes it.

    All who ask at once ask under one key, so that they are given one customer. Where the provider
    answers with a failure, which it would repeat, it is looked for before another key is taken.
    Raises WorkspaceNotFound, PaymentsUnavailable and PaymentsRefused.
    """
    async with database.write() as session:
        found = (await session.execute(_FIND.where(_C.id == workspace_id))).one_or_none()
    if found is None:
        raise WorkspaceNotFound(workspace_id)
    if found.stripe_customer_id is not None:
        return str(found.stripe_customer_id)

    made = await _made(payments, workspace_id, found.name, now)
    async with database.write() as session:
        await session.execute(
            update(_WORKSPACES)
            .where(_C.id == workspace_id, _C.stripe_customer_id.is_(None))
            .values(stripe_customer_id=made)
        )
        kept = await session.scalar(select(_C.stripe_customer_id).where(_C.id == workspace_id))
    return str(kept)


async def _made(payments: Payments, workspace_id: UUID, name: str, now: datetime) -> str:
    key = hashlib.sha256(f"customer:{workspace_id}:{name}".encode()).hexdigest()
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await payments.create_customer(
                workspace_id=workspace_id, name=name, idempotency_key=key
            )
        except PaymentsUnavailable as failure:
            if not failure.is_final:
                raise
            since = now - REPEATED
            found = await payments.find_customer(workspace_id=workspace_id, since=since)
            if found is not None:
                return found
            if attempt == ATTEMPTS:
                raise
            key = str(new_id())
    raise AssertionError


_WORKSPACES = rows.table(Workspace)
_C = _WORKSPACES.c
_FIND = select(_C.name, _C.stripe_customer_id)
