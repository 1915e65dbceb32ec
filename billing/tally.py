"""The usage records that charges add up to: one a conversation, an MCP-HTTP call, an import.

A record says what its first event said: whose it is, what it is billed as, with which key. Later
events add to its totals; those of a conversation also move `updated_at`, and the latest of them
gives its title.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple, Self
from uuid import UUID

from sqlalchemy import ARRAY, Select, Text, Uuid, bindparam, func, select
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import rows
from billing.rows import Rows
from models.base import Base, new_id
from models.usage import ConversationUsage, ImportUsage, McpHttpCall


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of record: its table, what the host product knows one by, what is summed or moves.

    There are three, and each is equal to itself alone: they are looked up for every event.
    """

    model: type[Base]
    external_id: str
    totals: tuple[str, ...]
    latest: tuple[str, ...] = ()


CONVERSATION = Kind(
    ConversationUsage, "conversation_id", ("credits", "message_count"), ("title", "updated_at")
)
MCP_HTTP_CALL = Kind(McpHttpCall, "call_id", ("credits",))
IMPORT = Kind(ImportUsage, "task_id", ("credits",))

Row = dict[str, Any]


class Key(NamedTuple):
    """A record of a workspace."""

    kind: Kind
    external_id: str


class Tallies:
    """The records of one batch of events, under the lock of the workspace's ledger."""

    def __init__(self) -> None:
        self._ids: dict[Key, UUID] = {}
        self._credits: dict[Key, int] = {}
        self._latest: dict[Key, Row] = {}
        self._rows: dict[Key, Row] = {}

    @classmethod
    async def read(cls, session: AsyncSession, *, workspace_id: UUID, keys: Iterable[Key]) -> Self:
        """Return the tallies of these records, whether they exist already or not."""
        wanted: dict[Kind, list[str]] = {}
        for key in keys:
            wanted.setdefault(key.kind, []).append(key.external_id)
        tallies = cls()
        for kind, external_ids in wanted.items():
            found = await session.execute(
                _reading(kind), {"of_workspace": workspace_id, "external_ids": external_ids}
            )
            for external_id, record_id, spent, *latest in found:
                key = Key(kind, external_id)
                tallies._ids[key] = record_id
                tallies._credits[key] = spent
                tallies._latest[key] = dict(zip(kind.latest, latest, strict=True))
        return tallies

    def id_of(self, key: Key) -> UUID:
        """Return the id of the record, or the one that it will have."""
        if key not in self._ids:
            self._ids[key] = new_id()
        return self._ids[key]

    def credits_of(self, key: Key) -> int:
        """Return what the record has cost so far."""
        return self._credits.get(key, 0)

    def add(self, key: Key, said: Row, *, user_id: UUID, spent: int, occurred_at: datetime) -> None:
        """Add an event that says so much of its record, by its columns."""
        event = said | {"credits": spent}
        row = self._rows.get(key)
        if row is None:
            row = self._rows[key] = self._begin(key, event, user_id, occurred_at)
        for total in key.kind.totals:
            row[total] += event[total]
        self._credits[key] = self.credits_of(key) + spent
        if key.kind.latest:
            is_latest = occurred_at >= row["updated_at"]
            if event["title"] and (is_latest or not row["title"]):
                row["title"] = event["title"]
            row["updated_at"] = max(occurred_at, row["updated_at"])

    async def write(self, session: AsyncSession, *, workspace_id: UUID) -> None:
        """Write each record that an event was added to: one statement a kind."""
        written: dict[Kind, list[Row]] = {}
        for key, row in self._rows.items():
            written.setdefault(key.kind, []).append(row)
        for kind, given in written.items():
            names = tuple(given[0])
            values = [[row[name] for name in names] for row in given]
            await rows.send(
                session, _writing(kind, *names), Rows(names, values), workspace_id=workspace_id
            )

    def _begin(self, key: Key, event: Row, user_id: UUID, occurred_at: datetime) -> Row:
        """Return the row of a record before its first event of this batch is added."""
        nothing = dict.fromkeys(key.kind.totals, 0)
        row = event | nothing | {"id": self.id_of(key), "user_id": user_id}
        row["created_at"] = occurred_at
        if key.kind.latest:
            row["updated_at"] = occurred_at
        return row | self._latest.get(key, {})


@cache
def _reading(kind: Kind) -> Select[*tuple[Any, ...]]:
    columns = rows.table(kind.model).c
    return select(
        columns[kind.external_id],
        columns.id,
        columns.credits,
        *(columns[name] for name in kind.latest),
    ).where(
        columns.workspace_id == bindparam("of_workspace", type_=Uuid()),
        columns[kind.external_id] == func.any(bindparam("external_ids", type_=ARRAY(Text))),
    )


@cache
def _writing(kind: Kind, *names: str) -> Insert:
    """Return the statement that adds to the totals of a record, and creates one that is new."""
    columns = rows.table(kind.model).c
    statement = rows.inserting(kind.model, *names)
    totals = {name: columns[name] + statement.excluded[name] for name in kind.totals}
    latest = {name: statement.excluded[name] for name in kind.latest}
    return statement.on_conflict_do_update(
        index_elements=["workspace_id", kind.external_id], set_=totals | latest
    )
