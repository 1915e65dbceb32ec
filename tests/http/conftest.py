"""One server for the tests of a session, and what happens in it."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.http import world as worlds
from tests.http.world import World


@pytest.fixture(scope="session")
def world() -> World:
    """Return what happens in the server: compare it with before."""
    return World()


@pytest.fixture(scope="session")
def address(world: World) -> Iterator[str]:
    """Yield the address of the server."""
    with worlds.serving(worlds.application(world)) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of the server."""
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        yield client
