"""The four lists: every filter, order and total against the same computed row by row."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert

from models.base import Base, new_id
from models.ledger import AdjustmentType, CreditAdjustment, CreditLot
from models.usage import BillingType, ConversationUsage, ImportType, ImportUsage, McpHttpCall
from models.workspace import Membership, Role, Workspace
from resolvers import ids
from tests.resolvers import busy
from tests.resolvers.busy import BUSY, KEYS
from tests.resolvers.world import CREATED, NOW, OLGA, World, workspace_id

MOMENT = timedelta(microseconds=1)

QUICK_PICKS = {
    "LAST_7_DAYS": datetime(2026, 11, 9, tzinfo=UTC),
    "LAST_30_DAYS": datetime(2026, 10, 17, tzinfo=UTC),
    "LAST_3_MONTHS": datetime(2026, 8, 15, tzinfo=UTC),
}
"""Where each pick starts in this world."""


@dataclass(frozen=True)
class Listing:
    """A list: its field, its rows, and what a test computes of them by itself."""

    field: str
    model: type[Base]
    time: str
    tie: str
    orders: Mapping[str, str]
    choices: tuple[str, str, Sequence[Any]]
    summary: Mapping[str, Callable[[Any], int]]


def _one(_: Any) -> int:
    return 1


LISTINGS = {
    listing.field: listing
    for listing in (
        Listing(
            "conversationUsage",
            ConversationUsage,
            "updatedAt",
            "id",
            {"UPDATED_AT": "updated_at", "CREDITS": "credits", "MESSAGE_COUNT": "message_count"},
            ("billingTypes", "billing_type", list(BillingType)),
            {
                "conversationCount": _one,
                "messageCount": lambda row: row.message_count,
                "credits": lambda row: row.credits,
            },
        ),
        Listing(
            "mcpHttpCalls",
            McpHttpCall,
            "createdAt",
            "id",
            {"CREATED_AT": "created_at", "CREDITS": "credits"},
            ("apiKeyIds", "api_key_id", KEYS),
            {"callCount": _one, "credits": lambda row: row.credits},
        ),
        Listing(
            "importUsage",
            ImportUsage,
            "createdAt",
            "id",
            {"CREATED_AT": "created_at", "CREDITS": "credits"},
            ("importTypes", "import_type", list(ImportType)),
            {"importCount": _one, "credits": lambda row: row.credits},
        ),
        Listing(
            "creditAdjustments",
            CreditAdjustment,
            "createdAt",
            "entry_number",
            {"CREATED_AT": "created_at", "AMOUNT": "amount"},
            ("types", "type", list(AdjustmentType)),
            {
                "adjustmentCount": _one,
                "granted": lambda row: max(row.amount, 0),
                "removed": lambda row: max(-row.amount, 0),
                "net": lambda row: row.amount,
            },
        ),
    )
}

MOMENTS = st.integers(-5, 110).flatmap(
    lambda day: st.sampled_from([0, 1, 43_199, 43_200, 43_201]).map(
        lambda seconds: CREATED + timedelta(days=day, seconds=seconds)
    )
)
"""Moments of the workspace's days, most of them when something happened."""

RANGES = st.tuples(st.none() | MOMENTS, st.none() | MOMENTS).map(
    lambda ends: ends if None in ends else tuple(sorted(ends))  # type: ignore[type-var]
)
DATES = st.none() | st.sampled_from(sorted(QUICK_PICKS)) | RANGES


def document(listing: Listing) -> str:
    """Return the query of a page of the list with its totals."""
    name = f"{listing.field[0].upper()}{listing.field[1:]}".removesuffix("s")
    return f"""
    query($id: ID!, $filterBy: {name}Filter, $orderBy: {name}Order,
          $first: Int, $after: String, $last: Int, $before: String) {{
      workspace(id: $id) {{
        {listing.field}(filterBy: $filterBy, orderBy: $orderBy,
                        first: $first, after: $after, last: $last, before: $before) {{
          nodes {{ id }}
          totalCount
          summary {{ {" ".join(listing.summary)} }}
          pageInfo {{ hasNextPage hasPreviousPage startCursor endCursor }}
        }}
      }}
    }}"""


