"""A workspace that holds Free, as all do to whom the payment provider's stories happen."""

import pytest

from models.database import Database
from tests.billing import catalogue
from tests.billing.factories import Place


@pytest.fixture
async def place(database: Database) -> Place:
    """Return a workspace on Free, with its first package."""
    await catalogue.add(database)
    return await catalogue.add_workspace(database)
