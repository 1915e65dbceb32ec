"""A world for each test, and what must hold at the end of all of them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.lifecycle import world as worlds
from tests.lifecycle.world import Stock, World


@pytest.fixture(scope="session")
async def stock(
    postgres_url: str, template_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Stock]:
    """Yield what every world begins with."""
    directory = tmp_path_factory.mktemp("stock")
    async with worlds.stocked(postgres_url, template_url, directory) as stock:
        yield stock


@pytest.fixture
async def world(postgres_url: str, stock: Stock, tmp_path: Path) -> AsyncIterator[World]:
    """Yield a world; at its end the books are right, and true to what was paid."""
    async with worlds.opened(postgres_url, stock, tmp_path) as world:
        yield world
        await world.settled()
        assert await world.drifts() == []
        assert await world.untrue() == []
