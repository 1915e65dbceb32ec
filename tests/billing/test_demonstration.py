"""The demo's data: believable, and made by the ledger's own rules."""

from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from sqlalchemy import Executable, Text, cast, func, literal, literal_column, select, text
from sqlalchemy.dialects.postgresql import aggregate_order_by

from billing import audit, catalog_file, details
from billing.demonstration import loading
from billing.demonstration.loading import DatabaseNotEmpty
from models.base import Base
from models.database import Database
from models.ledger import AdjustmentType, CreditAdjustment, CreditCharge
from models.usage import ConversationUsage, ImportUsage, McpHttpCall
from models.workspace import ApiKey, Membership, Workspace
from tests import postgres

NOW = datetime(2026, 11, 23, 14, 5, tzinfo=UTC)
ROWS = 3_000
ROWS_FEWEST = 100
CATALOGUE = catalog_file.parse(
    resources.files("gateway").joinpath("demo_catalog.toml").read_text(encoding="utf-8")
)
STUDIO, CAFE, SHOP, ATELIER, BLANK = (
    "Northwind Studio",
    "Café Lumière",
    "田中商店",
    "Atelier Munk & Søn",
    "Untitled workspace",
)
RECORDS: tuple[type[Base], ...] = (ConversationUsage, McpHttpCall, ImportUsage)


@pytest.fixture(scope="session")
async def loaded(postgres_url: str, template_url: str) -> AsyncIterator[Database]:
    """Yield a database with the demo in it; read only."""
    async with (
        postgres.database(postgres_url, template_url=template_url) as url,
        opened(url) as database,
    ):
        await load(database)
        yield database


async def test_every_invariant_of_the_ledger_holds(loaded: Database) -> None:
    """The audit finds no drift in any of the five workspaces."""
    assert await drifts(loaded) == [[]] * 5


@pytest.mark.parametrize(
    "now",
    [
        datetime(2026, 5, 31, 23, 59, 59, tzinfo=UTC),
        datetime(2028, 2, 29, 0, 0, 30, tzinfo=UTC),
        datetime(2027, 1, 1, tzinfo=UTC),
    ],
    ids=str,
)
async def test_the_demo_can_be_made_on_any_day(database_url: str, now: datetime) -> None:
    """On the last of a month, a leap day, just after midnight; even with the fewest events."""
    async with opened(database_url) as database:
        await load(database, rows=ROWS_FEWEST, now=now)
        assert await drifts(database) == [[]] * 5
        assert sum((await by_workspace(database, CreditCharge)).values()) == ROWS_FEWEST
        assert await adjustment_types(database) == set(AdjustmentType)


async def test_there_are_as_many_events_as_were_asked_for(loaded: Database) -> None:
    """Most are of the busiest workspace; the empty one has nothing of any kind."""
    events = await by_workspace(loaded, CreditCharge)
    assert sum(events.values()) == ROWS
    assert events[STUDIO] > ROWS / 2
    models: tuple[type[Base], ...] = (CreditCharge, CreditAdjustment, *RECORDS)
    for model in models:
        assert set(await by_workspace(loaded, model)) == {STUDIO, CAFE, SHOP, ATELIER}, model


async def test_the_records_reach_from_three_months_ago_until_now(loaded: Database) -> None:
    """Every quick pick shows something, and nothing is in the future."""
    for times in (
        ConversationUsage.updated_at,
        McpHttpCall.created_at,
        ImportUsage.created_at,
        CreditCharge.occurred_at,
        CreditCharge.created_at,
    ):
        [(first, last)] = await rows(loaded, select(func.min(times), func.max(times)))
        assert NOW - timedelta(days=3) < last <= NOW, times
        assert first < NOW - timedelta(days=92), times
    [(last,)] = await rows(loaded, select(func.max(CreditAdjustment.created_at)))
    assert last <= NOW


