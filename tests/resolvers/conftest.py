"""The fixtures of the GraphQL surface."""

import gc
from collections.abc import AsyncIterator, Iterator

import pytest
from structlog.testing import capture_logs

from models.database import Database
from tests import postgres
from tests.resolvers import busy, whole
from tests.resolvers import till as tills
from tests.resolvers import world as worlds
from tests.resolvers.till import Till
from tests.resolvers.world import World
from tests.sandbox import server


@pytest.fixture(scope="session")
async def world_url(postgres_url: str, template_url: str) -> AsyncIterator[str]:
    """Yield the URL of a database that holds the world; clone it, never connect to it."""
    async with postgres.database(postgres_url, template_url=template_url) as url:
        database = Database(url)
        await worlds.fill(database)
        await database.close()
        yield url


@pytest.fixture
async def world(postgres_url: str, world_url: str) -> AsyncIterator[World]:
    """Yield a world of this test's own."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url)
        yield World(database)
        await database.close()


@pytest.fixture(scope="session")
async def shared_world(postgres_url: str, world_url: str) -> AsyncIterator[World]:
    """Yield a world that many tests share: none of them changes what another one reads."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url)
        yield World(database)
        await database.close()


@pytest.fixture(scope="session")
async def sandbox_address() -> AsyncIterator[str]:
    """Yield the address of a sandbox that tells nobody of anything."""
    async with server.serving("--seed", "resolvers") as address:
        yield address


@pytest.fixture
async def till(postgres_url: str, world_url: str, sandbox_address: str) -> AsyncIterator[Till]:
    """Yield the world with an empty sandbox to pay at; in the end the books are right."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url)
        async with tills.opened(database, sandbox_address) as till:
            yield till
            assert await till.drifts() == []
        await database.close()


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test that leaves anything in a log: a refusal is the client's, and no news."""
    with capture_logs() as entries:
        yield
        gc.collect(1)  # what asyncio says of a failure that nobody asked for, it says at the end
    assert entries == []
    assert caplog.records == []


@pytest.fixture(scope="session")
async def busy_world(postgres_url: str, world_url: str) -> AsyncIterator[World]:
    """Yield a world with a busy workspace in it; nobody changes it."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url)
        await busy.fill(database)
        yield World(database)
        await database.close()


@pytest.fixture(scope="session")
async def whole_world(postgres_url: str, world_url: str) -> AsyncIterator[World]:
    """Yield a world in which every field has something to show; nobody changes it."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url)
        await whole.fill(database)
        yield World(database)
        await database.close()
