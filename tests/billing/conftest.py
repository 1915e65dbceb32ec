"""A database with all tables, and a workspace in it."""

from collections.abc import AsyncIterator

import pytest

from models.database import Database
from tests.billing.factories import Place, add_place


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Yield the database of this test, open."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def place(database: Database) -> Place:
    """Return a workspace with an empty ledger, a member and an API key."""
    return await add_place(database)
