"""The four lists of credit usage records: a page of each, its count and its totals."""

from typing import Generic, TypeVar
from uuid import UUID

import strawberry

from billing import records
from models.database import Record
from resolvers.connection import Connection
from resolvers.context import Info
from resolvers.fields import resolved
from resolvers.types.adjustment import CreditAdjustment
from resolvers.types.node import Node
from resolvers.types.scalars import BigInt
from resolvers.types.usage import ConversationUsage, ImportUsage, McpHttpCall

N = TypeVar("N", bound=Node)

Question = tuple[records.Filter, UUID]
"""What totals are asked of: a filter, and a workspace."""


@strawberry.type(description="The totals of all conversations that the filter lets through.")
class ConversationUsageSummary:
    """Totals of conversations."""

    conversation_count: BigInt = strawberry.field(description="How many conversations.")
    message_count: BigInt = strawberry.field(description="Their messages.")
    credits: BigInt = strawberry.field(description="Their credits.")


@strawberry.type(description="The totals of all calls that the filter lets through.")
class McpHttpCallSummary:
    """Totals of calls."""

    call_count: BigInt = strawberry.field(description="How many calls.")
    credits: BigInt = strawberry.field(description="Their credits.")


@strawberry.type(description="The totals of all imports that the filter lets through.")
class ImportUsageSummary:
    """Totals of imports."""

    import_count: BigInt = strawberry.field(description="How many imports.")
    credits: BigInt = strawberry.field(description="Their credits.")


@strawberry.type(description="The totals of all adjustments that the filter lets through.")
class CreditAdjustmentSummary:
    """Totals of adjustments."""

    adjustment_count: BigInt = strawberry.field(description="How many adjustments.")
    granted: BigInt = strawberry.field(description="The credits that they added.")
    removed: BigInt = strawberry.field(description="The credits that they removed, not negative.")
    net: BigInt = strawberry.field(description="Added less removed.")


@strawberry.type(description="A page of a filtered list, which can be counted.")
class RecordConnection(Connection[N], Generic[N]):
    """A page of a filtered list; its totals are computed only when they are asked for."""

    question: strawberry.Private[Question]

    @resolved("How many rows the filter lets through, exactly.")
    async def total_count(self, info: Info) -> int:
        """Return the number of rows."""
        return int((await self.totals(info)).row_count)

    async def totals(self, info: Info) -> Record:
        """Return the totals of the filtered list."""
        return await info.context.loaders.record_totals.load(self.question)


@strawberry.type(description="A page of conversations.")
class ConversationUsageConnection(RecordConnection[ConversationUsage]):
    """A page of conversations."""

    @resolved("The totals of the filtered conversations.")
    async def summary(self, info: Info) -> ConversationUsageSummary:
        """Return the totals."""
        totals = await self.totals(info)
        return ConversationUsageSummary(
            conversation_count=totals.row_count,
            message_count=totals.messages,
            credits=totals.credits,
        )


@strawberry.type(description="A page of calls.")
class McpHttpCallConnection(RecordConnection[McpHttpCall]):
    """A page of calls."""

    @resolved("The totals of the filtered calls.")
    async def summary(self, info: Info) -> McpHttpCallSummary:
        """Return the totals."""
        totals = await self.totals(info)
        return McpHttpCallSummary(call_count=totals.row_count, credits=totals.credits)


@strawberry.type(description="A page of imports.")
class ImportUsageConnection(RecordConnection[ImportUsage]):
    """A page of imports."""

    @resolved("The totals of the filtered imports.")
    async def summary(self, info: Info) -> ImportUsageSummary:
        """Return the totals."""
        totals = await self.totals(info)
        return ImportUsageSummary(import_count=totals.row_count, credits=totals.credits)


@strawberry.type(description="A page of adjustments.")
class CreditAdjustmentConnection(RecordConnection[CreditAdjustment]):
    """A page of adjustments."""

    @resolved("The totals of the filtered adjustments.")
    async def summary(self, info: Info) -> CreditAdjustmentSummary:
        """Return the totals."""
        totals = await self.totals(info)
        return CreditAdjustmentSummary(
            adjustment_count=totals.row_count,
            granted=totals.granted,
            removed=totals.removed,
            net=totals.net,
        )
