"""How an operation runs, on whatever transport it came.

Strawberry's schema, with one pipeline for documents, a time limit on each operation, and errors
that show a client what it may know.
"""

import asyncio
import copy
from collections.abc import AsyncGenerator, Awaitable
from functools import cache
from typing import Any, Self, TypeVar

import strawberry
from graphql import GraphQLError, GraphQLInputObjectType
from strawberry.extensions import SchemaExtension
from strawberry.extensions.runner import SchemaExtensionsRunner
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext as Executor
from strawberry.schema.schema import StreamResult
from strawberry.types import ExecutionContext, ExecutionResult
from strawberry.types.execution import PreExecutionError
from strawberry.types.graphql import OperationType
from strawberry.utils.aio import aclosing

from resolvers import errors, text
from resolvers.documents import DocumentLimits, Documents
from resolvers.errors import Code

OPERATION_TIMEOUT_SECONDS = 10.0

T = TypeVar("T")


class Schema(strawberry.Schema):
    """A Strawberry schema under limits. Takes what Strawberry's takes, and a description."""

    def __init__(self, query: type, *, description: str | None = None, **arguments: Any) -> None:
        super().__init__(query, **arguments)
        self._schema.description = description
        # Strawberry checks @oneOf by a rule of its own; graphql-core's need to know of it.
        for type_ in self._schema.type_map.values():
            if isinstance(type_, GraphQLInputObjectType):
                definition = type_.extensions.get("strawberry-definition")
                type_.is_one_of = bool(definition and definition.is_one_of)
        self.timeout_seconds = OPERATION_TIMEOUT_SECONDS
        self.documents = Documents(self._schema, limits=DocumentLimits())

    def limited(
        self, limits: DocumentLimits, *, timeout_seconds: float, introspection: bool = True
    ) -> Self:
        """Return this schema under other limits; the types are the same."""
        schema = copy.copy(self)
        schema.timeout_seconds = timeout_seconds
        schema.documents = Documents(self._schema, limits=limits, introspection=introspection)
        return schema

    def operation_type(self, query: str, operation_name: str | None) -> OperationType | None:
        """Return what kind of operation would run; None when executing it tells why none can."""
        document = self.documents.read(query)
        try:
            return OperationType(document.operation(operation_name).operation.value)
        except GraphQLError:
            return None

    async def execute(self, *arguments: Any, **options: Any) -> ExecutionResult:
        """Run an operation that has one result. Raises nothing: failures are in the result."""
        try:
            result: ExecutionResult = _shown(await super().execute(*arguments, **options))
        except Exception as error:  # noqa: BLE001 - the boundary: a hook or the library failed
            return _refused(errors.unexpected(error))
        return result

    async def stream(self, *arguments: Any, **options: Any) -> StreamResult:
        """Run any operation; yields its results. Raises nothing: failures are in the results."""
        return self._shown_stream(await super().stream(*arguments, **options))

    async def _shown_stream(self, results: StreamResult) -> AsyncGenerator[Any, None]:
        try:
            async with aclosing(results):
                async for result in results:
                    yield _shown(result)
        except Exception as error:  # noqa: BLE001 - the boundary: a hook or the library failed
            yield _refused(errors.unexpected(error))

    def process_errors(
        self, errors: list[GraphQLError], execution_context: ExecutionContext | None = None
    ) -> None:
        """Log nothing here: `errors.shown` does, and only what no client can be blamed for."""

    async def _prepare_operation_async(
        self,
        context: ExecutionContext,
        extensions_runner: SchemaExtensionsRunner,  # noqa: ARG002 - see the decisions
    ) -> PreExecutionError | None:
        """Replace Strawberry's parsing and validation by the pipeline."""
        if not context.query:
            return _refused(errors.coded("The request holds no query.", Code.BAD_REQUEST))
        document = self.documents.read(context.query)
        if document.errors:
            return _refused(*document.errors)
        try:
            self.documents.refuse_too_many_values(context.variables)
            operation = document.operation(
                context._provided_operation_name,  # noqa: SLF001 - `operation_name` guesses
            )
            self.documents.refuse_too_broad(document, operation, context.variables)
        except GraphQLError as error:
            return _refused(error)
        type_ = OperationType(operation.operation.value)
        if type_ not in context.allowed_operations:
            message = f"A {operation.operation.value} cannot run here."
            return _refused(errors.coded(message, Code.OPERATION_NOT_ALLOWED))
        # A mutation looks into its input by itself: one bad text of many refuses that one alone.
        is_mutation = type_ is OperationType.MUTATION
        if not is_mutation and context.variables and text.holds_unstorable(context.variables):
            message = "The variables hold a NUL character or half of a surrogate pair."
            return _refused(errors.coded(message, Code.BAD_USER_INPUT))

        context.graphql_document = document.node
        return None

    def _get_middleware_manager(self, extensions: list[SchemaExtension]) -> Any:
        """Return none where no extension resolves: asking an empty one is 6 % of a large result."""
        manager = super()._get_middleware_manager(extensions)
        return manager if manager.middlewares else None

    async def _execute_operation(self, *arguments: Any, **options: Any) -> Any:
        """Run the fields, and cancel all of them when the time is over."""
        return await _within(
            self.timeout_seconds, super()._execute_operation(*arguments, **options)
        )

    def _stream(self, *arguments: Any, **options: Any) -> StreamResult:
        """Run any operation; each value of a subscription has the time that an operation has."""
        options["execution_context_class"] = _executor(self.timeout_seconds)
        return super()._stream(*arguments, **options)


async def _within(timeout_seconds: float, running: Awaitable[T]) -> T:
    """Return what an operation gives, or cancel it when the time is over."""
    deadline = asyncio.timeout(timeout_seconds)
    try:
        async with deadline:
            return await running
    except TimeoutError:
        if not deadline.expired():
            raise
        message = f"The operation took longer than {timeout_seconds:g} s."
        raise errors.coded(message, Code.TIMEOUT) from None


@cache
def _executor(timeout_seconds: float) -> type[Executor]:
    """Return what executes the fields of one value of a subscription, in so much time."""

    class Limited(Executor):
        def execute_operation(self, *arguments: Any) -> Any:
            result: Any = super().execute_operation(*arguments)
            return _within(timeout_seconds, result) if self.is_awaitable(result) else result

    return Limited


def _refused(*found: GraphQLError) -> PreExecutionError:
    return PreExecutionError(data=None, errors=list(found))


def _shown(result: Any) -> Any:
    """Return a result with errors that clients may see.

    When nothing ran, no error has a path: that is a refused request, not a result without data.
    """
    if not result.errors:
        return result
    result.errors = [errors.shown(error) for error in result.errors]
    if result.data is None and all(error.path is None for error in result.errors):
        return _refused(*result.errors)
    return result
