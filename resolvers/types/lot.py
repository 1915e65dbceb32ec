"""Lots: credits that came in together."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from uuid import UUID

import strawberry

from billing.access import WorkspaceAccess
from models.database import Record
from resolvers import ids
from resolvers.connection import Connection
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types.enums import LotKind
from resolvers.types.node import Node
from resolvers.types.scalars import BigInt

if TYPE_CHECKING:
    from resolvers.types.adjustment import CreditAdjustment

LazyAdjustment = Annotated["CreditAdjustment", strawberry.lazy("resolvers.types.adjustment")]


@strawberry.type(description="Credits that came in together: a package, a purchase, a gift.")
class CreditLot(Node):
    """Credits that came in together."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[int]
    kind: LotKind = strawberry.field(description="Where the credits come from.")
    granted: BigInt = strawberry.field(description="The credits that came in.")
    remaining: BigInt = strawberry.field(
        description="What can still be spent of it: nothing once it has expired."
    )
    created_at: datetime = strawberry.field(description="When they came in.")

    expires_at: datetime | None = strawberry.field(
        description="When what is left of it expires; null when it never does. For a plan that"
        " renews this is the end of its period; until the renewal is paid it can be spent for a"
        " grace period longer."
    )

    @resolved("The adjustment that brought them in.")
    async def adjustment(self, info: Info) -> LazyAdjustment:
        """Return the adjustment of the lot's number."""
        from resolvers.types.adjustment import adjustment_numbered  # noqa: PLC0415 - a circle

        adjustment = await adjustment_numbered(info, self.access, self.key)
        assert adjustment is not None, "a foreign key holds it"
        return adjustment


@strawberry.type(description="A page of lots.")
class CreditLotConnection(Connection[CreditLot]):
    """A page of lots."""

    workspace_id: strawberry.Private[UUID]

    @resolved("How many lots can be spent.")
    async def total_count(self, info: Info) -> int:
        """Return the number of live lots."""
        return await info.context.loaders.lot_count.load(self.workspace_id)


def lot(info: Info, row: Record, access: WorkspaceAccess) -> CreditLot:
    """Return the lot of a row that has the columns of the lots.

    What is left of an expired lot does not count, booked or not. People are shown the period's
    end as its expiry, without the grace that a renewal has.
    """
    has_expired = row.expires_at is not None and row.expires_at <= info.context.now
    return CreditLot(
        id=strawberry.ID(ids.encode("CreditLot", row.number, workspace_id=access.workspace_id)),
        access=access,
        key=row.number,
        kind=row.kind,
        granted=BigInt(row.granted),
        remaining=BigInt(0 if has_expired else row.remaining),
        created_at=row.created_at,
        expires_at=row.period_end or row.expires_at,
    )
