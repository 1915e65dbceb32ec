"""What a workspace has left to spend."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from billing import subscriptions
from billing.access import WorkspaceAccess
from billing.balance import Balance
from billing.subscriptions import Refresh
from resolvers import connection, cursors
from resolvers.connection import After, Before, First, Last, Place
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types.lot import CreditLotConnection, lot
from resolvers.types.scalars import BigInt

if TYPE_CHECKING:
    from resolvers.types.workspace import Workspace

LazyWorkspace = Annotated["Workspace", strawberry.lazy("resolvers.types.workspace")]


@strawberry.type(description="Credits that expire together.")
class CreditExpiry:
    """Credits that expire together."""

    amount: BigInt = strawberry.field(description="The credits.")
    expires_at: datetime = strawberry.field(
        description="When they expire. For a plan that renews this is the end of its period; until"
        " the renewal is paid they can be spent for a grace period longer."
    )


@strawberry.type(
    description="What a workspace can spend now: `remaining` is the sum of `recurring`, `purchased`"
    " and `granted`."
)
class CreditBalance:
    """What a workspace can spend now."""

    access: strawberry.Private[WorkspaceAccess]
    remaining: BigInt = strawberry.field(
        description="The credits that can be spent: live lots only, never negative."
    )
    overdraft: BigInt = strawberry.field(
        description="What was used beyond the credits; the next credits repay it first."
    )
    recurring: BigInt = strawberry.field(description="What is left of the plan's packages.")
    purchased: BigInt = strawberry.field(description="What is left of credit packs.")
    granted: BigInt = strawberry.field(
        description="What is left of gifts, rewards and corrections."
    )
    next_expiry: CreditExpiry | None = strawberry.field(
        description="The credits that expire next, without those in their grace period; null when"
        " there are none."
    )

    @classmethod
    def of(cls, balance: Balance, access: WorkspaceAccess) -> "CreditBalance":
        """Return the GraphQL value of a balance."""
        expiry = balance.next_expiry
        return cls(
            access=access,
            remaining=BigInt(balance.remaining),
            overdraft=BigInt(balance.overdraft),
            recurring=BigInt(balance.recurring),
            purchased=BigInt(balance.purchased),
            granted=BigInt(balance.granted),
            next_expiry=None
            if expiry is None
            else CreditExpiry(amount=BigInt(expiry.amount), expires_at=expiry.expires_at),
        )

    @resolved("Whose it is: a client's cache merges what a subscription tells by it.")
    async def workspace(self) -> LazyWorkspace:
        """Return the workspace."""
        from resolvers.types.workspace import Workspace  # noqa: PLC0415 - the types are a circle

        return Workspace.of(self.access)

    @resolved("When the next package of credits comes; null when none will, or while one is late.")
    async def refreshes_at(self, info: Info) -> datetime | None:
        """Return when credits refresh."""
        refresh = await self._refresh(info)
        return None if refresh is None else refresh.at

    @resolved("The credits of the next package; null when `refreshesAt` is.")
    async def next_refresh_amount(self, info: Info) -> BigInt | None:
        """Return how many credits the refresh brings."""
        refresh = await self._refresh(info)
        return None if refresh is None else BigInt(refresh.amount)

    @resolved("The lots that can be spent, oldest first.")
    async def lots(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> CreditLotConnection:
        """Return a page of the live lots."""
        workspace_id = self.access.workspace_id
        place = Place(cursors.fingerprint("lots", workspace_id), types=(datetime, int))
        asked = connection.paging(place, first=first, after=after, last=last, before=before)
        page = await info.context.loaders.lot_page.load((asked.part, workspace_id))
        return CreditLotConnection.of(
            page,
            lambda row: lot(info, row, self.access),
            place=place,
            workspace_id=workspace_id,
        )

    @resolved("The booked balance at a moment, less what had expired by then.")
    async def as_of(
        self,
        info: Info,
        at: Annotated[datetime, strawberry.argument(description="The moment.")],
    ) -> BigInt:
        """Return the balance at `at`: 0 before the first entry, negative in overdraft."""
        return BigInt(await info.context.loaders.balance_as_of.load((at, self.access.workspace_id)))

    @resolved(
        "When the remaining credits run out at the mean daily use of the last 30 days, refreshes"
        " and expiries left out; null when nothing was used, or when they last for over a century."
    )
    async def projected_depletion_at(self, info: Info) -> datetime | None:
        """Return when the credits run out."""
        at: datetime | None = await info.context.loaders.depletion.load(self.access.workspace_id)
        return at

    async def _refresh(self, info: Info) -> Refresh | None:
        held = await info.context.loaders.subscription.load(self.access.workspace_id)
        plans = await info.context.loaders.plans
        if held is None:
            return None
        return subscriptions.next_refresh(held, plans, now=info.context.now)
