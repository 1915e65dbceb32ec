"""What the pool does when the server is slow, busy or away: errors with a name, and no leak."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import event, text

from models.database import Database, DatabaseUnavailable, StatementTimeout

ONE = text("SELECT 1")
SLOW = text("SELECT pg_sleep(60)")
OWN_END = text("SELECT pg_terminate_backend(pg_backend_pid())")
EVERY_END = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Yield a pool of two connections whose statements have a tenth of a second."""
    pool = Database(database_url, pool_size=2, statement_timeout_seconds=0.1)
    yield pool
    assert pool.connections_in_use == 0
    await pool.close()


async def test_a_slow_statement_is_cancelled_and_the_connection_serves_on(
    database: Database,
) -> None:
    """In both ways to ask; nothing of the transaction is kept."""
    for _ in range(5):
        async with database.snapshot() as snapshot:
            with pytest.raises(StatementTimeout):
                await snapshot.scalar(SLOW)
        with pytest.raises(StatementTimeout):
            await _write(database, "CREATE TABLE unkept (word text)", "SELECT pg_sleep(60)")

    async with database.snapshot() as snapshot:
        assert await snapshot.scalar(text("SELECT to_regclass('unkept')")) is None


async def test_a_server_that_goes_away_in_a_statement_is_told_and_found_again(
    database: Database,
) -> None:
    """The next statement gets a new connection."""
    async with database.snapshot() as snapshot:
        with pytest.raises(DatabaseUnavailable):
            await snapshot.scalar(OWN_END)
    with pytest.raises(DatabaseUnavailable):
        async with database.write() as session:
            await session.execute(OWN_END)

    async with database.snapshot() as snapshot:
        assert await snapshot.scalar(ONE) == 1


async def test_a_connection_that_was_lost_while_nobody_used_it_is_nobodys_failure(
    database_url: str,
) -> None:
    """Who reads or writes first after the server was away is given another one."""
    database, killer = Database(database_url), Database(database_url, pool_size=1)
    made: list[Any] = []
    event.listen(database.engine.sync_engine, "connect", lambda each, _: made.append(each))
    async with database.snapshot() as first, database.snapshot() as second:
        assert (await first.scalar(ONE), await second.scalar(ONE)) == (1, 1)

    async with killer.snapshot() as snapshot:
        await snapshot.scalar(EVERY_END)
    async with asyncio.timeout(10):
        for each in made:
            while not each.driver_connection.is_closed():  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0.01)

    async with database.snapshot() as first, database.write() as session:
        assert await first.scalar(ONE) == 1
        assert await session.scalar(ONE) == 1
    assert len(made) == 4
    await killer.close()
    await database.close()


async def test_what_was_read_before_the_server_went_away_counts(database: Database) -> None:
    """To give a dead connection back is no failure of who read from it."""
    async with database.snapshot() as reader, database.snapshot() as killer:
        assert await reader.scalar(ONE) == 1
        assert await killer.scalar(EVERY_END)


async def test_a_server_that_is_not_there_is_told() -> None:
    """To who reads, who writes and who only asks for a sign of life."""
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        port = unheard.getsockname()[1]
        database = Database(f"postgresql+asyncpg://gateway@127.0.0.1:{port}/gateway")
        with pytest.raises(DatabaseUnavailable, match=r"Connect call failed|Connection refused"):
            await database.snapshot().scalar(ONE)
        with pytest.raises(DatabaseUnavailable):
            async with database.write():
                pytest.fail("a transaction without a server")
        with pytest.raises(DatabaseUnavailable):
            await database.ping()
        assert database.connections_in_use == 0
        await database.close()


async def test_a_cancelled_reader_gives_the_connection_back(database: Database) -> None:
    """Many times as often as there are connections."""
    for _ in range(20):
        async with database.snapshot() as snapshot:
            reading = asyncio.create_task(snapshot.scalar(SLOW))
            while not database.connections_in_use:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
    async with database.snapshot() as snapshot:
        assert await snapshot.scalar(ONE) == 1


async def test_a_statement_that_nobody_waits_for_any_more_is_cancelled(database_url: str) -> None:
    """An operation that ran out of time ends then, not with its slowest statement."""
    database = Database(database_url, pool_size=1, statement_timeout_seconds=60)
    snapshot = database.snapshot()
    left_behind = asyncio.create_task(snapshot.scalar(SLOW))
    async with asyncio.timeout(30):
        while not snapshot.statements:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0)

        await snapshot.close()

    assert left_behind.cancelled()
    assert database.connections_in_use == 0
    async with database.snapshot() as next_one:
        assert await next_one.scalar(ONE) == 1
    await database.close()


async def test_a_failure_within_a_transaction_keeps_its_name(database: Database) -> None:
    """Only what the driver says of the server is renamed."""
    with pytest.raises(OSError, match="a file of ours"):
        async with database.write():
            raise OSError("a file of ours")


async def _write(database: Database, *statements: str) -> None:
    async with database.write() as session:
        for statement in statements:
            await session.execute(text(statement))
