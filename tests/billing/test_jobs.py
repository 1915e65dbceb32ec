"""The work queue: each job is done, by one worker at a time, and a failing one stops no other."""

import asyncio
from collections import Counter
from collections.abc import Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from sqlalchemy import select

from billing import jobs, ledger
from billing.jobs import LEASE, Failing, Job, LeaseLost
from billing.retries import DELAY_FIRST, DELAY_MAX
from models.database import Database, Session
from models.jobs import Job as JobRow
from tests import dying
from tests.billing.factories import NOON, Place, drifts, grant, hours

KIND = "errand"


async def enqueue(
    database: Database,
    key: str = "key",
    *,
    kind: str = KIND,
    run_at: datetime = NOON,
    payload: dict[str, Any] | None = None,
) -> bool:
    """Queue an errand; return whether it is new."""
    async with database.write() as session:
        return await jobs.enqueue(
            session, kind=kind, key=key, payload=payload or {}, run_at=run_at, now=NOON
        )


async def claim(database: Database, *, limit: int = 1, now: datetime = NOON) -> list[Job]:
    """Claim errands."""
    async with database.write() as session:
        return await jobs.claim(session, kinds=[KIND], limit=limit, now=now)


async def queued(database: Database) -> list[str]:
    """Return the keys of the jobs that are not done."""
    async with database.snapshot() as snapshot:
        rows = await snapshot.all(select(JobRow.__table__.c.key).order_by("key"))
    return [row.key for row in rows]


async def test_a_job_is_claimed_when_it_is_due_and_gone_when_it_is_done(
    database: Database,
) -> None:
    """With what was said of it."""
    await enqueue(database, payload={"to": "the market"}, run_at=NOON + hours(1))

    assert await claim(database, now=NOON + hours(1) - timedelta(microseconds=1)) == []
    [job] = await claim(database, now=NOON + hours(1))
    assert (job.kind, job.key, job.payload) == (KIND, "key", {"to": "the market"})
    assert job.attempts == 1
    assert await claim(database, now=NOON + hours(1)) == []
    async with database.write() as session:
        await jobs.done(session, job)

    assert await queued(database) == []


async def test_the_longest_due_are_claimed_first(database: Database) -> None:
    """As many as are asked for, and only those of the kinds that are asked for."""
    await enqueue(database, "later", run_at=NOON - hours(1))
    await enqueue(database, "first", run_at=NOON - hours(3))
    await enqueue(database, "second", run_at=NOON - hours(2))
    await enqueue(database, "other", kind="other", run_at=NOON - hours(4))

    assert {job.key for job in await claim(database, limit=2)} == {"first", "second"}
    assert {job.key for job in await claim(database, limit=2)} == {"later"}


async def test_a_key_is_queued_once_until_it_is_done(database: Database) -> None:
    """The first stays as it is; another kind has keys of its own."""
    assert await enqueue(database, payload={"number": 1})
    assert not await enqueue(database, payload={"number": 2})
    assert await enqueue(database, kind="other")
    [job] = await claim(database)
    assert job.payload == {"number": 1}
    assert not await enqueue(database)
    async with database.write() as session:
        await jobs.done(session, job)

    assert await enqueue(database)


async def test_work_that_is_not_committed_is_not_queued(database: Database) -> None:
    """The queue is a table like the others."""
    async with database.write() as session:
        await jobs.enqueue(session, kind=KIND, key="key", payload={}, run_at=NOON, now=NOON)
        await session.rollback()

    assert await queued(database) == []


async def test_many_workers_claim_each_job_once(database: Database) -> None:
    """They pass over what another one is claiming."""
    for number in range(40):
        await enqueue(database, f"{number:02}")

    claimed = await asyncio.gather(*(claim(database, limit=3) for _ in range(20)))

    assert Counter(job.key for each in claimed for job in each) == {
        f"{number:02}": 1 for number in range(40)
    }


async def test_a_dead_worker_s_job_is_claimed_again_when_its_lease_ends(
    database: Database,
) -> None:
    """The dead one, should it live, commits nothing any more."""
    await enqueue(database)
    [dead] = await claim(database)

    assert await claim(database, now=NOON + LEASE - timedelta(microseconds=1)) == []
    [living] = await claim(database, now=NOON + LEASE)
    assert living == replace(dead, attempts=2, lease_token=living.lease_token)
    for late in (jobs.done, _failed):
        with pytest.raises(LeaseLost):
            async with database.write() as session:
                await late(session, dead)
    async with database.write() as session:
        await jobs.done(session, living)

    assert await queued(database) == []


