"""The work queue: what is done later, in a transaction of its own, at least once.

`enqueue` belongs to the transaction that makes the work necessary: both happen, or neither does.
A worker claims a job in a transaction of its own, which leases it for a while, and does the work
in another that ends with `done`; `run_next` is the two together. A worker that dies leaves a
lease that runs out: the job is claimed again. One that has lost its lease commits nothing.
Work that fails is tried again, later each time, and for ever: `failing` lists it. It never stands
in the way of other work.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Text, bindparam, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from billing import retries, rows
from models.base import new_id
from models.database import Database, Snapshot
from models.jobs import Job as JobRow

LEASE = timedelta(minutes=2)
"""How long a worker has a job to itself."""


class LeaseLost(Exception):
    """The lease ran out, and another worker has the job: nothing may be committed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job of a worker, by its lease; `attempts` counts from 1."""

    id: UUID
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int
    lease_token: UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A job whose last attempt failed."""

    id: UUID
    kind: str
    key: str
    payload: Mapping[str, Any]
    attempts: int
    created_at: datetime
    run_at: datetime
    last_error: str


Handler = Callable[[AsyncSession, Job, datetime], Awaitable[None]]
"""Does a job in the transaction that it is given; called again whenever that was not committed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a job; with an `error`, nothing of its work was committed."""

    job: Job
    error: Exception | None


async def enqueue(
    session: AsyncSession,
    *,
    kind: str,
    key: str,
    payload: Mapping[str, Any],
    run_at: datetime,
    now: datetime,
) -> bool:
    """Queue work; return whether it is new: of one kind, a key is queued once until it is done."""
    added = await session.execute(
        insert(_JOBS)
        .values(
            id=new_id(),
            kind=kind,
            key=key,
            payload=dict(payload),
            run_at=run_at,
            attempts=0,
            created_at=now,
        )
        .on_conflict_do_nothing(index_elements=["kind", "key"])
        .returning(_C.id)
    )
    return added.one_or_none() is not None


async def claim(
    session: AsyncSession, *, kinds: Collection[str], limit: int = 1, now: datetime
) -> list[Job]:
    """Lease those jobs of these kinds that are due for the longest; commit before the work.

    Jobs that another transaction is claiming are passed over.
    """
    due = _DUE.limit(limit).cte("due")
    claimed = await session.execute(
        update(_JOBS)
        .where(_C.id == due.c.id)
        .values(run_at=now + LEASE, attempts=_C.attempts + 1, lease_token=new_id())
        .returning(*(_C[name] for name in Job.__slots__)),
        {"due_by": now, "kinds": list(kinds)},
    )
    return [Job(**row._asdict()) for row in claimed]


async def done(session: AsyncSession, job: Job) -> None:
    """Take a job out of the queue, in the transaction of its work. Raises LeaseLost."""
    gone = await session.execute(delete(_JOBS).where(_held(job)).returning(_C.id))
    if gone.one_or_none() is None:
        raise LeaseLost


async def failed(session: AsyncSession, job: Job, error: Exception, *, now: datetime) -> None:
    """Let a job rest, and then be tried again. Raises LeaseLost."""
    rested = await session.execute(
        update(_JOBS)
        .where(_held(job))
        .values(
            run_at=now + retries.delay(attempts=job.attempts),
            lease_token=None,
            last_error=retries.reason(error),
        )
        .returning(_C.id)
    )
    if rested.one_or_none() is None:
        raise LeaseLost


async def run_next(
    database: Database, *, handlers: Mapping[str, Handler], now: datetime
) -> Outcome | None:
    """Do the job that is due for the longest, of the kinds that have a handler; None without one.

    What its handler raises is kept with the job and returned: the queue goes on.
    """
    async with database.write() as session:
        claimed = await claim(session, kinds=handlers, now=now)
    if not claimed:
        return None

    [job] = claimed
    try:
        async with database.write() as session:
            await handlers[job.kind](session, job, now)
            await done(session, job)
    except LeaseLost as error:
        return Outcome(job, error)
    except Exception as error:  # noqa: BLE001 - whatever a job fails of, the others are done
        async with database.write() as session:
            await failed(session, job, error, now=now)
        return Outcome(job, error)
    return Outcome(job, None)


async def failing(snapshot: Snapshot, *, limit: int = 100) -> list[Failing]:
    """Return the jobs whose last attempt failed, the longest waiting first."""
    return [Failing(**row._asdict()) for row in await snapshot.all(_FAILING.limit(limit))]


_JOBS = rows.table(JobRow)
_C = _JOBS.c

_DUE = (
    select(_C.id)
    .where(
        _C.run_at <= bindparam("due_by"),
        _C.kind == func.any(bindparam("kinds", type_=ARRAY(Text))),
    )
    .order_by(_C.run_at, _C.id)
    .with_for_update(skip_locked=True)
)
_FAILING = (
    select(*(_C[name] for name in Failing.__slots__))
    .where(_C.last_error.is_not(None))
    .order_by(_C.created_at, _C.id)
)


def _held(job: Job) -> ColumnElement[bool]:
    return (_C.id == job.id) & (_C.lease_token == job.lease_token)
