"""`gateway jobs`, run as operators run it."""

from datetime import timedelta

from billing import jobs
from models.database import Database
from tests import gateway_process
from tests.billing.factories import NOON


async def test_what_fails_is_listed_with_its_reason(database_url: str) -> None:
    """The longest waiting first; what waits for its first attempt is no failure."""
    database = Database(database_url)
    for minutes, key in enumerate(("first", "second", "untried")):
        async with database.write() as session:
            at = NOON + timedelta(minutes=minutes)
            await jobs.enqueue(session, kind="errand", key=key, payload={}, run_at=at, now=at)
    async with database.write() as session:
        for job in await jobs.claim(session, kinds=["errand"], limit=2, now=NOON + jobs.LEASE):
            await jobs.failed(session, job, ValueError("no way"), now=NOON + jobs.LEASE)

    every = await gateway_process.run("jobs", "list", DATABASE_URL=database_url)
    one = await gateway_process.run("jobs", "list", "--limit", "1", DATABASE_URL=database_url)
    await database.close()

    assert (every.status, every.errors) == (0, "")
    assert every.output == (
        "2026-03-01 12:00:00  errand  first  attempts 1  next 2026-03-01 12:02:05\n"
        "    ValueError: no way\n"
        "2026-03-01 12:01:00  errand  second  attempts 1  next 2026-03-01 12:02:05\n"
        "    ValueError: no way\n"
        "Jobs: 2.\n"
    )
    assert one.output.endswith("Jobs: 1.\n")
    assert "second" not in one.output
