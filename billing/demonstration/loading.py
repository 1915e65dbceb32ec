"""Bringing the demo into a database, by COPY, and finding it there again."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from billing import catalog_sync, ledger, rows
from billing.catalog_file import Catalogue
from billing.demonstration import cast, chapters, plot, story
from billing.demonstration.chapters import Chapter
from billing.demonstration.plot import Plot
from billing.demonstration.story import Story
from billing.rows import Rows
from models import bulk
from models.base import Base
from models.database import Database, Snapshot
from models.ledger import CreditAdjustment, CreditBalance, CreditCharge, CreditLot, CreditSpend
from models.stripe import StripeObject
from models.subscription import Checkout, Subscription
from models.usage import ConversationUsage, ImportUsage, McpHttpCall
from models.workspace import ApiKey, Membership, Role, User, Workspace, WorkspaceKey

SEED = 1
"""The demo that everybody has; another seed tells other stories."""


@dataclass(frozen=True, slots=True)
class DemoWorkspace:
    """A workspace of the demo, and the id of the plan that it is on."""

    id: UUID
    name: str
    plan_id: str


Live = Callable[[Sequence[Story]], Awaitable[Mapping[str, str]]]
"""Lets a payment provider know stories, and them its ids; returns its prices by lookup key."""


class DatabaseNotEmpty(Exception):
    """The database holds workspaces already, and not the demo's."""


async def workspaces(snapshot: Snapshot) -> list[DemoWorkspace]:
    """Return the workspaces of the demo, the oldest first; none when it is not there."""
    found = await snapshot.all(_WORKSPACES, {"subject": cast.SUBJECTS[Role.OWNER]})
    return [DemoWorkspace(row.id, row.name, row.plan_id) for row in found]


async def is_blank(snapshot: Snapshot) -> bool:
    """Return whether the database has no tables of the gateway at all."""
    table = await snapshot.scalar(text("SELECT to_regclass('workspaces')"))
    return table is None


async def events(snapshot: Snapshot) -> int:
    """Return how many usage events there are."""
    counted: int = await snapshot.scalar(select(func.count()).select_from(CreditCharge))
    return counted


async def customer_ids(snapshot: Snapshot) -> list[str]:
    """Return who the workspaces of the demo are to the payment provider, those that are known."""
    found = await snapshot.all(_CUSTOMERS, {"subject": cast.SUBJECTS[Role.OWNER]})
    return [row.stripe_customer_id for row in found]


async def load(
    database: Database,
    catalogue: Catalogue,
    *,
    rows: int,
    seed: int = SEED,
    live: Live | None = None,
    advance: Callable[[int], None],
    now: datetime,
) -> None:
    """Fill an empty database with the demo: `rows` usage events, the last of them at `now`.

    It is one transaction, after the past was told to who lets it `live`: either all of it is
    there, or nothing. `advance` hears of each part how many events it brought.
    Raises DatabaseNotEmpty.
    """
    told = plot.plot(catalogue, rows=rows, seed=seed, now=now)
    price_ids = {} if live is None else await live(told.stories)
    async with database.write() as session:
        await session.execute(text("LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE"))
        if await session.scalar(select(func.count()).select_from(Workspace)):
            raise DatabaseNotEmpty
        await catalog_sync.write(session, catalogue, price_ids=price_ids, now=now)
        await _write_cast(session, told, now)

        changed = _Changed()
        telling = chain.from_iterable(chapters.chapters(each, now=now) for each in told.stories)
        async with bulk.unindexed(session, _LARGE), aclosing(_one_ahead(telling)) as parts:
            async for part in parts:
                await _write_chapter(session, part)
                changed.note(part)
                advance(len(part.changes.charges))
            await changed.write(session)
        for each in told.stories:
            await _write_outcome(session, each)
    await bulk.tidy(database)


class _Changed:
    """What later chapters changed of rows that earlier ones wrote: each is written once."""

    def __init__(self) -> None:
        self._values: dict[tuple[UUID, type[Base], str, str], dict[int, int]] = {}

    def note(self, chapter: Chapter) -> None:
        """Remember what the chapter changed."""
        changes, workspace_id = chapter.changes, chapter.story.id
        for model, key, name, values in (
            (CreditLot, "number", "remaining", changes.remaining),
            (CreditCharge, "entry_number", "unpaid", changes.charges_unpaid),
            (CreditAdjustment, "entry_number", "unpaid", changes.adjustments_unpaid),
        ):
            self._values.setdefault((workspace_id, model, key, name), {}).update(values)

    async def write(self, session: AsyncSession) -> None:
        """Write what it came to."""
        for (workspace_id, model, key, name), values in self._values.items():
            changed = Rows((key, name), [*values.items()])
            await rows.change(session, model, changed, workspace_id=workspace_id)


