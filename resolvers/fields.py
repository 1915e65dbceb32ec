"""The decorator of fields that a method answers."""

from collections.abc import Callable
from typing import Any, TypeVar

import strawberry

Method = TypeVar("Method", bound=Callable[..., Any])


def resolved(description: str) -> Callable[[Method], Method]:
    """Make a method answer a field: Strawberry's decorator, with the types kept."""
    field: Callable[[Method], Method] = strawberry.field(description=description)
    return field