async def page(world: World, listing: Listing, **variables: Any) -> Any:
    """Return a page of the list of the busy workspace, unless another is named."""
    variables = {"id": workspace_id(BUSY)} | variables
    data = await world.answer(document(listing), **variables)
    return data["workspace"][listing.field]


def date_filter(dates: Any) -> Any:
    """Return the date filter that a client would send."""
    if dates is None:
        return None
    if isinstance(dates, str):
        return {"quickPick": dates}
    start, end = (time and time.isoformat() for time in dates)
    return {"range": {"from": start, "to": end}}


def lets_through(dates: Any, time: datetime) -> bool:
    """Tell whether a date filter lets a time through."""
    if dates is None:
        return True
    start, end = (QUICK_PICKS[dates], None) if isinstance(dates, str) else dates
    return (start is None or start <= time) and (end is None or time < end)


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
@settings(max_examples=40)
@given(data=st.data())
async def test_a_list_is_what_its_rows_say(
    busy_world: World, listing: Listing, data: st.DataObject
) -> None:
    """Any filter in any order, walked in pages of any size: the rows, the count and the totals."""
    argument, column, values = listing.choices
    chosen = data.draw(st.none() | st.lists(st.sampled_from(values), max_size=3))
    dates = data.draw(DATES)
    order = data.draw(st.none() | st.sampled_from(sorted(listing.orders)))
    direction = data.draw(st.none() | st.sampled_from(["ASC", "DESC"]))
    size = data.draw(st.sampled_from([9, 40, 100]))
    time = listing.orders[_time_order(listing)]
    rows = [
        row
        for row in await busy.rows_of(busy_world.database, listing.model)
        if lets_through(dates, getattr(row, time))
        and (not chosen or getattr(row, column) in chosen)
    ]
    columns = (listing.orders[order] if order else time, time, listing.tie)
    rows.sort(
        key=lambda row: tuple(getattr(row, each) for each in columns),
        reverse=direction != "ASC",
    )
    sent = (
        [ids.encode("ApiKey", key, workspace_id=BUSY) for key in chosen]
        if chosen and argument == "apiKeyIds"
        else chosen
    )
    order_by = {"field": order, "direction": direction}

    met: list[Any] = []
    cursor = None
    while True:
        found = await page(
            busy_world,
            listing,
            filterBy={argument: sent, listing.time: date_filter(dates)},
            orderBy={name: value for name, value in order_by.items() if value},
            first=size,
            after=cursor,
        )
        met += [ids.decode(node["id"]).key for node in found["nodes"]]
        assert found["totalCount"] == len(rows)
        assert found["summary"] == {
            name: sum(map(value, rows)) for name, value in listing.summary.items()
        }
        cursor = found["pageInfo"]["endCursor"]
        if not found["pageInfo"]["hasNextPage"]:
            break

    assert met == [getattr(row, listing.tie) for row in rows]


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
async def test_an_empty_filter_filters_nothing(busy_world: World, listing: Listing) -> None:
    """However empty it is written."""
    argument, _, _ = listing.choices
    everything = await page(busy_world, listing)
    rows = await busy.rows_of(busy_world.database, listing.model)

    assert everything["totalCount"] == len(rows)
    nothings: list[Any] = [
        None,
        {},
        {argument: None},
        {argument: []},
        {listing.time: None},
        {listing.time: {"range": {}}},
        {listing.time: {"range": {"from": None, "to": None}}},
    ]
    for nothing in nothings:
        assert await page(busy_world, listing, filterBy=nothing) == everything


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
async def test_a_list_is_newest_first_and_twenty_five_long(
    busy_world: World, listing: Listing
) -> None:
    """Without any argument."""
    plain = await page(busy_world, listing)
    spelled = await page(
        busy_world,
        listing,
        first=25,
        orderBy={"field": _time_order(listing), "direction": "DESC"},
    )

    assert plain == spelled
    assert len(plain["nodes"]) == min(25, plain["totalCount"])


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
async def test_cursors_are_shared_by_filters_that_mean_the_same(
    busy_world: World, listing: Listing
) -> None:
    """A client may write its filter otherwise for the next page."""
    argument, _, values = listing.choices
    one, other = (
        [ids.encode("ApiKey", key, workspace_id=BUSY) for key in values]
        if argument == "apiKeyIds"
        else values
    )[:2]
    since = "2026-08-20T00:00:00Z"
    same: list[Sequence[Any]] = [
        [None, {}, {argument: []}, {listing.time: None}, {listing.time: {"range": {}}}],
        [{argument: [one, other]}, {argument: [other, one, other]}],
        [
            {listing.time: {"range": {"from": since}}},
            {listing.time: {"range": {"from": "2026-08-20T02:00:00+02:00", "to": None}}},
            {listing.time: {"range": {"from": since}}, argument: []},
        ],
    ]

    for filters in same:
        for given_ in filters:
            first = await page(busy_world, listing, filterBy=given_, first=1)
            cursor = first["pageInfo"]["endCursor"]
            rests = [
                await page(busy_world, listing, filterBy=next_, first=2, after=cursor)
                for next_ in filters
            ]
            assert all(rest == rests[0] for rest in rests)


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
async def test_a_cursor_is_of_one_filter_and_one_order(busy_world: World, listing: Listing) -> None:
    """With another of either, or of another list, it is refused: start from the first page."""
    argument, _, values = listing.choices
    value = (
        ids.encode("ApiKey", values[0], workspace_id=BUSY) if argument == "apiKeyIds" else values[0]
    )
    dates = {"range": {"from": "2026-08-20T00:00:00Z"}}
    fields = sorted(listing.orders)
    others: list[dict[str, Any]] = [
        {"filterBy": {argument: [value]}},
        {"filterBy": {listing.time: {"quickPick": "LAST_3_MONTHS"}}},
        {"filterBy": {listing.time: {"quickPick": "LAST_7_DAYS"}}},
        {"filterBy": {listing.time: dates}},
        {"filterBy": {listing.time: {"range": {"to": "2026-11-14T00:00:00Z"}}}},
        *({"orderBy": {"field": field, "direction": "DESC"}} for field in fields),
        *({"orderBy": {"field": field, "direction": "ASC"}} for field in fields),
    ]
    cursors = [
        (await page(busy_world, listing, first=1, **each))["pageInfo"]["endCursor"]
        for each in others
    ]
    assert None not in cursors
    default = others.index({"orderBy": {"field": _time_order(listing), "direction": "DESC"}})

    for index, cursor in enumerate(cursors):
        for other, arguments in enumerate(others):
            answer = await busy_world.ask(
                document(listing), id=workspace_id(BUSY), after=cursor, **arguments
            )
            assert answer.codes == ([] if index == other else ["STALE_CURSOR"]), (index, other)
    for other_list in LISTINGS.values():
        if other_list is not listing:
            answer = await busy_world.ask(
                document(other_list), id=workspace_id(BUSY), after=cursors[default]
            )
            assert answer.codes == ["STALE_CURSOR"]


