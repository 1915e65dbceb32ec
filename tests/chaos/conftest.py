"""What every storm begins with, and who keeps the processes alive that die in it."""

from collections.abc import AsyncIterator

import pytest

from tests.chaos import mortal
from tests.chaos.mortal import Keeper
from tests.lifecycle.conftest import stock

__all__ = ["keeper", "stock"]


@pytest.fixture(scope="session")
async def keeper() -> AsyncIterator[Keeper]:
    """Yield the keeper of all storms."""
    async with mortal.kept() as keeper:
        yield keeper
