"""What every storm stands on."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos import mortal
from tests.chaos.storm import Ground
from tests.lifecycle.conftest import stock
from tests.lifecycle.world import Stock

__all__ = ["ground", "stock"]


@pytest.fixture(scope="session")
async def ground(postgres_url: str, stock: Stock) -> AsyncIterator[Ground]:
    """Yield what all storms stand on."""
    async with mortal.kept() as keeper:
        yield Ground(postgres_url, stock, keeper)
