"""Telling other processes that something has changed: PostgreSQL's NOTIFY and LISTEN.

What is told is a topic, a short text that says where to look again, and never what is there. It is
told after the commit and by a statement of its own: a NOTIFY within a transaction makes all the
commits of a database take turns. So it may get lost, with the process or with a connection, and it
may be told twice: who listens reads again, and whoever has listened anew reads everything again.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Collection, Iterator
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

LISTENER_NAME: Final = "billing-gateway listener"
"""What the server calls the connections that listen (`application_name`)."""

PAYLOAD_BYTES_MAX: Final = 7_900
"""What one NOTIFY carries; PostgreSQL refuses 8,000."""

RETRY_DELAY_SECONDS_FIRST: Final = 0.1
RETRY_DELAY_SECONDS_MAX: Final = 5.0
"""How long to wait before topics are told again that could not be told."""

CLOSE_TIMEOUT_SECONDS: Final = 2.0
"""How long the end of a process waits for its last topics to be told."""

CONNECT_TIMEOUT_SECONDS: Final = 10.0
CHECK_TIMEOUT_SECONDS: Final = 5.0
"""How long a listening connection has to open, and to show that it lives."""


class ChannelUnavailable(Exception):
    """The server cannot be listened to."""


def announce(session: AsyncSession, topic: str) -> None:
    """Tell who listens to `topic` once the session's transaction is committed.

    A topic is told once a transaction. It has no line break.
    """
    session.info.setdefault(_TOPICS, set()).add(topic)


def announced(session: AsyncSession) -> frozenset[str]:
    """Return what is to be told when the session's transaction is committed."""
    return frozenset(session.info.get(_TOPICS, ()))


class Announcer:
    """Tells topics, in the background; `close` it.

    Topics that come while a statement is under way wait for the next one, each once: however many
    transactions are committed, one connection tells of them.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._topics: set[str] = set()
        self._telling: asyncio.Task[None] | None = None

    def tell(self, topics: Collection[str]) -> None:
        """Tell topics as soon as possible, and again for as long as that fails."""
        self._topics.update(topics)
        if self._topics and (self._telling is None or self._telling.done()):
            self._telling = asyncio.create_task(self._tell())

    async def close(self) -> None:
        """Wait for the last topics to be told, for a moment."""
        if self._telling is not None:
            await asyncio.wait([self._telling], timeout=CLOSE_TIMEOUT_SECONDS)
            self._telling.cancel()
            await asyncio.wait([self._telling])

    async def _tell(self) -> None:
        delay_seconds = RETRY_DELAY_SECONDS_FIRST
        while self._topics:
            topics, self._topics = self._topics, set()
            try:
                await self._notify(list(_payloads(sorted(topics))))
            except _FAILURES:
                self._topics |= topics
                await asyncio.sleep(delay_seconds)
                delay_seconds = min(2 * delay_seconds, RETRY_DELAY_SECONDS_MAX)

    async def _notify(self, payloads: list[str]) -> None:
        """Send payloads by one statement, beside SQLAlchemy: one round trip, no transaction."""
        async with self._engine.connect() as connection:
            driver: Any = (await connection.get_raw_connection()).driver_connection
            try:
                await driver.execute(_NOTIFY, payloads)
            except _FAILURES:
                await connection.invalidate()
                raise


class Listening:
    """A connection that listens, until it is lost."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._is_lost = asyncio.Event()
        connection.add_termination_listener(lambda _: self._is_lost.set())

    async def lost(self, *, check_seconds: float) -> None:
        """Return when the connection is lost.

        A network that forgets connections tells nobody: the server is asked for a sign of life
        every `check_seconds`.
        """
        while not self._is_lost.is_set():
            try:
                async with asyncio.timeout(check_seconds):
                    await self._is_lost.wait()
            except TimeoutError:
                try:
                    async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
                        await self._connection.execute("SELECT 1")
                except _FAILURES:
                    return


@asynccontextmanager
async def listening(url: str, hear: Callable[[list[str]], None]) -> AsyncGenerator[Listening]:
    """Call `hear` with the topics that are told from now on, by any process, this one included.

    `url` leads to the server itself: behind a pooler that gives out connections by the
    transaction, nothing is ever heard. Raises ChannelUnavailable.
    """
    engine = create_async_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "timeout": CONNECT_TIMEOUT_SECONDS,
            "statement_cache_size": 0,
            "server_settings": {"application_name": LISTENER_NAME},
        },
    )
    try:
        connection = await engine.connect()
        driver: Any = (await connection.get_raw_connection()).driver_connection
        try:
            opened = Listening(driver)
            await driver.add_listener(_CHANNEL, lambda *told: hear(told[-1].split(_SEPARATOR)))
            yield opened
        finally:
            # Not given back but ended: a connection that listens is of no use to anybody else.
            await connection.invalidate()
            await connection.close()
    except _FAILURES as error:
        raise ChannelUnavailable(str(error) or repr(error)) from error
    finally:
        await engine.dispose()


_TOPICS: Final = "topics"
_CHANNEL: Final = "billing_gateway"
_SEPARATOR: Final = "\n"
_NOTIFY: Final = f"SELECT pg_notify('{_CHANNEL}', payload) FROM unnest($1::text[]) AS payload"  # noqa: S608 - of our own constants
_FAILURES: Final = (
    *(SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError),
)


def _payloads(topics: list[str]) -> Iterator[str]:
    """Yield texts that hold all topics, none of them larger than a NOTIFY can be."""
    payload = ""
    for topic in topics:
        longer = f"{payload}{_SEPARATOR}{topic}" if payload else topic
        if len(longer.encode()) > PAYLOAD_BYTES_MAX:
            yield payload
            longer = topic
        payload = longer
    yield payload
