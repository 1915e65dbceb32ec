"""The clocks: what time it is, where a task goes on for longer than one moment."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import partial
from typing import Protocol

from sqlalchemy import func, select

from models.database import Database

SharedTime = Callable[[], Awaitable[datetime]]
"""Tells a time by which what several machines do can be put in order."""


class Clock(Protocol):
    """Two times that are the same, unless time is moved for development."""

    def now(self) -> datetime:
        """Return the time of the business: of periods, packages and entries."""
        ...

    def real(self) -> datetime:
        """Return the time of the machine: of leases, attempts and fetches."""
        ...


def shared_time(database: Database) -> SharedTime:
    """Return the time of a database: all machines that use it are told the same."""
    return partial(_time, database)


async def machine_time() -> datetime:
    """Return the machine's time: it is shared by nobody else."""
    return datetime.now(UTC)


async def _time(database: Database) -> datetime:
    async with database.snapshot() as snapshot:
        time: datetime = await snapshot.scalar(_TIME)
    return time


_TIME = select(func.clock_timestamp())
