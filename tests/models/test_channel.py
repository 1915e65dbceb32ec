"""Telling other processes of changes: what is heard, what is not, and what breaks on the way."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import text

from models import channel
from models.channel import ChannelUnavailable
from models.database import Database

TERMINATE = text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND application_name = :name"
)


class Ear:
    """Hears topics, in their order."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.notices = 0
        self._more = asyncio.Event()

    def hear(self, topics: list[str]) -> None:
        """Note what a notice tells."""
        self.heard += topics
        self.notices += 1
        self._more.set()

    async def until(self, topic: str) -> list[str]:
        """Return what was heard, once that is among it."""
        async with asyncio.timeout(30):
            while topic not in self.heard:
                self._more.clear()
                await self._more.wait()
        return self.heard


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """Yield a database that announces."""
    database = Database(database_url, pool_size=1)
    yield database
    await database.close()


async def announce(database: Database, *topics: str) -> None:
    """Announce topics in a transaction."""
    async with database.write() as session:
        for topic in topics:
            channel.announce(session, topic)


async def test_a_topic_is_heard_once_a_transaction(database_url: str, database: Database) -> None:
    """However often it is announced in it."""
    ear = Ear()
    async with channel.listening(database_url, ear.hear):
        await announce(database, "one", "one", "two")
        await announce(database, "end")
        heard = await ear.until("end")

    assert sorted(heard) == ["end", "one", "two"]


async def test_more_than_a_notice_holds_is_heard_in_several(
    database_url: str, database: Database
) -> None:
    """All of it, and no notice is one that PostgreSQL refuses."""
    topics = [f"topic {number:0>50}" for number in range(1_000)]
    ear = Ear()
    async with channel.listening(database_url, ear.hear):
        await announce(database, *topics)
        heard = await ear.until(topics[-1])

    assert heard == topics
    assert ear.notices == -(-sum(len(topic) + 1 for topic in topics) // channel.PAYLOAD_BYTES_MAX)


async def test_what_is_announced_while_another_notice_is_under_way_shares_the_next(
    database_url: str, database: Database
) -> None:
    """Fifty transactions, of which the first is told alone."""
    ear = Ear()
    async with channel.listening(database_url, ear.hear):
        for number in range(50):
            database.announcer.tell([f"topic {number}"])
            if number == 0:
                await asyncio.sleep(0)  # it is on its way
        await ear.until("topic 49")

    assert len(ear.heard) == 50
    assert ear.notices == 2


async def test_a_broken_connection_delays_a_notice_and_does_not_lose_it(
    database_url: str, database: Database
) -> None:
    """The pool's only connection has died: it is told over another."""
    ear = Ear()
    other = Database(database_url)
    async with channel.listening(database_url, ear.hear):
        await database.ping()
        async with other.write() as session:
            await session.execute(TERMINATE, {"name": "billing-gateway"})
        database.announcer.tell(["late"])
        heard = await ear.until("late")
    await other.close()

    assert heard == ["late"]


async def test_a_listener_that_is_cut_off_knows(database_url: str, database: Database) -> None:
    """It does not go on to hear nothing."""
    async with channel.listening(database_url, Ear().hear) as listening:
        async with database.write() as session:
            await session.execute(TERMINATE, {"name": channel.LISTENER_NAME})
        async with asyncio.timeout(30):
            await listening.lost(check_seconds=60)


async def test_a_connection_that_is_silent_is_asked_and_goes_on(
    database_url: str, database: Database
) -> None:
    """A sign of life is enough; without one it is given up."""
    ear = Ear()
    async with channel.listening(database_url, ear.hear) as listening:
        waiting = asyncio.create_task(listening.lost(check_seconds=0.001))
        await announce(database, "heard")
        await ear.until("heard")
        assert not waiting.done()

        listening._connection.terminate()
        async with asyncio.timeout(30):
            await waiting


async def test_who_cannot_be_listened_to_is_said(database_url: str) -> None:
    """By one kind of failure, whatever the driver calls it."""
    for url in (database_url.replace("/test_", "/absent_"), "postgresql+asyncpg://a@127.0.0.1:1/b"):
        with pytest.raises(ChannelUnavailable):
            async with channel.listening(url, Ear().hear):
                pass


async def test_a_process_that_ends_does_not_wait_for_a_database_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For a moment only."""
    monkeypatch.setattr(channel, "CLOSE_TIMEOUT_SECONDS", 0.05)
    database = Database("postgresql+asyncpg://gateway@127.0.0.1:1/gateway")
    database.announcer.tell(["never"])
    async with asyncio.timeout(5):
        await database.close()
