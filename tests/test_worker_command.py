"""`gateway worker`, as cron and an operator run it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from billing import ledger
from models.database import Database
from models.ledger import CreditLot
from tests import gateway_process
from tests.billing import catalogue, factories

LONG_AGO = datetime.now(UTC) - timedelta(days=2)


async def test_one_round_books_what_has_expired_and_ends(database_url: str) -> None:
    """For cron: what is due is done when the command has ended."""
    database = Database(database_url)
    await catalogue.add(database, free_refreshes=False)
    place = await catalogue.add_workspace(database, now=LONG_AGO)
    async with database.write() as session:
        await ledger.grant(
            session,
            workspace_id=place.workspace_id,
            grant=factories.grant(10, expires_at=LONG_AGO + timedelta(hours=1)),
            now=LONG_AGO,
        )

    ended = await gateway_process.run("worker", "--once", DATABASE_URL=database_url)

    assert (ended.status, ended.errors) == (0, "")
    async with database.snapshot() as snapshot:
        expired = select(CreditLot.remaining).where(CreditLot.expires_at.is_not(None))
        assert await snapshot.scalar(expired) == 0
    await database.close()


async def test_a_database_of_an_older_version_is_refused(postgres_url: str) -> None:
    """In a line that says what to do."""
    ended = await gateway_process.run("worker", "--once", DATABASE_URL=postgres_url)

    assert ended.status == 1
    assert "gateway migrate" in ended.errors
