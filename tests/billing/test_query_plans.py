"""What the lists' statements read, in a workspace with a great many rows.

A hundred thousand rows a list in a short run, a million in a long one.
"""

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from billing import records
from billing.keyset import Position, Slice
from billing.records import (
    AdjustmentFilter,
    ConversationFilter,
    Filter,
    ImportFilter,
    McpHttpCallFilter,
    Period,
    Request,
    Search,
)
from models.database import Database
from models.ledger import AdjustmentType
from models.usage import BillingType, ImportType
from tests import postgres
from tests.billing.explaining import Explainer, RunPlan

ROWS = 1_000_000 if os.environ.get("TEST_PROFILE") == "long" else 100_000
NOW = datetime(2026, 11, 1, tzinfo=UTC)
LARGE = UUID("00000000-0000-7000-8000-000000000001")
SIZE = 20
READ = SIZE + 1
"""A page reads one row more than it shows, to know whether the list goes on."""

DAY = timedelta(days=1)
PERIODS = {
    "an hour": Period(NOW - 30 * DAY, NOW - 30 * DAY + timedelta(hours=1)),
    "a week": Period(NOW - 7 * DAY),
    "three months": Period(NOW - 89 * DAY),
    "the past": Period(None, NOW - 80 * DAY),
    "nothing": Period(NOW - 100 * DAY, NOW - 95 * DAY),
}
LISTS: dict[type[Filter], tuple[str, ...]] = {
    ConversationFilter: ("UPDATED_AT", "CREDITS", "MESSAGE_COUNT"),
    McpHttpCallFilter: ("CREATED_AT", "CREDITS"),
    ImportFilter: ("CREATED_AT", "CREDITS"),
    AdjustmentFilter: ("CREATED_AT", "AMOUNT"),
}
KEYS = [UUID(f"00000000-0000-7000-8002-{number:012x}") for number in (1, 2, 3)]
TYPES: list[Filter] = [
    ConversationFilter(billing_types=frozenset({BillingType.VIDEO_GENERATION})),
    ConversationFilter(
        billing_types=frozenset({BillingType.VIDEO_GENERATION, BillingType.MESSAGE})
    ),
    McpHttpCallFilter(api_key_ids=frozenset(KEYS[:1])),
    McpHttpCallFilter(api_key_ids=frozenset(KEYS)),
    ImportFilter(import_types=frozenset({ImportType.BRAND})),
    AdjustmentFilter(types=frozenset({AdjustmentType.PACKAGE_RESET})),
    AdjustmentFilter(
        types=frozenset({AdjustmentType.PACKAGE_RESET, AdjustmentType.ADMIN_ADJUSTMENT})
    ),
]
EVERY_ORDER = [
    pytest.param(list_, order, descending, id=f"{list_.__name__}-{order}-{descending}")
    for list_, orders in LISTS.items()
    for order in orders
    for descending in (True, False)
]
FILTERED = [
    pytest.param(replace(filter_, period=period), order, id=f"{number}-{name}-{order}")
    for number, filter_ in enumerate(TYPES)
    for name, period in ({"ever": Period()} | PERIODS).items()
    for order in LISTS[type(filter_)]
]


@dataclass(frozen=True)
class Large:
    """A database with a large workspace."""

    database: Database
    explainer: Explainer

    async def page(
        self,
        filter_: Filter,
        order: str,
        *,
        descending: bool = True,
        beside: Position | None = None,
        backwards: bool = False,
    ) -> RunPlan:
        """Return the plan of reading a page."""
        part = Slice(SIZE, backwards=backwards, beside=beside)
        request = Request(filter_, order, descending, part, frozenset({"created_at"}))
        async with self.database.snapshot() as snapshot:
            await records.pages(snapshot, request, workspace_ids=[LARGE])
        return await self.explainer.plan()

    async def count(self, filter_: Filter) -> int:
        """Return how many rows the filter lets through."""
        async with self.database.snapshot() as snapshot:
            totals = await records.totals(snapshot, filter_, workspace_ids=[LARGE])
        return int(totals[0].row_count)


@pytest.fixture(scope="module")
async def large(postgres_url: str, template_url: str) -> AsyncIterator[Large]:
    """Yield a database with a large workspace."""
    script = (Path(__file__).parent / "large.sql").read_text()
    script = script.replace(":now", f"timestamptz '{NOW.isoformat()}'").replace(":rows", str(ROWS))
    async with postgres.database(postgres_url, template_url=template_url) as url:
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            await raw.driver_connection.execute(script)
            await connection.execute(text("VACUUM ANALYZE"))
        await engine.dispose()
        database = Database(url, statement_timeout_seconds=60)
        yield Large(database, Explainer(database))
        await database.close()


@pytest.mark.parametrize(("list_", "order", "descending"), EVERY_ORDER)
async def test_a_list_without_filters_reads_an_index_in_order(
    large: Large, list_: type[Filter], order: str, *, descending: bool
) -> None:
    """From either end, and nothing is sorted."""
    for backwards in (False, True):
        plan = await large.page(list_(), order, descending=descending, backwards=backwards)

        assert not plan.sorts
        assert plan.rows_touched == READ


@pytest.mark.parametrize(("list_", "order", "descending"), EVERY_ORDER)
async def test_a_page_deep_in_a_list_costs_what_the_first_one_does(
    large: Large, list_: type[Filter], order: str, *, descending: bool
) -> None:
    """A keyset goes there by the index."""
    key = ROWS // 2 if list_ is AdjustmentFilter else UUID(int=0)
    half = NOW - 45 * DAY
    beside = (half, key) if order.endswith("_AT") else (10, half, key)

    plan = await large.page(list_(), order, descending=descending, beside=beside)

    assert not plan.sorts
    assert plan.rows_touched == READ


@pytest.mark.parametrize("period", PERIODS.values(), ids=PERIODS)
@pytest.mark.parametrize("list_", LISTS, ids=lambda list_: list_.__name__)
async def test_a_list_in_time_order_with_a_date_filter_reads_an_index_in_order(
    large: Large, list_: type[Filter], period: Period
) -> None:
    """Whatever the dates are."""
    filter_ = list_(period=period)

    plan = await large.page(filter_, LISTS[list_][0])

    assert not plan.sorts
    assert plan.rows_touched == min(READ, await large.count(filter_))


@pytest.mark.parametrize(("filter_", "order"), FILTERED)
async def test_any_other_filter_and_order_touch_at_most_the_filtered_rows(
    large: Large, filter_: Filter, order: str
) -> None:
    """By whichever index leads to fewer."""
    plan = await large.page(filter_, order)

    assert plan.rows_touched <= await large.count(filter_)
    assert plan.indexes


@pytest.mark.parametrize("order", LISTS[ConversationFilter])
async def test_a_rare_term_is_found_by_the_trigram_index(large: Large, order: str) -> None:
    """And next to nothing else is looked at."""
    term = f"invoice {ROWS // 2}"[:-2]

    plan = await large.page(ConversationFilter(search=Search(term, creators=True)), order)

    assert plan.indexes == {"conversation_usage_search_idx"}
    assert plan.rows_touched < ROWS // 100


@pytest.mark.parametrize("order", LISTS[ConversationFilter])
async def test_a_common_term_is_found_on_the_way_along_the_order(large: Large, order: str) -> None:
    """Every seventh title has it: the first page is full soon."""
    plan = await large.page(ConversationFilter(search=Search("REPORT", creators=True)), order)

    assert not plan.sorts
    assert "conversation_usage_search_idx" not in plan.indexes
    assert plan.rows_touched < 100 * SIZE
