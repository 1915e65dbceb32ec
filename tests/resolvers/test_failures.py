"""A database that is slow or away: each failure has a code, and none is a bug of ours."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from models.database import Database
from tests import dying, postgres
from tests.resolvers.world import OWNER, World

LOCKED = text("LOCK TABLE plans IN ACCESS EXCLUSIVE MODE")
PLANS = "{ plans { id } }"


@pytest.fixture
async def hasty_world(postgres_url: str, world_url: str) -> AsyncIterator[World]:
    """Yield a world whose statements have a tenth of a second."""
    async with postgres.database(postgres_url, template_url=world_url) as url:
        database = Database(url, statement_timeout_seconds=0.1)
        yield World(database)
        await database.close()


async def test_a_statement_that_takes_too_long_is_a_timeout(hasty_world: World) -> None:
    """Told in one line of the log; when nothing is in the way, the same query is answered."""
    async with hasty_world.database.write() as session:
        await session.execute(LOCKED)
        with capture_logs() as logs:
            answer = await hasty_world.ask(PLANS, OWNER)

    assert answer.codes == ["TIMEOUT"]
    assert [(log["log_level"], log["kind"]) for log in logs] == [("warning", "StatementTimeout")]
    assert "exc_info" not in logs[0]
    assert (await hasty_world.ask(PLANS, OWNER)).codes == []
    assert hasty_world.database.connections_in_use == 0


async def test_a_database_that_goes_away_is_told_and_found_again(world: World) -> None:
    """Before the first statement of a read; the next request has a new connection."""
    with dying.at_step(world.database, 1), capture_logs() as logs:
        answer = await world.ask(PLANS, OWNER)

    assert answer.codes == ["DATABASE_UNAVAILABLE"]
    assert [(log["log_level"], log["kind"]) for log in logs] == [("warning", "DatabaseUnavailable")]
    assert (await world.ask(PLANS, OWNER)).codes == []
    assert world.database.connections_in_use == 0
