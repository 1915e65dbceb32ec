"""The three usage lists: conversations, MCP-HTTP calls and imports."""

from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from billing.access import WorkspaceAccess
from models.database import Record
from resolvers import connection, cursors, ids
from resolvers.connection import After, Before, Connection, First, Last, Place
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types import record
from resolvers.types.enums import BillingType, ImportType, UsageKind
from resolvers.types.lot import CreditLot, lot
from resolvers.types.node import Node
from resolvers.types.scalars import BigInt
from resolvers.types.user import User

USER = "null for a member, who does not see people."


async def _user(info: Info, access: WorkspaceAccess, user_id: UUID) -> User | None:
    """Return the person of a record, None for whom may not see people."""
    if not access.sees_people:
        return None
    profile = await info.context.loaders.person.load(user_id)
    return None if profile is None else User.of(profile)


@strawberry.type(description="An API key of the workspace: its name, never its secret.")
class ApiKey(Node):
    """An API key."""

    name: str = strawberry.field(description="What it is called.")
    created_at: datetime = strawberry.field(description="When it was made.")
    revoked_at: datetime | None = strawberry.field(
        description="When it was revoked; null while it works."
    )

    @classmethod
    def of(cls, key: Any) -> "ApiKey":
        """Return the GraphQL value of an `ApiKeyName` or of a row with its columns."""
        return cls(
            id=strawberry.ID(ids.encode("ApiKey", key.id, workspace_id=key.workspace_id)),
            name=key.name,
            created_at=key.created_at,
            revoked_at=key.revoked_at,
        )


@strawberry.type(description="A page of a workspace's API keys, oldest first.")
class ApiKeyConnection(Connection[ApiKey]):
    """A page of API keys."""

    workspace_id: strawberry.Private[UUID]

    @resolved("How many API keys there are, revoked ones included.")
    async def total_count(self, info: Info) -> int:
        """Return the number of API keys."""
        return await info.context.loaders.api_key_count.load(self.workspace_id)


@strawberry.type(description="What a lot paid towards a charge.")
class ChargePayment:
    """What a lot paid of a charge."""

    lot: CreditLot = strawberry.field(description="The lot.")
    credits: BigInt = strawberry.field(description="The credits that it paid.")


@strawberry.type(description="A charge: what one usage event cost.")
class UsageCharge(Node):
    """A charge."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[int]
    kind: UsageKind = strawberry.field(description="What was charged for.")
    message_count: BigInt = strawberry.field(description="The messages that it counts.")
    credits: BigInt = strawberry.field(description="The credits charged.")
    unpaid: BigInt = strawberry.field(description="The credits of it that no lot has paid for yet.")
    occurred_at: datetime = strawberry.field(description="When it was used.")
    created_at: datetime = strawberry.field(description="When it was booked.")

    @resolved("Which lots paid for it, oldest first.", rows=2)
    async def payments(self, info: Info) -> list[ChargePayment]:
        """Return what each lot paid."""
        paid = await info.context.loaders.payments.load((self.access.workspace_id, self.key))
        return [
            ChargePayment(lot=lot(info, payment.lot, self.access), credits=BigInt(payment.credits))
            for payment in paid
        ]


@strawberry.type(description="A page of a conversation's charges, latest first.")
class UsageChargeConnection(Connection[UsageCharge]):
    """A page of charges."""

    conversation: strawberry.Private[tuple[UUID, UUID]]

    @resolved("How many charges the conversation has.")
    async def total_count(self, info: Info) -> int:
        """Return the number of charges."""
        return await info.context.loaders.charge_count.load(self.conversation)


def charge(row: Record, access: WorkspaceAccess) -> UsageCharge:
    """Return the charge of a row that has the columns of the charges."""
    return record.node(UsageCharge, row, row.entry_number, access=access)


@strawberry.type(description="What a conversation has cost.")
class ConversationUsage(Node):
    """What a conversation has cost."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[UUID]
    user_id: strawberry.Private[UUID]
    conversation_id: str = strawberry.field(description="The host product's id of it.")
    title: str = strawberry.field(description="Its title.")
    message_count: BigInt = strawberry.field(description="The messages counted for billing.")
    credits: BigInt = strawberry.field(description="The credits charged for all of it.")
    billing_type: BillingType = strawberry.field(description="What it is billed as.")
    updated_at: datetime = strawberry.field(description="When it was last used.")

    @resolved("Who started it; " + USER)
    async def user(self, info: Info) -> User | None:
        """Return who started it."""
        return await _user(info, self.access, self.user_id)

    @resolved("Its charges, latest first: the billing detail sheet.")
    async def charges(
        self,
        info: Info,
        first: First = strawberry.UNSET,
        after: After = strawberry.UNSET,
        last: Last = strawberry.UNSET,
        before: Before = strawberry.UNSET,
    ) -> UsageChargeConnection:
        """Return a page of its charges."""
        parent = (self.access.workspace_id, self.key)
        place = Place(cursors.fingerprint("charges", *parent), types=(int,))
        asked = connection.paging(place, first=first, after=after, last=last, before=before)
        page = await info.context.loaders.charge_page.load((asked.part, parent))
        return UsageChargeConnection.of(
            page, lambda row: charge(row, self.access), place=place, conversation=parent
        )


@strawberry.type(description="A call of the MCP-HTTP interface with an API key.")
class McpHttpCall(Node):
    """An MCP-HTTP call."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[UUID]
    user_id: strawberry.Private[UUID]
    api_key_id: strawberry.Private[UUID]
    call_id: str = strawberry.field(description="The host product's id of it.")
    credits: BigInt = strawberry.field(description="The credits charged.")
    created_at: datetime = strawberry.field(description="When it was made.")

    @resolved("The API key that was used.")
    async def api_key(self, info: Info) -> ApiKey:
        """Return the key."""
        found = await info.context.loaders.api_key.load((self.access.workspace_id, self.api_key_id))
        return ApiKey.of(found)

    @resolved("Who made it; " + USER)
    async def user(self, info: Info) -> User | None:
        """Return the caller."""
        return await _user(info, self.access, self.user_id)


@strawberry.type(description="An import job of a brand or of products.")
class ImportUsage(Node):
    """An import job."""

    access: strawberry.Private[WorkspaceAccess]
    key: strawberry.Private[UUID]
    user_id: strawberry.Private[UUID]
    task_id: str = strawberry.field(description="The host product's id of it.")
    import_type: ImportType = strawberry.field(description="What it brought in.")
    import_url: str = strawberry.field(
        description=(
            "The source as it was recorded. Text, not a promise: check the scheme before linking."
        )
    )
    credits: BigInt = strawberry.field(description="The credits charged.")
    created_at: datetime = strawberry.field(description="When it ran.")

    @resolved("Who started it; " + USER)
    async def user(self, info: Info) -> User | None:
        """Return who started it."""
        return await _user(info, self.access, self.user_id)
