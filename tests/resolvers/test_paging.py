"""Paging: every row that stood still is met exactly once, whatever is inserted meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert
from strawberry.utils.str_converters import to_camel_case

from models.base import Base, new_id
from models.ledger import AdjustmentType, CreditAdjustment
from models.usage import BillingType, ConversationUsage, ImportType, ImportUsage, McpHttpCall
from models.workspace import ApiKey, Membership, Role, Workspace
from tests.resolvers.world import NOW, OLGA, World, workspace_id

numbers = count(1)


@dataclass(frozen=True)
class Listing:
    """A list of the page: its field, its table, and the columns that it can be ordered by."""

    field: str
    table: type[Base]
    orders: dict[str, str]


CONVERSATIONS = Listing(
    "conversationUsage",
    ConversationUsage,
    {"UPDATED_AT": "updated_at", "CREDITS": "credits", "MESSAGE_COUNT": "message_count"},
)
CALLS = Listing("mcpHttpCalls", McpHttpCall, {"CREATED_AT": "created_at", "CREDITS": "credits"})
IMPORTS = Listing("importUsage", ImportUsage, {"CREATED_AT": "created_at", "CREDITS": "credits"})
ADJUSTMENTS = Listing(
    "creditAdjustments", CreditAdjustment, {"CREATED_AT": "created_at", "AMOUNT": "amount"}
)
ORDERS = [
    pytest.param(listing, order, direction, id=f"{listing.field}-{order}-{direction}")
    for listing in (CONVERSATIONS, CALLS, IMPORTS, ADJUSTMENTS)
    for order in listing.orders
    for direction in ("ASC", "DESC")
]

SHOWN = {
    CONVERSATIONS.field: "conversationId updatedAt messageCount credits",
    CALLS.field: "callId createdAt credits",
    IMPORTS.field: "taskId createdAt credits",
    ADJUSTMENTS.field: "description createdAt amount",
}
"""The fields of a node that are asked for: the first names it."""

KEYS = st.lists(st.integers(0, 6), max_size=14)
"""Sort keys of rows: few values, so that many rows are equal and the tie decides."""


@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
@pytest.mark.parametrize(("listing", "order", "direction"), ORDERS)
@given(
    standing=KEYS,
    inserted=st.lists(st.lists(st.integers(0, 6), max_size=3), max_size=6),
    size=st.integers(1, 5),
)
async def test_a_walk_meets_every_row_that_stood_still_exactly_once(
    shared_world: World,
    listing: Listing,
    order: str,
    direction: str,
    *,
    backwards: bool,
    standing: list[int],
    inserted: list[list[int]],
    size: int,
) -> None:
    """In the order asked for, without a gap or a repeat, while rows are inserted between pages."""
    walk = await Walk.begin(shared_world, listing, order, direction, backwards=backwards)
    stood = await walk.insert(standing)

    met = await walk.to_the_end(size, inserted)

    ids = [id_ for _, id_ in met]
    assert len(ids) == len(set(ids))
    assert set(stood) <= set(ids)
    keys = [key for key, _ in met]
    assert keys == sorted(keys, reverse=(direction == "DESC") != backwards)


async def test_a_page_says_whether_the_list_goes_on(shared_world: World) -> None:
    """In both directions, and at both ends."""
    walk = await Walk.begin(shared_world, IMPORTS, "CREATED_AT", "ASC", backwards=False)
    await walk.insert([1, 2, 3])

    first = await walk.page("first: 2")
    rest = await walk.page("first: 2, after: $cursor", first["pageInfo"]["endCursor"])
    last = await walk.page("last: 2")
    before = await walk.page("last: 2, before: $cursor", last["pageInfo"]["startCursor"])

    assert sides(first) == (False, True)
    assert sides(rest) == (True, False)
    assert sides(last) == (True, False)
    assert sides(before) == (False, True)
    assert first["edges"][1]["cursor"] == first["pageInfo"]["endCursor"]
    assert [len(page["edges"]) for page in (first, rest, last, before)] == [2, 1, 2, 1]


async def test_an_empty_list_has_a_page_without_cursors(shared_world: World) -> None:
    """Nothing before it, nothing after it."""
    walk = await Walk.begin(shared_world, CALLS, "CREDITS", "DESC", backwards=False)

    page = await walk.page("first: 5")

    assert page["edges"] == []
    assert page["pageInfo"]["startCursor"] is page["pageInfo"]["endCursor"] is None
    assert sides(page) == (False, False)


def sides(page: Any) -> tuple[bool, bool]:
    """Return whether there is more before and after a page."""
    return page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["hasNextPage"]


@dataclass
class Walk:
    """A walk along a list of a new workspace, of which Olga is the owner."""

    world: World
    workspace: UUID
    api_key: UUID
    listing: Listing
    order: str
    direction: str
    backwards: bool

    @classmethod
    async def begin(
        cls, world: World, listing: Listing, order: str, direction: str, *, backwards: bool
    ) -> "Walk":
        """Return a walk along an empty list."""
        walk = cls(world, new_id(), new_id(), listing, order, direction, backwards)
        ours: dict[str, Any] = {"workspace_id": walk.workspace, "created_at": NOW}
        rows: list[tuple[type[Base], dict[str, Any]]] = [
            (Workspace, {"id": walk.workspace, "name": "Walk", "created_at": NOW}),
            (Membership, ours | {"user_id": OLGA, "role": Role.OWNER}),
            (ApiKey, ours | {"id": walk.api_key, "external_id": "key", "name": "Key"}),
        ]
        async with world.database.write() as session:
            for table, row in rows:
                await session.execute(insert(table).values(**row))
        return walk

    async def insert(self, keys: Sequence[int]) -> list[str]:
        """Add a row with each sort key; return what names them on the page."""
        rows = {str(next(numbers)): key for key in keys}
        if rows:
            async with self.world.database.write() as session:
                values = [self._row(name, key) for name, key in rows.items()]
                await session.execute(insert(self.listing.table), values)
        return list(rows)

    async def to_the_end(
        self, size: int, inserted: Sequence[Sequence[int]]
    ) -> list[tuple[Any, str]]:
        """Return the sort key and the name of every row met, inserting rows between pages."""
        met: list[tuple[Any, str]] = []
        start = f"last: {size}" if self.backwards else f"first: {size}"
        arguments, cursor = start, None
        waiting = list(inserted)
        while True:
            page = await self.page(arguments, cursor)
            rows = [(self._key(edge["node"]), name(edge["node"])) for edge in page["edges"]]
            met += rows[::-1] if self.backwards else rows
            more, cursor = (
                (page["pageInfo"]["hasPreviousPage"], page["pageInfo"]["startCursor"])
                if self.backwards
                else (page["pageInfo"]["hasNextPage"], page["pageInfo"]["endCursor"])
            )
            if not more:
                return met
            if waiting:
                await self.insert(waiting.pop())
            beside = "before" if self.backwards else "after"
            arguments = f"{start}, {beside}: $cursor"

    async def page(self, arguments: str, cursor: str | None = None) -> Any:
        """Return a page of the list."""
        shown = SHOWN[self.listing.field]
        order = f"{{field: {self.order}, direction: {self.direction}}}"
        document = f"""query($id: ID!, $cursor: String) {{ workspace(id: $id) {{
            {self.listing.field}({arguments}, orderBy: {order}) {{
                edges {{ cursor node {{ {shown} }} }}
                pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
            }}
        }} }}"""
        id_ = workspace_id(self.workspace)
        if cursor is None:
            document = document.replace(", $cursor: String", "")
            data = await self.world.answer(document, id=id_)
        else:
            data = await self.world.answer(document, id=id_, cursor=cursor)
        return data["workspace"][self.listing.field]

    def _key(self, node: dict[str, Any]) -> Any:
        return node[to_camel_case(self.listing.orders[self.order])]

    def _row(self, name: str, key: int) -> dict[str, Any]:
        common: dict[str, Any] = {"workspace_id": self.workspace, "created_at": NOW}
        columns: dict[type[Base], dict[str, Any]] = {
            ConversationUsage: {
                "conversation_id": name,
                "title": "",
                "billing_type": BillingType.MESSAGE,
                "message_count": 0,
                "updated_at": NOW,
            },
            McpHttpCall: {"call_id": name, "api_key_id": self.api_key},
            ImportUsage: {
                "task_id": name,
                "import_type": ImportType.BRAND,
                "import_url": "",
            },
            CreditAdjustment: {
                "entry_number": int(name),
                "source_key": name,
                "type": AdjustmentType.ADMIN_ADJUSTMENT,
                "unpaid": 0,
                "balance_after": 0,
                "detail": {"note": ""},
                "description": name,
                "amount": 0,
            },
        }
        usage = {"id": new_id(), "user_id": OLGA, "credits": 0}
        if self.listing is ADJUSTMENTS:
            usage = {}
        row = common | usage | columns[self.listing.table]
        ordered = self.listing.orders[self.order]
        return row | {ordered: NOW + timedelta(seconds=key) if ordered.endswith("_at") else key}


def name(node: dict[str, Any]) -> str:
    """Return what names a node: the first of its fields."""
    return str(next(iter(node.values())))