async def test_each_workspace_is_on_its_plan(loaded: Database) -> None:
    """Free, monthly, yearly with a downgrade to come, one-time, and the empty one on Free."""
    held = await rows(
        loaded,
        "SELECT w.name, plan_id, billing_cycle, pending_plan_id, pending_at = period_end"
        " FROM subscriptions JOIN workspaces w ON w.id = workspace_id WHERE ended_at IS NULL",
    )
    assert {tuple(row) for row in held} == {
        (STUDIO, "team", "MONTHLY", None, None),
        (CAFE, "team", "YEARLY", "pro", True),
        (SHOP, "launch-pass", "ONE_TIME", None, None),
        (ATELIER, "free", None, None, None),
        (BLANK, "free", None, None, None),
    }
    [(outside,)] = await rows(
        loaded,
        "SELECT count(*) FROM subscriptions WHERE ended_at IS NULL AND NOT"
        " (refresh_period_start <= :now AND :now < refresh_period_end)",
        now=NOW,
    )
    assert outside == 0


async def test_every_kind_of_adjustment_tells_its_story(loaded: Database) -> None:
    """Each type is there, and its detail can be read back; corrections go both ways."""
    adjustments = await rows(loaded, select(*CreditAdjustment.__table__.c))
    assert {each.type for each in adjustments} == set(AdjustmentType)
    for each in adjustments:
        assert details.to_json(details.parse(each.type, each.detail)) == each.detail
    corrections = {
        each.amount > 0 for each in adjustments if each.type is AdjustmentType.ADMIN_ADJUSTMENT
    }
    assert corrections == {True, False}


async def test_an_overdraft_was_repaid(loaded: Database) -> None:
    """The Free workspace once used more than it had; later credits paid for all of it."""
    [(lowest, overdraft)] = await rows(
        loaded,
        "SELECT min(c.balance_after), max(b.overdraft) FROM credit_charges c"
        " JOIN credit_balances b USING (workspace_id) JOIN workspaces w ON w.id = workspace_id"
        " WHERE w.name = :name",
        name=ATELIER,
    )
    assert lowest < 0
    assert overdraft == 0
    [(repaid_later,)] = await rows(
        loaded, "SELECT count(*) FROM credit_spends WHERE lot_number > charge_number"
    )
    assert repaid_later > 0


async def test_the_people_of_the_tokens_are_in_every_workspace(loaded: Database) -> None:
    """The owner is owner everywhere, and nobody uses anything before or after being a member."""
    found = await rows(
        loaded,
        "SELECT subject, role, count(*) FROM memberships JOIN users ON id = user_id"
        " WHERE subject LIKE 'demo-%' GROUP BY 1, 2",
    )
    assert {tuple(row) for row in found} == {
        ("demo-owner", "OWNER", 5),
        ("demo-admin", "ADMIN", 5),
        ("demo-member", "MEMBER", 5),
    }
    for model in RECORDS:
        used = model.__table__.c
        here = (used.workspace_id == Membership.workspace_id) & (used.user_id == Membership.user_id)
        early = used.created_at < Membership.created_at
        late = used.created_at > Membership.left_at
        found = await rows(
            loaded,
            select(func.count().filter(early | late), func.count(Membership.left_at))
            .select_from(model)
            .join(Membership, here),
        )
        [(strangers, former)] = found
        assert strangers == 0, model
        assert former > 0, model


async def test_what_a_page_must_show_with_care_is_there(loaded: Database) -> None:
    """Markup, an emoji, a long title, a link that is a script, a revoked key."""
    titles = {row.title for row in await rows(loaded, select(ConversationUsage.title))}
    assert any("<script>" in title for title in titles)
    assert any("🚀" in title for title in titles)
    assert max(map(len, titles)) > 250
    urls = [row.import_url for row in await rows(loaded, select(ImportUsage.import_url))]
    schemes = Counter(url.partition(":")[0] for url in urls)
    assert schemes["javascript"] == 1
    assert schemes["https"] > len(urls) - 3
    after_revocation = select(McpHttpCall.id).join(
        ApiKey,
        (ApiKey.workspace_id == McpHttpCall.workspace_id)
        & (ApiKey.id == McpHttpCall.api_key_id)
        & (ApiKey.revoked_at < McpHttpCall.created_at),
    )
    assert await rows(loaded, after_revocation) == []