EDGES = [
    pytest.param(now, pick, start, id=f"{pick} at {now}")
    for now, pick, start in [
        ("2026-11-15T00:00:00", "LAST_7_DAYS", "2026-11-09"),
        ("2026-11-15T23:59:59.999999", "LAST_7_DAYS", "2026-11-09"),
        ("2026-11-16T00:00:00", "LAST_7_DAYS", "2026-11-10"),
        ("2026-03-01T00:00:00", "LAST_7_DAYS", "2026-02-23"),
        ("2026-11-15T12:00:00", "LAST_30_DAYS", "2026-10-17"),
        ("2028-03-01T12:00:00", "LAST_30_DAYS", "2028-02-01"),
        ("2026-11-15T12:00:00", "LAST_3_MONTHS", "2026-08-15"),
        ("2026-05-31T12:00:00", "LAST_3_MONTHS", "2026-02-28"),
        ("2028-05-31T12:00:00", "LAST_3_MONTHS", "2028-02-29"),
        ("2026-05-29T12:00:00", "LAST_3_MONTHS", "2026-02-28"),
        ("2026-02-28T12:00:00", "LAST_3_MONTHS", "2025-11-28"),
        ("2026-01-31T00:00:00", "LAST_3_MONTHS", "2025-10-31"),
    ]
]
"""A moment in UTC, a pick, and the midnight from which it counts."""


