"""Which PostgreSQL the gateway uses: the one of DATABASE_URL, or its own.

    async with postgres.to_serve(settings) as served: ...    a gateway, for as long as it runs
    async with postgres.to_command(settings) as served: ...  a command, beside a running gateway

Both give settings whose `database_url` answers.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Final

from pydantic import SecretStr

from gateway import embedded_postgres, worker
from gateway.postgres_errors import DirectoryInUse
from gateway.settings import Settings
from models import migration
from models.database import Database

EMBEDDED_CONNECTIONS_MAXIMUM: Final = 90
"""Of the embedded server's 100; the others are for commands beside the gateway."""

CONNECTIONS_BESIDE_THE_POOL: Final = worker.CONNECTIONS_MAX + 2
"""Of a process that serves: its work's, one that listens, and one for a moment at a probe."""

COMMAND_STATEMENT_TIMEOUT_SECONDS: Final = 10.0
"""How long a statement of a command may run, unless the command says otherwise."""


class DatabaseUnusable(Exception):
    """The database cannot be worked with; the message is a line for the operator."""


@asynccontextmanager
async def to_serve(settings: Settings) -> AsyncIterator[Settings]:
    """Give settings whose database is ready to be served.

    A server of DATABASE_URL has to be migrated already: several gateways may use it, and only
    its operator knows when. An embedded one is migrated here. Raises DatabaseUnusable or
    EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        await refuse_pending_migrations(url(settings))
        await _refuse_lost_settings(settings)
        yield settings
        return

    connections = settings.workers * (settings.database_pool_size + CONNECTIONS_BESIDE_THE_POOL)
    if connections > EMBEDDED_CONNECTIONS_MAXIMUM:
        raise DatabaseUnusable(
            f"{settings.workers} workers with {settings.database_pool_size} connections each, and "
            f"{CONNECTIONS_BESIDE_THE_POOL} beside them, are more than the "
            f"{EMBEDDED_CONNECTIONS_MAXIMUM} of the embedded PostgreSQL. "
            "Lower DATABASE_POOL_SIZE or GATEWAY_WORKERS, or set DATABASE_URL."
        )
    async with embedded_postgres.serve(settings.data_directory) as server:
        await migrate(server.url)
        yield _with_url(settings, server.url)


@asynccontextmanager
async def to_command(settings: Settings, *, creates: bool = False) -> AsyncIterator[Settings]:
    """Give settings whose database answers, migrated or not: past a pooler, if there is one.

    The embedded server of a gateway that runs is shared with it; else it is started for the
    command. Only one that `creates` makes a database where there is none: any other was told the
    wrong directory. Raises DatabaseUnusable or EmbeddedPostgresError.
    """
    if settings.database_url is not None:
        yield past_pooler(settings)
        return

    if not creates and not embedded_postgres.exists(settings.data_directory):
        raise DatabaseUnusable(
            f"There is no database in {settings.data_directory}. Run `gateway migrate` to make "
            "one, or say where it is by --data, GATEWAY_DATA_DIRECTORY or DATABASE_URL."
        )
    async with AsyncExitStack() as stack:
        try:
            serving = embedded_postgres.serve(settings.data_directory)
            embedded_url = (await stack.enter_async_context(serving)).url
        except DirectoryInUse as error:
            if error.url is None:
                raise
            embedded_url = error.url
        yield _with_url(settings, embedded_url)


@asynccontextmanager
async def connected(
    settings: Settings,
    *,
    statement_timeout_seconds: float = COMMAND_STATEMENT_TIMEOUT_SECONDS,
) -> AsyncIterator[Database]:
    """Give a command its database, by a connection of its own; refuse one that is not migrated.

    Raises DatabaseUnusable or EmbeddedPostgresError.
    """
    async with to_command(settings) as reachable:
        await refuse_pending_migrations(url(reachable))
        database = connect(
            reachable, pool_size=1, statement_timeout_seconds=statement_timeout_seconds
        )
        try:
            yield database
        finally:
            await database.close()


def connect(
    settings: Settings, *, pool_size: int, statement_timeout_seconds: float | None = None
) -> Database:
    """Return a pool as the settings say, with another deadline if one is given; close it."""
    if statement_timeout_seconds is None:
        statement_timeout_seconds = settings.database_statement_timeout_seconds
    return Database(
        url(settings),
        pool_size=pool_size,
        statement_timeout_seconds=statement_timeout_seconds,
        statement_cache_size=settings.database_statement_cache,
    )


def past_pooler(settings: Settings) -> Settings:
    """Return settings whose database is reached on the way on which a session is kept."""
    direct = settings.database_listen_url
    return settings if direct is None else settings.model_copy(update={"database_url": direct})


async def migrate(database_url: str) -> list[str]:
    """Bring the database up to date; return the revisions applied. Raises DatabaseUnusable."""
    try:
        return await migration.migrate(database_url)
    except Exception as error:
        raise _unusable(error) from error


async def refuse_pending_migrations(database_url: str) -> None:
    """Raise DatabaseUnusable unless the database answers and is up to date."""
    try:
        pending = await migration.pending_migrations(database_url)
    except Exception as error:
        raise _unusable(error) from error
    if pending:
        raise DatabaseUnusable(
            f"The database lacks {len(pending)} migrations, from {pending[0]} on. "
            "Run `gateway migrate` first."
        )


async def _refuse_lost_settings(settings: Settings) -> None:
    """Raise DatabaseUnusable unless what we ask of our connections holds in the server."""
    database = connect(settings, pool_size=1)
    try:
        lost = await database.settings_lost()
    except Exception as error:
        raise _unusable(error) from error
    finally:
        await database.close()
    if lost:
        remedy = " ".join(f"ALTER ROLE CURRENT_USER SET {name} = '{lost[name]}';" for name in lost)
        raise DatabaseUnusable(
            f"A pooler keeps {', '.join(lost)} from the database. Set them on the gateway's role, "
            f"as that role, and let the pooler connect anew: {remedy}"
        )


def url(settings: Settings) -> str:
    """Return the address in settings that `to_serve` or `to_command` gave. It is secret."""
    assert settings.database_url is not None
    return settings.database_url.get_secret_value()


def _unusable(error: Exception) -> DatabaseUnusable:
    """Return what a driver raised, of whatever kind, as a line; drivers name no passwords."""
    lines = str(error).splitlines() or [type(error).__name__]
    return DatabaseUnusable(f"The database cannot be used: {lines[0]}")


def _with_url(settings: Settings, embedded_url: str) -> Settings:
    return settings.model_copy(update={"database_url": SecretStr(embedded_url)})
