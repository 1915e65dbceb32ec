"""`gateway worker`, as cron and an operator run it."""

from datetime import UTC, datetime, timedelta
from typing import Any

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
    await _let_credits_expire(database)

    ended = await gateway_process.run("worker", "--once", DATABASE_URL=database_url)

    assert (ended.status, ended.errors) == (0, "")
    assert await _expiring(database) == 0
    await database.close()


async def test_one_round_does_what_needs_no_stripe_while_that_is_away(database_url: str) -> None:
    """It fails at its end, and says of what."""
    database = Database(database_url)
    await _let_credits_expire(database)
    settings: Any = {
        "DATABASE_URL": database_url,
        "GATEWAY_STRIPE_SECRET_KEY": "sk_test_of_nobody",
        "GATEWAY_STRIPE_API_BASE": "http://127.0.0.1:9",
    }

    ended = await gateway_process.run("worker", "--once", **settings)

    assert ended.status == 1
    assert ended.errors.splitlines()[-1].startswith("gateway: ")
    assert await _expiring(database) == 0
    await database.close()


async def test_a_database_of_an_older_version_is_refused(postgres_url: str) -> None:
    """In a line that says what to do."""
    ended = await gateway_process.run("worker", "--once", DATABASE_URL=postgres_url)

    assert ended.status == 1
    assert "gateway migrate" in ended.errors


async def _let_credits_expire(database: Database) -> None:
    """Add a workspace whose credits expired long ago."""
    await catalogue.add(database, free_refreshes=False)
    place = await catalogue.add_workspace(database, now=LONG_AGO)
    async with database.write() as session:
        await ledger.grant(
            session,
            workspace_id=place.workspace_id,
            grant=factories.grant(10, expires_at=LONG_AGO + timedelta(hours=1)),
            now=LONG_AGO,
        )


async def _expiring(database: Database) -> int:
    """Return how many credits remain of those that expire."""
    async with database.snapshot() as snapshot:
        expiring = select(CreditLot.remaining).where(CreditLot.expires_at.is_not(None))
        remaining: int = await snapshot.scalar(expiring)
    return remaining
