"""Hearing what other processes announce, and telling the subscriptions of this one.

One connection of its own listens for the whole process, from the first subscription on. While it
is away, announcements are lost; when it is back, everybody reads again. Nobody is told anything
through a queue: a follower who has been told and was busy meanwhile has been told once.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import uuid4

import structlog

from billing.notices import Topic
from models import channel
from models.channel import ChannelUnavailable
from models.database import Database

RETRY_DELAY_SECONDS_FIRST: Final = 0.1
RETRY_DELAY_SECONDS_MAX: Final = 10.0
"""How long to wait before listening again, twice as long after each failure."""

CHECK_SECONDS: Final = 30.0
"""How often a connection that hears nothing is asked whether it lives."""

PROOF_TIMEOUT_SECONDS: Final = 10.0
"""How long an announcement of our own may take to be heard."""

READERS_AT_ONCE: Final = 50
READERS_PAUSE_SECONDS: Final = 0.05
"""How many followers read again at a time, when all do: 1,000 in a second."""

log = structlog.get_logger(__name__)


class Listener:
    """The notices of one process; `close` it.

    `url` leads to the server itself, past any pooler. A follower is told at most once every
    `interval_seconds`, and the first time at once.
    """

    def __init__(self, url: str, *, database: Database, interval_seconds: float) -> None:
        self._url = url
        self._database = database
        self._interval_seconds = interval_seconds
        self._followers: defaultdict[str, set[_Follower]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._tried = asyncio.Event()
        self._proof = ""
        self._proven = asyncio.Event()

    @asynccontextmanager
    async def following(self, *topics: Topic) -> AsyncIterator["_Follower"]:
        """Follow topics within a block: what changes from its beginning on is told.

        Also when the server cannot be listened to now: then everything is told when it can be.
        """
        if self._task is None:
            self._task = asyncio.create_task(self._listen())
        follower = _Follower(self._interval_seconds)
        for topic in topics:
            self._followers[topic].add(follower)
        try:
            await self._tried.wait()
            yield follower
        finally:
            for topic in topics:
                self._followers[topic].discard(follower)
                if not self._followers[topic]:
                    del self._followers[topic]

    @property
    def topics(self) -> int:
        """How many topics are followed."""
        return len(self._followers)

    async def close(self) -> None:
        """Listen no longer."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _listen(self) -> None:
        """Listen, again and again."""
        delay_seconds = RETRY_DELAY_SECONDS_FIRST
        while True:
            try:
                async with channel.listening(self._url, self._hear) as listening:
                    await self._prove()
                    delay_seconds = RETRY_DELAY_SECONDS_FIRST
                    await self._begin()
                    await listening.lost(check_seconds=CHECK_SECONDS)
                reason = "the connection was lost"
            except ChannelUnavailable as error:
                reason = str(error)
            self._tried.set()
            log.warning("notices_interrupted", reason=reason, retry_seconds=delay_seconds)
            await asyncio.sleep(delay_seconds)
            delay_seconds = min(2 * delay_seconds, RETRY_DELAY_SECONDS_MAX)

    async def _prove(self) -> None:
        """Hear an announcement of our own. Raises ChannelUnavailable.

        It takes the way of all others, through the pool: a pooler that LISTEN does not survive is
        found out here, and connections of the pool that did not survive an outage are replaced
        before everybody reads again.
        """
        self._proof = f"proof {uuid4().hex}"
        self._proven.clear()
        self._database.announcer.tell([self._proof])
        try:
            async with asyncio.timeout(PROOF_TIMEOUT_SECONDS):
                await self._proven.wait()
        except TimeoutError:
            raise ChannelUnavailable(
                "what is announced is not heard: behind a pooler, set DATABASE_LISTEN_URL"
            ) from None

    async def _begin(self) -> None:
        """Let who has read before read again: what was announced meanwhile is not known."""
        if not self._tried.is_set():
            self._tried.set()
            return
        followers = set().union(*self._followers.values())
        for number, follower in enumerate(followers, start=1):
            follower.tell()
            if number % READERS_AT_ONCE == 0:
                await asyncio.sleep(READERS_PAUSE_SECONDS)

    def _hear(self, topics: Iterable[str]) -> None:
        for topic in topics:
            if topic == self._proof:
                self._proven.set()
            for follower in self._followers.get(topic, ()):
                follower.tell()


class _Follower:
    def __init__(self, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._told = asyncio.Event()
        self._not_before_seconds = 0.0  # by the clock of the loop

    def tell(self) -> None:
        self._told.set()

    async def changed(self) -> None:
        """Return when something may have changed since this was last called."""
        loop = asyncio.get_running_loop()
        await self._told.wait()
        await asyncio.sleep(self._not_before_seconds - loop.time())
        self._told.clear()
        self._not_before_seconds = loop.time() + self._interval_seconds
