"""What every resolver of one operation shares: who asks, when, and one view of the database."""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

import strawberry

from billing.access import Viewer
from models.database import Database, Snapshot
from resolvers.loaders import Loaders


@dataclass
class Context:
    """One operation's context; `now` is the one moment that all of its fields speak of.

    The snapshot is opened by the first field that reads, and closed by the schema when the
    operation ends.
    """

    viewer: Viewer | None
    database: Database
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    @cached_property
    def snapshot(self) -> Snapshot:
        """The view of the database that all fields read."""
        return self.database.snapshot()

    @cached_property
    def loaders(self) -> Loaders:
        """The loaders of this operation: what was read once is not read again."""
        return Loaders(self.snapshot, viewer=self.viewer, now=self.now)

    async def close(self) -> None:
        """Give back what the operation held."""
        await self.snapshot.close()


Info = strawberry.Info[Context, None]