async def test_the_same_seed_makes_the_same_demo(loaded: Database, database_url: str) -> None:
    """Every row of every table is the same, ids included."""
    async with opened(database_url) as database:
        await load(database)
        assert await contents(database) == await contents(loaded)


async def test_loading_leaves_the_tables_as_migrated(database_url: str) -> None:
    """Indexes and foreign keys were away meanwhile: they are back, by name and definition."""
    async with opened(database_url) as database:
        before = await structure(database)
        await load(database, rows=ROWS_FEWEST)
        assert await structure(database) == before


async def test_a_database_of_others_is_left_alone(database_url: str) -> None:
    """Where there are workspaces, nothing is added and nothing is taken away."""
    async with opened(database_url) as database:
        async with database.write() as session:
            await session.execute(
                text(
                    "INSERT INTO workspaces (id, name, created_at)"
                    " VALUES (gen_random_uuid(), 'Theirs', now())"
                )
            )
        before = await contents(database)
        with pytest.raises(DatabaseNotEmpty):
            await load(database)
        assert await contents(database) == before
        async with database.snapshot() as snapshot:
            assert await loading.workspaces(snapshot) == []


# Helpers


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    """Give a connection to a database."""
    database = Database(url, pool_size=1, statement_timeout_seconds=60)
    try:
        yield database
    finally:
        await database.close()


async def load(database: Database, *, rows: int = ROWS, now: datetime = NOW) -> None:
    """Load the demo; every event is told of."""
    heard: list[int] = []
    await loading.load(database, CATALOGUE, rows=rows, advance=heard.append, now=now)
    assert sum(heard) == rows


async def rows(database: Database, statement: Executable | str, **parameters: Any) -> Sequence[Any]:
    """Return the rows of a statement."""
    if isinstance(statement, str):
        statement = text(statement)
    async with database.snapshot() as snapshot:
        return await snapshot.all(statement, parameters)


async def by_workspace(database: Database, model: type[Base]) -> dict[str, int]:
    """Return how many rows each workspace has, of those that have any."""
    here = Workspace.id == model.__table__.c.workspace_id
    counts = select(Workspace.name, func.count()).join(model, here).group_by(Workspace.name)
    return {row.name: row.count for row in await rows(database, counts)}


async def adjustment_types(database: Database) -> set[AdjustmentType]:
    """Return the types of adjustments that there are."""
    return {row.type for row in await rows(database, select(CreditAdjustment.type))}


async def drifts(database: Database) -> list[list[audit.Drift]]:
    """Return what the audit finds in each workspace."""
    async with database.snapshot() as snapshot:
        return [
            await audit.audit(snapshot, workspace_id=workspace_id)
            for workspace_id in await audit.workspace_ids(snapshot)
        ]


async def contents(database: Database) -> dict[str, str]:
    """Return a digest of the rows of each table."""
    digests = {}
    for table in Base.metadata.sorted_tables:
        row = cast(literal_column(table.name), Text)
        digest = func.md5(func.string_agg(row, aggregate_order_by(literal("|"), row)))
        [(digests[table.name],)] = await rows(database, select(digest).select_from(table))
    return digests


async def structure(database: Database) -> set[tuple[str, ...]]:
    """Return every index and constraint with its definition, and whether it is valid."""
    found = await rows(
        database,
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid), indisvalid::text"
        " FROM pg_index WHERE indrelid IN"
        " (SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace)"
        " UNION ALL SELECT conrelid::regclass || '.' || conname, pg_get_constraintdef(oid),"
        " convalidated::text FROM pg_constraint WHERE connamespace = 'public'::regnamespace",
    )
    return {tuple(row) for row in found}