async def test_who_has_the_lease_beyond_its_end_may_still_finish(database: Database) -> None:
    """As long as nobody else has claimed the job."""
    await enqueue(database)
    [job] = await claim(database)

    async with database.write() as session:
        await jobs.done(session, job)

    assert await claim(database, now=NOON + 2 * LEASE) == []


async def test_a_job_that_fails_rests_twice_as_long_each_time(database: Database) -> None:
    """Up to an hour, for ever; what it failed of is shown."""
    await enqueue(database)
    now, rests = NOON, []
    for _ in range(12):
        [job] = await claim(database, now=now)
        async with database.write() as session:
            await jobs.failed(session, job, ValueError("a\0b\ud800" + "x" * 3_000), now=now)
        async with database.snapshot() as snapshot:
            [failing] = await jobs.failing(snapshot)
        rests.append(failing.run_at - now)
        assert await claim(database, now=failing.run_at - timedelta(microseconds=1)) == []
        now = failing.run_at

    assert rests[:3] == [DELAY_FIRST, 2 * DELAY_FIRST, 4 * DELAY_FIRST]
    assert rests[-2:] == [DELAY_MAX, DELAY_MAX]
    assert failing == Failing(
        id=job.id,
        kind=KIND,
        key="key",
        payload={},
        attempts=12,
        created_at=NOON,
        run_at=now,
        last_error="ValueError: a?b?" + "x" * 1_984,
    )


async def test_the_next_job_is_run_and_a_failing_one_stops_no_other(database: Database) -> None:
    """What was written by the one that failed is not there."""
    await enqueue(database, "bad", run_at=NOON - hours(1))
    await enqueue(database, "good")
    done: list[str] = []

    async def run(session: Session, job: Job, now: datetime) -> None:
        await jobs.enqueue(session, kind="trace", key=job.key, payload={}, run_at=now, now=now)
        if job.key == "bad":
            message = "no way"
            raise ZeroDivisionError(message)
        done.append(job.key)

    outcomes = [await jobs.run_next(database, handlers={KIND: run}, now=NOON) for _ in range(3)]

    first, second, third = outcomes
    assert first is not None
    assert (first.job.key, repr(first.error)) == ("bad", "ZeroDivisionError('no way')")
    assert second is not None
    assert (second.job.key, second.error) == ("good", None)
    assert third is None
    assert done == ["good"]
    assert await queued(database) == ["bad", "good"]
    async with database.snapshot() as snapshot:
        [failing] = await jobs.failing(snapshot)
    assert (failing.key, failing.last_error) == ("bad", "ZeroDivisionError: no way")


async def test_who_loses_the_lease_at_work_commits_nothing(database: Database) -> None:
    """The other one's attempt is the one that counts."""
    await enqueue(database)

    async def run(session: Session, job: Job, now: datetime) -> None:
        await jobs.enqueue(session, kind="trace", key=job.key, payload={}, run_at=now, now=now)
        [other] = await claim(database, now=NOON + LEASE)
        assert other.key == job.key

    outcome = await jobs.run_next(database, handlers={KIND: run}, now=NOON)

    assert outcome is not None
    assert isinstance(outcome.error, LeaseLost)
    assert await queued(database) == ["key"]
    async with database.snapshot() as snapshot:
        assert await jobs.failing(snapshot) == []


async def test_a_worker_that_dies_anywhere_leaves_work_that_is_done_once(
    database: Database, place: Place
) -> None:
    """Before each statement and each commit of a job that grants credits."""
    await enqueue(database)

    async def run(session: Session, _: Job, now: datetime) -> None:
        await ledger.grant(
            session,
            workspace_id=place.workspace_id,
            grant=grant(5, source_key="errand"),
            now=now,
        )

    steps = count(1)
    now = NOON
    while await queued(database):
        with dying.at_step(database, next(steps)):
            await _survive(jobs.run_next(database, handlers={KIND: run}, now=now))
        now += DELAY_MAX + LEASE

    assert next(steps) > 8
    async with (
        database.write() as session,
        ledger.opened(session, workspace_id=place.workspace_id) as book,
    ):
        assert (book.balance, book.last_entry_number) == (5, 1)
    assert await drifts(database, place) == []


async def _failed(session: Session, job: Job) -> None:
    await jobs.failed(session, job, ValueError("late"), now=NOON)


async def _survive(run: Awaitable[object]) -> None:
    """Run what may die with its connection."""
    try:
        await run
    except Exception:  # noqa: BLE001 - whatever a dead connection makes of it
        return