async def _write_cast(session: AsyncSession, told: Plot, now: datetime) -> None:
    """Write people, workspaces, and who is where."""
    people = [
        {
            "id": person.id,
            "subject": person.subject,
            "name": person.name,
            "email": person.email,
            "created_at": person.created_at,
        }
        for person in told.everybody
    ]
    await _copy(session, User, people)
    places = [
        {
            "id": each.id,
            "name": each.name,
            "referred_by_workspace_id": each.referred_by,
            "stripe_customer_id": each.account.customer_id if each.account else None,
            "created_at": each.created_at,
        }
        for each in told.stories
    ]
    await _copy(session, Workspace, places)
    await _write_names(session, told)
    for each in told.stories:
        members = [
            {
                "user_id": member.person.id,
                "role": member.role,
                "created_at": member.joined_at,
                "left_at": member.left_at,
            }
            for member in each.members
        ]
        keys = [
            {
                "id": key.id,
                "external_id": f"key_{key.id.hex}",
                "name": key.name,
                "created_at": key.created_at,
                "revoked_at": key.revoked_at,
            }
            for key in each.keys
        ]
        held = [story.subscription(each, held, now=now) for held in each.held]
        for model, values in ((Membership, members), (ApiKey, keys), (Subscription, held)):
            await _copy(session, model, values, workspace_id=each.id)


async def _write_names(session: AsyncSession, told: Plot) -> None:
    """Write by what others know the workspaces: the host, and the payment provider."""
    known_to_host = [
        {"external_id": each.external_id, "workspace_id": each.id, "created_at": each.created_at}
        for each in told.stories
    ]
    await _copy(session, WorkspaceKey, known_to_host)
    objects = [
        {"stripe_id": stripe_id, "workspace_id": each.id, "created_at": held.start}
        for each in told.stories
        if each.account is not None and (held := each.renewing) is not None
        for stripe_id in (
            *(each.account.customer_id, each.account.session_id, each.account.subscription_id),
        )
    ]
    await _copy(session, StripeObject, objects)


async def _write_chapter(session: AsyncSession, chapter: Chapter) -> None:
    for records in chapter.records:
        for model, new in records.items():
            await _copy_rows(session, model, new, workspace_id=chapter.story.id)
    for model, new in ledger.new_rows(chapter.changes).items():
        await _copy_rows(session, model, new, workspace_id=chapter.story.id)


async def _write_outcome(session: AsyncSession, each: Story) -> None:
    """Write what is only known in the end: the balance, and what was bought."""
    balance = {
        "balance": each.book.balance,
        "overdraft": each.book.overdraft,
        "last_entry_number": each.book.last_entry_number,
        "last_entry_at": each.book.last_entry_at,
    }
    await _copy(session, CreditBalance, [balance], workspace_id=each.id)
    checkouts = [*each.plan_checkouts(), *each.checkouts]
    await _copy(session, Checkout, checkouts, workspace_id=each.id)


async def _copy(
    session: AsyncSession,
    model: type[Base],
    values: Sequence[Mapping[str, Any]],
    *,
    workspace_id: UUID | None = None,
) -> None:
    if not values:
        return
    new = Rows(tuple(values[0]), [tuple(each.values()) for each in values])
    if workspace_id is None:
        await bulk.copy(session, model, new.names, new.values)
    else:
        await _copy_rows(session, model, new, workspace_id=workspace_id)


async def _copy_rows(
    session: AsyncSession, model: type[Base], new: Rows, *, workspace_id: UUID
) -> None:
    if new.values:
        records = ((workspace_id, *values) for values in new.values)
        await bulk.copy(session, model, ("workspace_id", *new.names), records)


async def _one_ahead(parts: Iterator[Chapter]) -> AsyncGenerator[Chapter]:
    """Yield the parts; while one is being written, a thread makes the next."""
    coming = asyncio.create_task(asyncio.to_thread(next, parts, None))
    try:
        while (part := await coming) is not None:
            coming = asyncio.create_task(asyncio.to_thread(next, parts, None))
            yield part
    finally:
        coming.cancel()


_LARGE = (CreditCharge, CreditSpend, ConversationUsage, McpHttpCall, ImportUsage)
_WORKSPACES = (
    select(Workspace.id, Workspace.name, Subscription.plan_id)
    .join(Subscription, Subscription.workspace_id == Workspace.id)
    .join(Membership, Membership.workspace_id == Workspace.id)
    .join(User, User.id == Membership.user_id)
    .where(Subscription.ended_at.is_(None), User.subject == bindparam("subject"))
    .order_by(Workspace.created_at, Workspace.id)
)
_CUSTOMERS = (
    select(Workspace.stripe_customer_id)
    .join(Membership, Membership.workspace_id == Workspace.id)
    .join(User, User.id == Membership.user_id)
    .where(Workspace.stripe_customer_id.is_not(None), User.subject == bindparam("subject"))
    .order_by(Workspace.id)
)
