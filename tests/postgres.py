"""Real databases for tests: one server a session, one migrated template, one clone a test."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from gateway import embedded_postgres
from models import migration
from models.database import Database

DROP_PAUSES_SECONDS = (0.1, 0.2, 0.5, 1, 2, 5)
MEMORY = Path("/dev/shm")  # noqa: S108 - only private directories are made in it
MEMORY_BYTES_MIN = 4 * 1024**3


@pytest.fixture(scope="session")
async def postgres_url() -> AsyncIterator[str]:
    """Yield the URL of a server whose role may create databases.

    It is the one named in TEST_DATABASE_URL, or an embedded one of this test process.
    """
    if url := os.environ.get("TEST_DATABASE_URL"):
        yield url
        return
    with tempfile.TemporaryDirectory(prefix="gateway-tests-", dir=_fastest()) as directory:
        async with embedded_postgres.serve(Path(directory), durable=False) as server:
            yield server.url


@pytest.fixture(scope="session")
async def template_url(postgres_url: str) -> AsyncIterator[str]:
    """Yield the URL of a database with all tables and no rows; clone it, never connect to it."""
    async with database(postgres_url) as url:
        await migration.migrate(url)
        yield url


@pytest.fixture
async def database_url(postgres_url: str, template_url: str) -> AsyncIterator[str]:
    """Yield the URL of a database of this test's own, with all tables and no rows."""
    async with database(postgres_url, template_url=template_url) as url:
        yield url


@asynccontextmanager
async def database(server_url: str, *, template_url: str | None = None) -> AsyncIterator[str]:
    """Yield the URL of a new database on that server, and drop it in the end, in use or not."""
    name = f"test_{uuid4().hex}"
    template = make_url(template_url).database if template_url else "template1"
    await _execute(server_url, f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        await _drop(server_url, name)


async def until_somebody_waits(database: Database) -> None:
    """Return as soon as a connection to this database waits for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_stat_activity"
        " WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(5):
        while True:
            async with database.snapshot() as snapshot:
                if await snapshot.scalar(waiting):
                    return


def _fastest() -> Path | None:
    """Return a directory in memory with room for large tests, or None for the usual one.

    A clone is hundreds of files. On ext4, which shuns the places of files deleted a moment ago,
    making and dropping clones took 0.3 s each instead of 0.02 s.
    """
    roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN
    return MEMORY if roomy else None


async def _drop(server_url: str, name: str) -> None:
    """Drop a database, after what cleans it: only a superuser may end an autovacuum worker."""
    for pause_seconds in (*DROP_PAUSES_SECONDS, None):
        try:
            return await _execute(server_url, f'DROP DATABASE "{name}" WITH (FORCE)')
        except ProgrammingError as error:
            if pause_seconds is None or "permission denied" not in str(error):
                raise
            await asyncio.sleep(pause_seconds)
    return None


async def _execute(server_url: str, statement: str) -> None:
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(statement))
    finally:
        await engine.dispose()
