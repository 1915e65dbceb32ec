"""Who a workspace is to the payment provider: one customer each, made when first needed.

One that an operator has deleted there, which is for good, has another one take its place.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from sqlalchemy import select, update

from billing import rows
from billing.errands import Errand
from billing.errors import CustomerGone, PaymentsUnavailable, WorkspaceNotFound
from billing.payments import Payments
from models.base import new_id
from models.database import Database
from models.workspace import Workspace

Found = TypeVar("Found")

ATTEMPTS = 3
"""How often the provider is asked for a customer when it answers with failures of its own."""

REPEATED = timedelta(hours=25)
"""How long the provider repeats its answer under a key, and an hour for clocks that differ."""


async def serve(errand: Errand, *, ask: Callable[[str], Awaitable[Found]]) -> Found:
    """Return what the provider is asked for by the id of the workspace's customer.

    Raises what `customer` and asking raise.
    """
    database, payments, workspace_id = errand.database, errand.payments, errand.workspace_id
    customer_id = await customer(database, payments, workspace_id=workspace_id, now=errand.now)
    try:
        return await ask(customer_id)
    except CustomerGone:
        another_id = await _replaced(errand, gone_id=customer_id)
        return await ask(another_id)


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
    return await _kept(database, workspace_id, made, instead_of=None)


async def _replaced(errand: Errand, *, gone_id: str) -> str:
    """Return another customer than one that is gone, whoever makes it."""
    database, workspace_id = errand.database, errand.workspace_id
    async with database.write() as session:
        found = (await session.execute(_FIND.where(_C.id == workspace_id))).one()
    if found.stripe_customer_id not in (None, gone_id):
        return str(found.stripe_customer_id)

    made = await _made(errand.payments, workspace_id, found.name, errand.now, instead_of=gone_id)
    return await _kept(database, workspace_id, made, instead_of=gone_id)


async def _kept(
    database: Database, workspace_id: UUID, made: str, *, instead_of: str | None
) -> str:
    """Keep a customer, unless somebody has kept another one; return the one that is kept."""
    async with database.write() as session:
        await session.execute(
            update(_WORKSPACES)
            .where(
                _C.id == workspace_id,
                _C.stripe_customer_id.is_not_distinct_from(instead_of),
            )
            .values(stripe_customer_id=made)
        )
        kept = await session.scalar(select(_C.stripe_customer_id).where(_C.id == workspace_id))
    return str(kept)


async def _made(
    payments: Payments,
    workspace_id: UUID,
    name: str,
    now: datetime,
    *,
    instead_of: str | None = None,
) -> str:
    wanted = f"customer:{workspace_id}:{name}" + (f":{instead_of}" if instead_of else "")
    key = hashlib.sha256(wanted.encode()).hexdigest()
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
            if found not in (None, instead_of):
                return found
            if attempt == ATTEMPTS:
                raise
            key = str(new_id())
    raise AssertionError


_WORKSPACES = rows.table(Workspace)
_C = _WORKSPACES.c
_FIND = select(_C.name, _C.stripe_customer_id)
