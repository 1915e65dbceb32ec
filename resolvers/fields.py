"""The decorator of fields that a method answers, and how long a list commonly is."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

import strawberry
from graphql import GraphQLField

Method = TypeVar("Method", bound=Callable[..., Any])

_ROWS: Final = "rows"
_ROWS_DEFAULT: Final = 10


def resolved(description: str, *, rows: int = _ROWS_DEFAULT) -> Callable[[Method], Method]:
    """Make a method answer a field: Strawberry's decorator, with the types kept.

    `rows` is what a list that is no page counts as in the limit of objects.
    """
    field: Callable[[Method], Method] = strawberry.field(
        description=description, metadata=counts_as(rows)
    )
    return field


def counts_as(rows: int) -> dict[str, int]:
    """Return the metadata of a field whose list counts as so many."""
    return {_ROWS: rows}


def rows(field: GraphQLField) -> int:
    """Return how long the list of a field is taken to be."""
    definition = field.extensions.get("strawberry-definition")
    found: int = definition.metadata.get(_ROWS, _ROWS_DEFAULT) if definition else _ROWS_DEFAULT
    return found