@pytest.mark.parametrize(("now", "pick", "start"), EDGES)
async def test_a_quick_pick_counts_from_a_midnight_in_utc(
    shared_world: World, now: str, pick: str, start: str
) -> None:
    """What happened at that midnight is let through, the moment before it is not."""
    world = shared_world.at(datetime.fromisoformat(now).replace(tzinfo=UTC))
    midnight = datetime.fromisoformat(start).replace(tzinfo=UTC)
    key = await _workspace_of_imports(world, midnight, midnight - MOMENT)

    data = await world.answer(
        """query($id: ID!, $pick: DateQuickPick!) { workspace(id: $id) {
            importUsage(filterBy: {createdAt: {quickPick: $pick}}) {
                nodes { createdAt } totalCount
            }
            usageSeries(filterBy: {occurredAt: {quickPick: $pick}}) { start }
        } }""",
        id=workspace_id(key),
        pick=pick,
    )

    found = {"nodes": [{"createdAt": f"{start}T00:00:00Z"}], "totalCount": 1}
    assert data["workspace"]["importUsage"] == found
    if now[:19] != f"{now[:10]}T00:00:00":
        assert data["workspace"]["usageSeries"][0] == {"start": f"{start}T00:00:00Z"}


@pytest.mark.parametrize("listing", LISTINGS.values(), ids=LISTINGS)
@pytest.mark.parametrize("pick", QUICK_PICKS)
async def test_paging_a_quick_pick_does_not_shift_at_midnight(
    busy_world: World, listing: Listing, pick: str
) -> None:
    """The cursor carries the start: its pages and totals are those of the day it was asked on."""
    before = busy_world.at(datetime(2026, 11, 15, 23, 59, 59, tzinfo=UTC))
    after = busy_world.at(datetime(2026, 11, 16, 0, 0, 1, tzinfo=UTC))
    picked = {"filterBy": {listing.time: {"quickPick": pick}}}
    newest = (await page(before, listing, first=1, **picked))["pageInfo"]["endCursor"]
    oldest = (await page(before, listing, last=1, **picked))["pageInfo"]["startCursor"]
    shifted = {"range": {"from": (QUICK_PICKS[pick] + timedelta(days=1)).isoformat()}}

    for arguments in ({"first": 100, "after": newest}, {"last": 100, "before": oldest}):
        that_day = await page(before, listing, **arguments, **picked)
        next_day = await page(after, listing, **arguments, **picked)
        assert next_day == that_day
        assert len(that_day["nodes"]) == that_day["totalCount"] - 1
    fresh = await page(after, listing, **picked)
    anew = await page(after, listing, filterBy={listing.time: shifted})
    assert fresh["nodes"] == anew["nodes"]
    assert fresh["totalCount"] == anew["totalCount"]


SMALL_LISTS = {
    "a person's workspaces": ("viewer { workspaces(@) { nodes { name } ~ } }", ["Acme", "Empty"]),
    "API keys": (
        "workspace(id: $id) { apiKeys(@) { nodes { name } ~ } }",
        ["Production", "Old laptop"],
    ),
    "the charges of a conversation": (
        """workspace(id: $id) { conversationUsage(filterBy: {search: "invoices"}) { nodes {
            charges(@) { nodes { name: messageCount } ~ }
        } } }""",
        [2, 12],
    ),
}
"""Lists without filters, with an `@` for their arguments and a `~` for where the page stands."""


