"""What the tests of billing are made of: values with defaults, named by what differs."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from sqlalchemy import insert, select

from billing import audit, ledger, use
from billing.details import Administration, Detail
from billing.entries import Deduction, Grant, Usage
from billing.usage import UsageEvent
from models.base import Base, new_id
from models.database import Database
from models.ledger import AdjustmentType, LotKind, UsageKind
from models.usage import BillingType, ConversationUsage, ImportType
from models.workspace import ApiKey, Membership, Role, User, Workspace

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
    own_lots: Collection[int] | None = None,
) -> Deduction:
    """Return a deduction of a source of its own."""
    return Deduction(
        source_key=source_key or f"deduction:{next(_numbers)}",
        type=AdjustmentType.ADMIN_ADJUSTMENT,
        credits=amount,
        recurring_first=recurring_first,
        own_lots=own_lots,
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


@dataclass(frozen=True)
class Place:
    """A workspace, with a member and an API key of it."""

    workspace_id: UUID
    user_id: UUID
    api_key_id: UUID


async def add_place(database: Database) -> Place:
    """Add a workspace with an empty ledger, created at `NOON`."""
    place = Place(new_id(), new_id(), new_id())
    created: dict[str, Any] = {"created_at": NOON}
    ours = created | {"workspace_id": place.workspace_id}
    rows: list[tuple[type[Base], dict[str, Any]]] = [
        (
            User,
            created
            | {
                "id": place.user_id,
                "subject": str(place.user_id),
                "name": "Ada",
                "email": "ada@example.com",
            },
        ),
        (Workspace, created | {"id": place.workspace_id, "name": "Analytical"}),
        (Membership, ours | {"user_id": place.user_id, "role": Role.OWNER}),
        (ApiKey, ours | {"id": place.api_key_id, "external_id": "key", "name": "Key"}),
    ]
    async with database.write() as session:
        for model, row in rows:
            await session.execute(insert(model).values(**row))
        await ledger.create(session, workspace_id=place.workspace_id, now=NOON)
    return place


async def add_conversation(database: Database, place: Place) -> UUID:
    """Add the record of a conversation that has cost nothing; charges can point at it."""
    record_id = new_id()
    async with database.write() as session:
        await session.execute(
            insert(ConversationUsage).values(
                workspace_id=place.workspace_id,
                id=record_id,
                conversation_id=str(record_id),
                title="",
                user_id=place.user_id,
                billing_type=BillingType.MESSAGE,
                message_count=0,
                credits=0,
                created_at=NOON,
                updated_at=NOON,
            )
        )
    return record_id


async def stored(database: Database, place: Place, model: type[Base]) -> list[dict[str, Any]]:
    """Return the rows of the workspace in the order of their keys, without its id."""
    table = model.__table__
    async with database.snapshot() as snapshot:
        found = await snapshot.all(select(table).where(table.c.workspace_id == place.workspace_id))
    keys = [column.name for column in table.primary_key]
    rows = sorted((row._asdict() for row in found), key=lambda row: [row[key] for key in keys])
    return [{name: row[name] for name in row if name != "workspace_id"} for row in rows]


async def drifts(database: Database, place: Place) -> list[audit.Drift]:
    """Return what an audit of the workspace finds."""
    async with database.snapshot() as snapshot:
        return await audit.audit(snapshot, workspace_id=place.workspace_id)


def message(
    place: Place,
    amount: int = 10,
    *,
    event_id: str | None = None,
    conversation_id: str = "conversation",
    title: str = "",
    billing_type: BillingType = BillingType.MESSAGE,
    message_count: int = 1,
    occurred_at: datetime = NOON,
    user_id: UUID | None = None,
) -> UsageEvent:
    """Return an event of a conversation, with an id of its own."""
    return UsageEvent(
        event_id=event_id or f"event:{next(_numbers)}",
        occurred_at=occurred_at,
        user_id=user_id or place.user_id,
        credits=amount,
        use=use.Conversation(conversation_id, title, billing_type, message_count),
    )


def call(
    place: Place, amount: int = 5, *, call_id: str = "call", api_key_id: UUID | None = None
) -> UsageEvent:
    """Return an event of an MCP-HTTP call, with an id of its own."""
    return UsageEvent(
        event_id=f"event:{next(_numbers)}",
        occurred_at=NOON,
        user_id=place.user_id,
        credits=amount,
        use=use.McpHttpCall(call_id, api_key_id or place.api_key_id),
    )


def import_(
    place: Place, amount: int = 7, *, task_id: str = "task", import_url: str = "https://x.example"
) -> UsageEvent:
    """Return an event of an import, with an id of its own."""
    return UsageEvent(
        event_id=f"event:{next(_numbers)}",
        occurred_at=NOON,
        user_id=place.user_id,
        credits=amount,
        use=use.Import(task_id, ImportType.BRAND, import_url),
    )
