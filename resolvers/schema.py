"""The schema: one a process."""

from collections.abc import AsyncIterator
from typing import Any

from graphql import lexicographic_sort_schema, print_schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from resolvers.execution import Schema
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.subscription import SubscriptionRoot
from resolvers.types.adjustment import CreditAdjustment
from resolvers.types.scalars import SCALARS
from resolvers.types.usage import ConversationUsage, ImportUsage, McpHttpCall


class ClosesContext(SchemaExtension):
    """Gives back what an operation's context held when the operation ends, however it ends.

    A subscription gives it back before each value is sent: while a client takes its time, or
    nothing changes, there is no connection that waits.
    """

    async def on_operation(self) -> AsyncIterator[None]:
        """Close the context after the operation."""
        try:
            yield
        finally:
            await self.execution_context.context.close()

    async def on_stream_result(self, result: Any) -> None:  # type: ignore[override] # the hook may be any function  # noqa: ARG002
        """Let go of what a value was read with."""
        await self.execution_context.context.renew()


schema = Schema(
    Query,
    description="Subscriptions and credits of workspaces: what they hold, what they used, what they"
    " have left, and how an owner changes it.",
    mutation=Mutation,
    subscription=SubscriptionRoot,
    types=[ConversationUsage, McpHttpCall, ImportUsage, CreditAdjustment],
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[ClosesContext],
)


def printed() -> str:
    """Return the schema in its own language, sorted, as `schema.graphql` holds it."""
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"  # noqa: SLF001
