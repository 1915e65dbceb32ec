"""What every resolver of one operation shares: who asks, when, and one view of the database."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Self

import strawberry

from billing.access import Viewer
from billing.notices import Notices
from billing.payments import Payments
from billing.recorder import Recorder
from models.database import Database, Session, Snapshot
from resolvers.loaders import Loaders


@dataclass
class Context:
    """One operation's context; `now` is the one moment that all of its fields speak of.

    The snapshot is opened by the first field that reads, and closed by the schema when the
    operation ends. `payments` is None where no payment provider is set up; asking it is given up at
    `payments_until`, by the event loop's clock, before the operation itself is. `return_origins`
    are those to which people are sent back from its pages.

    Operations that share a `recorder` record usage together; without one, each does it by itself.

    A subscription follows `notices`; before each of its values `again` makes the context anew, of
    the same token at a later moment. It raises what a client is to know of a token that ended.
    """

    viewer: Viewer | None
    database: Database
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    payments: Payments | None = None
    payments_until: float | None = None
    return_origins: Collection[str] = ()
    recorder: Recorder | None = None
    notices: Notices | None = None
    again: Callable[[], Awaitable[Self]] | None = None
    _statements: int = field(default=0, init=False)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The view of the database that all fields read."""
        return self.database.snapshot()

    @property
    def statements(self) -> int:
        """How many statements were run so far to read."""
        return self._statements + self.snapshot.statements

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of this operation: what was read once is not read again."""
        return Loaders(self.snapshot, viewer=self.viewer, now=self.now)

    @asynccontextmanager
    async def write(self) -> AsyncGenerator[Session]:
        """Give a session whose block is one transaction; who reads after it sees what it wrote.

        Nothing is read by the loaders within the block: an operation holds one connection.
        """
        await self.renew()
        async with self.database.write() as session:
            yield session

    async def renew(self) -> None:
        """Let go of what was read: whoever reads from now on reads what is committed now."""
        if "snapshot" in vars(self):
            await self.snapshot.close()
            self._statements += self.snapshot.statements
            del self.snapshot
        vars(self).pop("loaders", None)

    async def begin_anew(self) -> None:
        """Ask again who is asking and what time it is: an operation may outlive its token."""
        await self.renew()
        if self.again is not None:
            later = await self.again()
            self.viewer, self.now = later.viewer, later.now
            self.payments_until = later.payments_until

    async def close(self) -> None:
        """Give back what the operation held."""
        await self.snapshot.close()


Info = strawberry.Info[Context, None]
