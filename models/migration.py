"""Bringing a database's tables up to this version of the gateway."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

_SCRIPTS = Path(__file__).parent / "migrations"
_LOCK = 4_951_203_377_215_886_337
"""The advisory lock under which migrations run: two gateways that start at once do not race."""


async def migrate(url: str) -> list[str]:
    """Apply every pending migration; return their revisions, oldest first, empty when current."""
    engine = _engine(url)
    event.listen(engine.sync_engine, "begin", _take_time)
    try:
        # A lock of the session would stay behind in a pooler that gives out connections by the
        # transaction; this one ends with a transaction that lasts as long as it is needed.
        async with engine.connect() as guard, engine.connect() as connection:
            await guard.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            pending = await connection.run_sync(_pending)
            if pending:
                await connection.run_sync(_upgrade)
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


def _take_time(connection: Connection) -> None:
    """Free a transaction from the deadlines of the role: an index takes as long as it takes."""
    connection.exec_driver_sql(
        "SELECT set_config('statement_timeout', '0', true),"
        " set_config('idle_in_transaction_session_timeout', '0', true)"
    )


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
