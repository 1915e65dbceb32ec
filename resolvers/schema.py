"""The schema: one a process."""

from collections.abc import AsyncIterator

from graphql import lexicographic_sort_schema, print_schema
from strawberry.extensions import SchemaExtension
from strawberry.schema.config import StrawberryConfig

from resolvers.execution import Schema
from resolvers.mutation import Mutation
from resolvers.query import Query
from resolvers.types.adjustment import CreditAdjustment
from resolvers.types.scalars import SCALARS
from resolvers.types.usage import ConversationUsage, ImportUsage, McpHttpCall


class ClosesContext(SchemaExtension):
    """Gives back what an operation's context held when the operation ends, however it ends."""

    async def on_operation(self) -> AsyncIterator[None]:
        """Close the context after the operation."""
        try:
            yield
        finally:
            await self.execution_context.context.close()


schema = Schema(
    Query,
    mutation=Mutation,
    types=[ConversationUsage, McpHttpCall, ImportUsage, CreditAdjustment],
    config=StrawberryConfig(scalar_map=SCALARS),
    extensions=[ClosesContext],
)


def printed() -> str:
    """Return the schema in its own language, sorted, as `schema.graphql` holds it."""
    return print_schema(lexicographic_sort_schema(schema._schema)) + "\n"  # noqa: SLF001
