"""Migrations: on an empty database, on a filled one, at once from two processes."""

import asyncio

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from models import migration
from models.tables import metadata
from tests import postgres


async def test_an_empty_database_gets_every_table_and_then_nothing_more(postgres_url: str) -> None:
    """The second run finds nothing to do."""
    async with postgres.database(postgres_url) as url:
        pending = await migration.pending_migrations(url)
        applied = await migration.migrate(url)

        assert applied == pending != []
        assert await migration.pending_migrations(url) == []
        assert await migration.migrate(url) == []


async def test_the_migrated_tables_are_the_declared_ones(database_url: str) -> None:
    """Tables, columns, types, indexes, uniques and foreign keys; checks are compared by name."""
    engine = create_async_engine(database_url)
    async with engine.connect() as connection:
        options = {"compare_type": True, "compare_server_default": True}
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync, opts=options), metadata)
        )
        rows = await connection.execute(
            text("SELECT conname FROM pg_constraint WHERE contype = 'c' AND conrelid > 0")
        )
        checks = {row.conname for row in rows}
    await engine.dispose()

    declared = {
        str(constraint.name)
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.__visit_name__ == "check_constraint"
    }
    assert differences == []
    assert declared <= checks


async def test_two_gateways_that_migrate_at_once_do_it_once(postgres_url: str) -> None:
    """One waits for the other and finds the work done."""
    async with postgres.database(postgres_url) as url:
        pending = await migration.pending_migrations(url)
        first, second = await asyncio.gather(migration.migrate(url), migration.migrate(url))

        assert sorted([first, second]) == [[], pending]


async def test_a_filled_database_keeps_its_rows(database_url: str) -> None:
    """Migrating what is current touches nothing."""
    engine = create_async_engine(database_url)
    async with engine.begin() as connection:
        await connection.execute(
            text(
                "INSERT INTO workspaces (id, name, created_at)"
                " VALUES (gen_random_uuid(), 'Kept', '2026-01-01T00:00:00Z')"
            )
        )

    await migration.migrate(database_url)

    async with engine.connect() as connection:
        names = (await connection.execute(text("SELECT name FROM workspaces"))).scalars().all()
    await engine.dispose()
    assert names == ["Kept"]