@pytest.mark.parametrize(("field", "expected"), SMALL_LISTS.values(), ids=SMALL_LISTS)
async def test_a_small_list_is_paged_like_a_large_one(
    world: World, field: str, expected: list[Any]
) -> None:
    """Forwards and backwards; each page says whether there is more, and how many there are."""

    async def page(arguments: str) -> Any:
        stands = "totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor }"
        head = "query($id: ID!)" if "$id" in field else "query"
        found = await world.answer(
            f"{head} {{ {field.replace('@', arguments).replace('~', stands)} }}"
        )
        while "pageInfo" not in found:
            found = next(iter(found if isinstance(found, list) else found.values()))
        assert found["totalCount"] == len(expected)
        sides = found["pageInfo"]["hasPreviousPage"], found["pageInfo"]["hasNextPage"]
        return [node["name"] for node in found["nodes"]], sides, found["pageInfo"]

    everything, both, _ = await page("first: 2")
    one, at_start, start = await page("first: 1")
    two, at_end, _ = await page(f'first: 1, after: "{start["endCursor"]}"')
    last, from_end, end = await page("last: 1")
    first, from_middle, _ = await page(f'last: 1, before: "{end["startCursor"]}"')

    assert everything == one + two == first + last == expected
    assert both == (False, False)
    assert at_start == from_middle == (False, True)
    assert at_end == from_end == (True, False)


async def test_the_lists_and_the_adjustments_explain_the_balance(busy_world: World) -> None:
    """To the last credit: the usage lists never mix with adjustments, and nothing is missing."""
    data = await busy_world.answer(
        """query($id: ID!) { workspace(id: $id) {
            creditBalance { remaining overdraft asOf(at: "2026-11-15T12:00:00Z") }
            conversationUsage { summary { credits } }
            mcpHttpCalls { summary { credits } }
            importUsage { summary { credits } }
            creditAdjustments { summary { net granted removed } }
        } }""",
        id=workspace_id(BUSY),
    )
    workspace = data["workspace"]
    used = sum(
        workspace[list_]["summary"]["credits"]
        for list_ in ("conversationUsage", "mcpHttpCalls", "importUsage")
    )
    adjusted = workspace["creditAdjustments"]["summary"]
    balance = workspace["creditBalance"]
    unbooked = sum(
        lot.remaining
        for lot in await busy.rows_of(busy_world.database, CreditLot)
        if lot.expires_at is not None and lot.expires_at <= NOW
    )

    assert adjusted["net"] == adjusted["granted"] - adjusted["removed"]
    assert balance["remaining"] - balance["overdraft"] == adjusted["net"] - used - unbooked
    assert balance["asOf"] == balance["remaining"] - balance["overdraft"]


async def test_the_rows_are_worth_comparing(busy_world: World) -> None:
    """Filters part them, orders meet equal ones, and some lie at the start of a quick pick."""
    at_start = dict.fromkeys(QUICK_PICKS, 0)
    for listing in LISTINGS.values():
        _, column, _ = listing.choices
        rows = await busy.rows_of(busy_world.database, listing.model)
        assert len(rows) > 25
        assert len({getattr(row, column) for row in rows}) > 1
        for order in listing.orders.values():
            if not order.endswith("_at"):
                assert len({getattr(row, order) for row in rows}) < len(rows)
        times = [getattr(row, listing.orders[_time_order(listing)]) for row in rows]
        for pick, start in QUICK_PICKS.items():
            at_start[pick] += times.count(start)
    assert all(at_start.values()), at_start


def _time_order(listing: Listing) -> str:
    return next(order for order in listing.orders if order.endswith("_AT"))


async def _workspace_of_imports(world: World, *times: datetime) -> UUID:
    """Add a workspace of Olga's with an import at each of the times."""
    key = new_id()
    ours: dict[str, Any] = {"workspace_id": key, "created_at": CREATED}
    job = ours | {"user_id": OLGA, "credits": 1, "import_type": "BRAND", "import_url": ""}
    async with world.database.write() as session:
        for model, row in (
            (Workspace, {"id": key, "name": "Imports", "created_at": CREATED}),
            (Membership, ours | {"user_id": OLGA, "role": Role.OWNER}),
            *(
                (ImportUsage, job | {"id": new_id(), "task_id": str(time), "created_at": time})
                for time in times
            ),
        ):
            await session.execute(insert(model).values(**row))
    return key
