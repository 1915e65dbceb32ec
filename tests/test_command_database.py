"""The database of a command: under the settings that a gateway has."""

import pytest
from sqlalchemy import text

from gateway import environment, postgres

# It counts itself, too.
_KEPT = text("SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%of a command%'")


@pytest.mark.parametrize(("size", "kept"), [(256, 2), (0, 0)])
async def test_a_command_keeps_as_many_statements_as_a_gateway(
    database_url: str, size: int, kept: int
) -> None:
    """None, if told so: behind a pooler, the next one may be asked on another connection."""
    settings = environment.load(database_url=database_url, database_statement_cache=size)
    async with postgres.connected(settings) as database, database.snapshot() as snapshot:
        await snapshot.all(text("SELECT 'of a command'"))

        assert await snapshot.scalar(_KEPT) == kept
