"""Bringing a database's tables up to this version of the gateway."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 4_951_203_377_215_886_337
"""The advisory lock under which migrations run: two gateways that start at once do not race."""


async def migrate(url: str) -> list[str]:
    """Apply every pending migration; return their revisions, oldest first, empty when current."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            await connection.commit()
            pending = await connection.run_sync(_pending)
            if pending:
                await connection.run_sync(_upgrade)
                await connection.commit()
            await connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            await connection.commit()
    finally:
        await engine.dispose()
    return pending


async def pending_migrations(url: str) -> list[str]:
    """Return the revisions that the database lacks, oldest first."""
    engine = _engine(url)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_pending)
    finally:
        await engine.dispose()


def _engine(url: str) -> AsyncEngine:
    return create_async_engine(url, poolclass=NullPool, connect_args={"statement_cache_size": 0})


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS))
    config.set_main_option("path_separator", "os")
    return config


def _pending(connection: Connection) -> list[str]:
    scripts = ScriptDirectory.from_config(_config())
    current = MigrationContext.configure(connection).get_current_revision()
    revisions = scripts.iterate_revisions("head", current or "base")
    return [script.revision for script in revisions][::-1]


def _upgrade(connection: Connection) -> None:
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
