"""Connections: one pool a process, a snapshot for reading, a transaction for writing.

DatabaseFailure
├── StatementTimeout       it took longer than a statement may
└── DatabaseUnavailable    the server is away, or all connections are taken
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import partial
from typing import Any, Final, Self

import orjson
from sqlalchemy import CursorResult, Executable, Row, event, text
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.pool import NullPool, QueuePool

from models import channel
from models.channel import Announcer

Parameters = Mapping[str, Any]
Record = Row[Any]
"""A row that was read: its columns are its attributes."""

Session = AsyncSession
"""A transaction to write in: all of it is committed, or nothing."""

CLOSING_SECONDS: Final = 0.1
"""How long a snapshot that is closed waits for the statement that runs."""

_REUSE_PLANS = text("SET LOCAL plan_cache_mode = auto")
_SETTINGS = text(
    # Both as the server writes them; the second column is evaluated after the first.
    "SELECT name, current_setting(name) AS holds, set_config(name, value, true) AS asked"
    " FROM unnest(CAST(:names AS text[]), CAST(:values AS text[])) AS settings(name, value)"
)
_QUERY_CANCELED: Final = "57014"
_UNAVAILABLE: Final = (
    "08",  # the connection is lost
    "53300",  # the server has too many connections
    "57P",  # it is shutting down, has crashed or is starting
)
"""How the SQLSTATEs begin that say that the server is away."""


class DatabaseFailure(Exception):
    """The database did not do what it was asked, and may do it later."""


class StatementTimeout(DatabaseFailure):
    """A statement ran longer than statements may, and was cancelled."""


class DatabaseUnavailable(DatabaseFailure):
    """The server cannot be reached, or no connection was free in time."""


class SnapshotClosed(asyncio.CancelledError):
    """The operation that the snapshot was of has ended: whoever still asks is cancelled."""


class Snapshot:
    """One consistent view of the database, for one operation.

    Fields may ask in parallel: statements run one at a time, in one REPEATABLE READ READ ONLY
    transaction that begins with the first of them, on a connection held until `close`. Reading
    raises DatabaseFailure.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._connection: AsyncConnection | None = None
        self._turn = asyncio.Lock()
        self._closed = False
        self._running: asyncio.Task[Any] | None = None
        self.statements = 0

    async def all(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Sequence[Row[Any]]:
        """Return the rows of `statement`."""
        return (await self._execute(statement, parameters)).all()

    async def first(
        self, statement: Executable, parameters: Parameters | None = None
    ) -> Row[Any] | None:
        """Return the first row of `statement`, None when there is none."""
        return (await self._execute(statement, parameters)).first()

    async def scalar(self, statement: Executable, parameters: Parameters | None = None) -> Any:
        """Return the first column of the first row, None when there is no row."""
        return (await self._execute(statement, parameters)).scalar()

    async def rest(self) -> None:
        """Give the connection back for as long as nothing is read: what comes next begins anew.

        For who waits for somebody else, or writes: a later view is better than no connection.
        """
        await asyncio.shield(asyncio.ensure_future(self._release()))

    async def close(self) -> None:
        """Give the connection back; nothing is read after it.

        An operation that failed or ran out of time leaves loaders under way: they end here. The
        statement that runs now may end within `CLOSING_SECONDS`, which keeps its connection for
        others; one that takes longer is cancelled.
        """
        self._closed = True
        if self._running is not None:
            _, slow = await asyncio.wait([self._running], timeout=CLOSING_SECONDS)
            for task in slow:
                task.cancel()
        await asyncio.shield(asyncio.ensure_future(self._release()))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _execute(
        self, statement: Executable, parameters: Parameters | None
    ) -> CursorResult[Any]:
        async with self._turn:
            if self._closed:
                raise SnapshotClosed
            if self._connection is None:
                with _failures_to_connect():
                    self._connection = await self._engine.connect()
            self.statements += 1
            self._running = asyncio.current_task()
            try:
                with _failures():
                    return await self._connection.execute(statement, parameters)
            finally:
                self._running = None

    async def _release(self) -> None:
        async with self._turn:
            connection, self._connection = self._connection, None
            if connection is not None:
                # What was read stays true when the server goes away afterwards.
                with suppress(DatabaseUnavailable), _failures():
                    await connection.close()


class Database:
    """The pool of one process.

    `url` is a SQLAlchemy address (`postgresql+asyncpg://`). A statement that runs longer than
    `statement_timeout_seconds` is cancelled by the server; who finds every connection taken waits
    as long for one. `statement_cache_size` 0 is for PgBouncer in transaction mode.
    """

    def __init__(
        self,
        url: str,
        *,
        pool_size: int = 10,
        statement_timeout_seconds: float = 10,
        statement_cache_size: int = 500,
    ) -> None:
        self._settings = {
            "statement_timeout": f"{round(statement_timeout_seconds * 1000)}ms",
            "timezone": "UTC",
            "jit": "off",
            # Plan as if every row were a page to fetch: an order that walks past many rows to
            # find few must not look cheap because its pages may be cached.
            "effective_cache_size": "1MB",
            # A filter's selectivity decides between an ordered scan and the trigram index: a
            # plan that does not know the values chooses badly.
            "plan_cache_mode": "force_custom_plan",
        }
        connect_args = {
            "statement_cache_size": statement_cache_size,
            "prepared_statement_cache_size": statement_cache_size,
            "server_settings": {"application_name": "billing-gateway", **self._settings},
        }
        self.engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=statement_timeout_seconds,
            pool_pre_ping=False,
            json_serializer=lambda value: orjson.dumps(value).decode(),
            json_deserializer=orjson.loads,
            connect_args=connect_args,
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_lost)
        # As the pool connects: what keeps that from working must not look well.
        self._probing = create_async_engine(url, poolclass=NullPool, connect_args=connect_args)
        self._reading = self.engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self.announcer = Announcer(self.engine)

    def snapshot(self) -> Snapshot:
        """Return a new snapshot; whoever asks for it closes it."""
        return Snapshot(self._reading)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        """Give a session whose block is one transaction: committed at its end, or not at all.

        Raises DatabaseFailure; when the server goes away during the commit, nobody knows which.
        """
        topics: Collection[str] = ()
        try:
            with _failures():
                async with self._sessions() as session, session.begin():
                    # A foreign key is checked by a statement of its own: to plan that anew for
                    # every row made a COPY of 100,000 charges 2.5 times slower.
                    with _failures_to_connect():
                        await session.execute(_REUSE_PLANS)
                    yield session
                    topics = channel.announced(session)
        finally:
            # Also when nobody knows which: to tell too much does no harm.
            self.announcer.tell(topics)

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises DatabaseFailure.

        It asks on a connection of its own: a busy pool is no reason to take a worker out.
        """
        with _failures_to_connect():
            async with self._probing.connect() as connection:
                await connection.execute(text("SELECT 1"))

    async def settings_lost(self) -> dict[str, str]:
        """Return the settings of our connections that do not hold in the server, as asked for.

        A pooler in between may keep them to itself. Raises DatabaseFailure.
        """
        parameters = {"names": list(self._settings), "values": list(self._settings.values())}
        async with self.snapshot() as snapshot:
            settings = await snapshot.all(_SETTINGS, parameters)
        return {each.name: each.asked for each in settings if each.holds != each.asked}

    def on_statement(self, hear: Callable[[str], None]) -> Callable[[], None]:
        """Call `hear` with the text of each statement from now on; return how to stop that."""

        def before(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            hear(statement)

        event.listen(self.engine.sync_engine, "before_cursor_execute", before)
        return partial(event.remove, self.engine.sync_engine, "before_cursor_execute", before)

    @property
    def connections_in_use(self) -> int:
        """How many connections of the pool are held now."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout()

    async def close(self) -> None:
        """Close every connection, after what is still to be announced."""
        await self.announcer.close()
        await self.engine.dispose()


def _refuse_lost(connection: Any, *_: Any) -> None:
    """Have the pool connect anew for a connection that the server has closed meanwhile.

    It was started again, perhaps. The connection knows by itself: nothing is sent to ask.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@contextmanager
def _failures_to_connect() -> Iterator[None]:
    """Name what goes wrong while a connection is being had: nobody answers, or none is free."""
    try:
        with _failures():
            yield
    except (OSError, PoolTimeoutError) as error:
        raise DatabaseUnavailable(str(error) or repr(error)) from error


@contextmanager
def _failures() -> Iterator[None]:
    """Name what is the server's condition and no mistake of the statement."""
    try:
        yield
    except DBAPIError as error:
        state = getattr(error.orig, "sqlstate", None) or ""
        if state == _QUERY_CANCELED:
            raise StatementTimeout(str(error.orig)) from error
        if error.connection_invalidated or state.startswith(_UNAVAILABLE):
            raise DatabaseUnavailable(str(error.orig)) from error
        raise
